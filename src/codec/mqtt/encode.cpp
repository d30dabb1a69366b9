#include "codec/mqtt/encode.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/mqtt/cursor.hpp"
#include "codec/mqtt/properties.hpp"
#include "codec/mqtt/text.hpp"

namespace runnel::codec::mqtt {
namespace {

// Counts what is put, and writes as much of it as fits: a first pass without room measures.
class Writer {
 public:
  explicit Writer(MutableBytes into) : into_(into) {}

  std::size_t size() const { return size_; }
  Result<std::size_t> done() const {
    if (size_ > into_.size()) return fail(Error::no_room);
    return size_;
  }

  void put_byte(std::uint32_t value) {
    if (size_ < into_.size()) into_[size_] = static_cast<std::byte>(value);
    ++size_;
  }
  void put_short(std::uint32_t value) {
    put_byte(value >> 8);
    put_byte(value & 0xFF);
  }
  void put_long(std::uint32_t value) {
    put_short(value >> 16);
    put_short(value & 0xFFFF);
  }
  void put_variable(std::uint32_t value) {
    RUNNEL_ASSERT(value <= remaining_bytes_max);
    for (; value >= 0x80; value >>= 7) put_byte((value & 0x7F) | 0x80);
    put_byte(value);
  }
  void put_binary(Bytes bytes) {
    RUNNEL_ASSERT(bytes.size() <= text_bytes_max);
    put_short(static_cast<std::uint32_t>(bytes.size()));
    if (size_ <= into_.size() && bytes.size() <= into_.size() - size_)
      put_bytes(into_.data() + size_, bytes);
    size_ += bytes.size();
  }
  void put_text(std::string_view text) { put_binary(as_bytes(text)); }
  void put_id(PropertyId id) { put_byte(static_cast<std::uint32_t>(id)); }

 private:
  MutableBytes into_;
  std::size_t size_ = 0;
};

std::uint32_t first_byte(PacketType type, std::uint32_t flags) {
  return static_cast<std::uint32_t>(type) << 4 | flags;
}

Status check_will(const Will& will) {
  if (will.topic.size() > text_bytes_max || will.payload.size() > text_bytes_max)
    return Error::too_large;
  return valid_topic(will.topic) && will.qos <= 2 ? Error::none : Error::malformed;
}

Status check(const Connect& connect) {
  const std::string_view user = connect.user.value_or("");
  const std::string_view password = connect.password.value_or("");
  if (std::max({connect.client_id.size(), user.size(), password.size()}) > text_bytes_max)
    return Error::too_large;
  if (!valid_text(connect.client_id) || !valid_text(user)) return Error::malformed;
  if (connect.version == Version::v3_1_1) {
    if (connect.password && !connect.user) return Error::malformed;  // [MQTT-3.1.2-22]
    if (connect.client_id.empty() && !connect.clean) return Error::malformed;
  }
  return connect.will ? check_will(*connect.will) : Status();
}

std::uint32_t connect_flags(const Connect& connect) {
  std::uint32_t flags = connect.clean ? 2u : 0u;
  if (connect.will)
    flags |= 4u | std::uint32_t{connect.will->qos} << 3 | (connect.will->retain ? 32u : 0u);
  return flags | (connect.password ? 64u : 0u) | (connect.user ? 128u : 0u);
}

// What is left out says the same as the default does.
void put_connect_properties(const Connect& connect, Writer& out) {
  const std::uint32_t size =
      (connect.session_expiry_s != 0 ? 5u : 0u) + (connect.packet_bytes_max != 0 ? 5u : 0u);
  out.put_variable(size);
  if (connect.session_expiry_s != 0) {
    out.put_id(PropertyId::session_expiry);
    out.put_long(connect.session_expiry_s);
  }
  if (connect.packet_bytes_max != 0) {
    out.put_id(PropertyId::maximum_packet_size);
    out.put_long(connect.packet_bytes_max);
  }
}

void put_will(const Will& will, Version version, Writer& out) {
  if (version == Version::v5) {
    out.put_variable(will.delay_s != 0 ? 5 : 0);
    if (will.delay_s != 0) {
      out.put_id(PropertyId::will_delay);
      out.put_long(will.delay_s);
    }
  }
  out.put_text(will.topic);
  out.put_binary(will.payload);
}

void put_connect_body(const Connect& connect, Writer& out) {
  out.put_text("MQTT");
  out.put_byte(static_cast<std::uint32_t>(connect.version));
  out.put_byte(connect_flags(connect));
  out.put_short(connect.keep_alive_s);
  if (connect.version == Version::v5) put_connect_properties(connect, out);
  out.put_text(connect.client_id);
  if (connect.will) put_will(*connect.will, connect.version, out);
  if (connect.user) out.put_text(*connect.user);
  if (connect.password) out.put_text(*connect.password);
}

// What follows the fixed header of a PUBLISH.
std::uint64_t publish_body_bytes(const Publish& publish, Version version) {
  return 2u + std::uint64_t{publish.topic.size()} + (publish.qos > 0 ? 2u : 0u) +
         (version == Version::v5 ? 1u : 0u) + publish.payload_bytes;
}

}  // namespace

Result<std::size_t> write_connect(const Connect& connect, MutableBytes into) {
  const Status status = check(connect);
  if (!status) return fail(status.error());
  Writer measure{MutableBytes()};
  put_connect_body(connect, measure);
  // Five strings of 64 KiB at most: far below what a remaining length can say.
  RUNNEL_ASSERT(measure.size() <= remaining_bytes_max);
  Writer out(into);
  out.put_byte(first_byte(PacketType::connect, 0));
  out.put_variable(static_cast<std::uint32_t>(measure.size()));
  put_connect_body(connect, out);
  return out.done();
}

std::uint32_t publish_bytes(const Publish& publish, Version version) {
  const std::uint64_t body = publish_body_bytes(publish, version);
  if (body > remaining_bytes_max) return 0;
  Writer head{MutableBytes()};
  head.put_variable(static_cast<std::uint32_t>(body));
  return static_cast<std::uint32_t>(1 + head.size() + body);
}

Result<std::size_t> write_publish_head(const Publish& publish, Version version, MutableBytes into) {
  RUNNEL_ASSERT(publish.qos <= 1 && (publish.qos == 1) == (publish.packet_id != 0));
  RUNNEL_ASSERT(publish.qos == 1 || !publish.duplicate);
  const std::uint64_t body = publish_body_bytes(publish, version);
  RUNNEL_ASSERT(body <= remaining_bytes_max);
  Writer out(into);
  out.put_byte(first_byte(PacketType::publish, (publish.duplicate ? 8u : 0u) |
                                                   std::uint32_t{publish.qos} << 1 |
                                                   (publish.retain ? 1u : 0u)));
  out.put_variable(static_cast<std::uint32_t>(body));
  out.put_text(publish.topic);
  if (publish.qos > 0) out.put_short(publish.packet_id);
  if (version == Version::v5) out.put_variable(0);
  return out.done();
}

std::size_t publish_bytes_to_id(Bytes packet) {
  Cursor in(packet);
  std::uint8_t first;
  std::uint32_t remaining;
  std::uint16_t topic_bytes;
  const bool is_publish = in.take(first) && (first & 0xF6) == 0x32 && in.take_variable(remaining) &&
                          in.take(topic_bytes);
  RUNNEL_ASSERT(is_publish);
  const std::size_t end = packet.size() - in.left() + topic_bytes + 2;
  RUNNEL_ASSERT(end <= packet.size());
  return end;
}

void renumber_publish(MutableBytes packet, std::uint16_t packet_id, bool duplicate) {
  RUNNEL_ASSERT(packet_id != 0);
  const std::size_t end = publish_bytes_to_id(packet);
  packet[end - 2] = static_cast<std::byte>(packet_id >> 8);
  packet[end - 1] = static_cast<std::byte>(packet_id & 0xFF);
  packet[0] = (packet[0] & ~std::byte{8}) | (duplicate ? std::byte{8} : std::byte{0});
}

Result<std::size_t> write_puback(std::uint16_t packet_id, MutableBytes into) {
  RUNNEL_ASSERT(packet_id != 0);
  Writer out(into);
  out.put_byte(first_byte(PacketType::puback, 0));
  out.put_variable(2);
  out.put_short(packet_id);
  return out.done();
}

Result<std::size_t> write_pingreq(MutableBytes into) {
  Writer out(into);
  out.put_byte(first_byte(PacketType::pingreq, 0));
  out.put_variable(0);
  return out.done();
}

Result<std::size_t> write_disconnect(Reason reason, Version version, MutableBytes into) {
  Writer out(into);
  out.put_byte(first_byte(PacketType::disconnect, 0));
  const bool with_reason = version == Version::v5 && reason != Reason::success;
  out.put_variable(with_reason ? 1 : 0);
  if (with_reason) out.put_byte(static_cast<std::uint32_t>(reason));
  return out.done();
}

}  // namespace runnel::codec::mqtt
