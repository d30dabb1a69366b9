// Whatever a server sends, the reader gives the same packets in one piece and in pieces, whole and
// within its buffer; what is decoded lies in its packet and keeps the bounds of its fields; and a
// PUBLISH without properties that is written again is the same to the last byte.
#include "codec/mqtt/decode.hpp"
#include "codec/mqtt/encode.hpp"
#include "codec/mqtt/packet_reader.hpp"
#include "codec/mqtt/text.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using namespace runnel::codec::mqtt;
using Kind = PacketReader::Step::Kind;

namespace {

struct Seen {
  std::string packets;
  Error error = Error::none;
  std::uint64_t skipped = 0;
};

void check_text(const fuzz::Exact& body, std::string_view text) {
  FUZZ_CHECK(body.holds(text) && valid_text(text));
}

void check_publish(const fuzz::Exact& body, const Message& message, Version version) {
  check_text(body, message.topic);
  FUZZ_CHECK(body.holds(as_text(message.payload)) && message.qos <= 2);
  FUZZ_CHECK((message.qos > 0) == (message.packet_id != 0));
  FUZZ_CHECK(!message.topic.empty() || message.topic_alias != 0);
  if (message.qos == 2 || (message.duplicate && message.qos == 0)) return;
  const Publish publish{.topic = message.topic,
                        .packet_id = message.packet_id,
                        .qos = message.qos,
                        .retain = message.retain,
                        .duplicate = message.duplicate,
                        .payload_bytes = static_cast<std::uint32_t>(message.payload.size())};
  std::vector<std::byte> head(publish_head_bytes_max(message.topic.size()));
  const auto size = write_publish_head(publish, version, MutableBytes(head));
  FUZZ_CHECK(size && *size + message.payload.size() == publish_bytes(publish, version));
  std::string again(as_text(Bytes(head).first(*size)));
  again += as_text(message.payload);
  // The bodies, from behind the fixed headers: with properties the first one was longer.
  const std::string_view text = body.text();
  if (again.size() < text.size() + 2) return;
  FUZZ_CHECK(std::string_view(again).substr(again.size() - text.size()) == text);
}

void check_connack(const fuzz::Exact& body, const Connack& connack) {
  FUZZ_CHECK(connack.limits.receive_maximum > 0 && connack.limits.maximum_qos <= 2);
  FUZZ_CHECK(connack.limits.packet_bytes_max > 0);
  FUZZ_CHECK(!connack.session_present || connack.reason == Reason::success);
  FUZZ_CHECK(connack.reason == Reason::success || is_failure(connack.reason));
  FUZZ_CHECK(!describe(connack.reason).empty());
  check_text(body, connack.client_id);
  check_text(body, connack.reason_text);
  check_text(body, connack.server_reference);
}

void decode(const Packet& packet, Version version) {
  const fuzz::Exact body(as_text(packet.body));
  const Packet exact{packet.type, packet.flags, body.bytes()};
  switch (packet.type) {
    case PacketType::connack:
      if (const auto connack = read_connack(exact, version)) check_connack(body, *connack);
      break;
    case PacketType::puback:
      if (const auto puback = read_puback(exact, version)) {
        FUZZ_CHECK(puback->packet_id != 0);
        check_text(body, puback->reason_text);
      }
      break;
    case PacketType::publish:
      if (const auto message = read_publish(exact, version)) check_publish(body, *message, version);
      break;
    case PacketType::disconnect:
      if (const auto disconnect = read_disconnect(exact, version)) {
        check_text(body, disconnect->reason_text);
        check_text(body, disconnect->server_reference);
      }
      break;
    case PacketType::pingresp:
      FUZZ_CHECK(read_pingresp(exact).ok() == packet.body.empty());
      break;
    default:
      FUZZ_CHECK(packet.type != PacketType::connect && packet.type != PacketType::subscribe);
  }
}

Seen read_all(std::string_view stream, std::size_t buffer_bytes, std::size_t piece_bytes,
              Version version) {
  std::vector<std::byte> buffer(buffer_bytes);
  PacketReader reader{MutableBytes(buffer)};
  Seen seen;
  for (;;) {
    const auto step = reader.next();
    if (step.kind == Kind::packet) {
      FUZZ_CHECK(step.packet.body.size() < buffer_bytes);
      seen.packets +=
          static_cast<char>(static_cast<unsigned>(step.packet.type) << 4 | step.packet.flags);
      seen.packets += as_text(step.packet.body);
      decode(step.packet, version);
      continue;
    }
    seen.error = step.error;
    seen.skipped = reader.skipped_packets();
    if (step.kind == Kind::broken || stream.empty()) return seen;
    const MutableBytes room = reader.room();
    FUZZ_CHECK(!room.empty());
    const std::size_t size = std::min({piece_bytes, room.size(), stream.size()});
    std::memcpy(room.data(), stream.data(), size);
    reader.filled(size);
    stream.remove_prefix(size);
  }
}

}  // namespace

// First byte: the version, and how large the buffer and the pieces are; the rest: a stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  const Version version = (choice & 1) != 0 ? Version::v5 : Version::v3_1_1;
  const std::size_t buffer_bytes = (choice & 2) != 0 ? 4096 : 16 + (choice >> 4);
  const std::size_t piece_bytes = 1u + (choice >> 2 & 15);
  const std::string_view stream = input.rest();
  const Seen whole = read_all(stream, buffer_bytes, stream.size() + 1, version);
  const Seen pieces = read_all(stream, buffer_bytes, piece_bytes, version);
  FUZZ_CHECK(whole.packets == pieces.packets && whole.error == pieces.error);
  FUZZ_CHECK(whole.skipped == pieces.skipped);
  return 0;
}
