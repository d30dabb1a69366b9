#include "codec/mqtt/packet_reader.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::codec::mqtt {
namespace {

// MQTT 5 sections 2.1.2 and 2.1.3: what a server sends, with which flags.
bool from_server(PacketType type, std::uint8_t flags) {
  switch (type) {
    case PacketType::publish: {
      const unsigned qos = flags >> 1 & 3;
      const bool duplicate = (flags & 8) != 0;
      return qos < 3 && (qos > 0 || !duplicate);
    }
    case PacketType::pubrel:
      return flags == 2;
    case PacketType::connack:
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubcomp:
    case PacketType::suback:
    case PacketType::unsuback:
    case PacketType::pingresp:
    case PacketType::disconnect:
    case PacketType::auth:
      return flags == 0;
    case PacketType::connect:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
    case PacketType::pingreq:
      return false;
  }
  return false;
}

// The remaining length at the start of `bytes` and its own size; size 0: not whole yet. More bytes
// than needed are taken, MQTT 3.1.1 does not forbid them. False: it goes on past its fourth byte.
bool remaining_length(Bytes bytes, std::uint32_t& value, std::size_t& size) {
  value = 0;
  size = 0;
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    if (index == 4) return false;
    const auto byte = std::to_integer<std::uint32_t>(bytes[index]);
    value |= (byte & 0x7F) << (7 * index);
    if (byte < 0x80) {
      size = index + 1;
      return true;
    }
  }
  return bytes.size() < 4;
}

}  // namespace

MutableBytes PacketReader::room() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return buffer_.subspan(end_);
}

void PacketReader::filled(std::size_t bytes) {
  RUNNEL_ASSERT(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

PacketReader::Step PacketReader::broken(Error error) {
  broken_ = error;
  return {Step::Kind::broken, error, {}};
}

PacketReader::Step PacketReader::next() {
  if (broken_ != Error::none) return broken(broken_);
  for (;;) {
    const std::size_t skipped = std::min<std::size_t>(skip_bytes_, end_ - begin_);
    begin_ += skipped;
    skip_bytes_ -= static_cast<std::uint32_t>(skipped);
    if (begin_ == end_) return {};
    const Bytes input = Bytes(buffer_).subspan(begin_, end_ - begin_);
    const auto first = std::to_integer<std::uint8_t>(input[0]);
    const auto type = static_cast<PacketType>(first >> 4);
    const auto flags = static_cast<std::uint8_t>(first & 15);
    if (!from_server(type, flags)) return broken(Error::malformed);
    std::uint32_t body_bytes;
    std::size_t length_bytes;
    if (!remaining_length(input.subspan(1), body_bytes, length_bytes))
      return broken(Error::malformed);
    if (length_bytes == 0) return {};
    const std::size_t head_bytes = 1 + length_bytes;
    if (body_bytes > buffer_.size() - head_bytes) {
      if (type != PacketType::publish) return broken(Error::too_large);
      ++skipped_packets_;
      begin_ += head_bytes;
      skip_bytes_ = body_bytes;
      continue;
    }
    if (input.size() - head_bytes < body_bytes) return {};
    begin_ += head_bytes + body_bytes;
    return {Step::Kind::packet, Error::none, {type, flags, input.subspan(head_bytes, body_bytes)}};
  }
}

void PacketReader::reset() {
  begin_ = end_ = 0;
  skip_bytes_ = 0;
  broken_ = Error::none;
}

}  // namespace runnel::codec::mqtt
