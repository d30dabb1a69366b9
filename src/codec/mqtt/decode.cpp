#include "codec/mqtt/decode.hpp"

#include <array>

#include "base/assert.hpp"
#include "codec/mqtt/properties.hpp"

namespace runnel::codec::mqtt {
namespace {

using Step = PropertyReader::Step;

// MQTT 3.1.1 section 3.2.2.3, from 1 on.
constexpr std::array<Reason, 5> return_codes = {
    Reason::unsupported_protocol_version, Reason::client_identifier_not_valid,
    Reason::server_unavailable, Reason::bad_user_name_or_password, Reason::not_authorized};

// A server that only knows 3.1.1 answers a CONNECT of MQTT 5 in its own way: two bytes that say no.
bool refuses_in_old_format(const Cursor& in, Version version) {
  return version == Version::v5 && in.left() == 2 && in.rest()[1] != std::byte{0};
}

// Of the lower half only success is known for CONNACK of MQTT 5 (section 3.2.2.2).
bool connack_reason(std::uint8_t code, Version version, bool old_format, Reason& reason) {
  if (code == 0 || (code >= 0x80 && version == Version::v5)) {
    reason = static_cast<Reason>(code);
    return true;
  }
  if (!old_format || code > return_codes.size()) return false;
  reason = return_codes[code - 1u];
  return true;
}

void note(const Property& property, Connack& connack) {
  switch (property.id) {
    case PropertyId::receive_maximum:
      connack.limits.receive_maximum = static_cast<std::uint16_t>(property.number);
      break;
    case PropertyId::maximum_qos:
      connack.limits.maximum_qos = static_cast<std::uint8_t>(property.number);
      break;
    case PropertyId::retain_available:
      connack.limits.retain_available = property.number != 0;
      break;
    case PropertyId::maximum_packet_size:
      connack.limits.packet_bytes_max = property.number;
      break;
    case PropertyId::server_keep_alive:
      connack.keep_alive_s = static_cast<std::uint16_t>(property.number);
      break;
    case PropertyId::session_expiry:
      connack.session_expiry_s = property.number;
      break;
    case PropertyId::assigned_client_identifier:
      connack.client_id = property.text;
      break;
    case PropertyId::reason_string:
      connack.reason_text = property.text;
      break;
    case PropertyId::server_reference:
      connack.server_reference = property.text;
      break;
    default:
      break;  // known, checked, and of no use here
  }
}

// Calls for every property; false when they are malformed, or not all of what is left.
template <class Visit>
bool each_property(PropertyPlace place, Cursor& in, Visit&& visit) {
  PropertyReader properties(place, in);
  Property property;
  Step step;
  while ((step = properties.next(property)) == Step::property) visit(property);
  return step == Step::end;
}

}  // namespace

Result<Connack> read_connack(const Packet& packet, Version version) {
  RUNNEL_ASSERT(packet.type == PacketType::connack);
  Connack connack;
  Cursor in(packet.body);
  const bool old_format = version == Version::v3_1_1 || refuses_in_old_format(in, version);
  std::uint8_t flags, code;
  if (!in.take(flags) || !in.take(code) || flags > 1) return fail(Error::malformed);
  connack.session_present = flags == 1;
  if (!connack_reason(code, version, old_format, connack.reason)) return fail(Error::malformed);
  if (connack.session_present && connack.reason != Reason::success) return fail(Error::malformed);
  if (!old_format && !each_property(PropertyPlace::connack, in,
                                    [&connack](const Property& each) { note(each, connack); }))
    return fail(Error::malformed);
  if (!in.at_end()) return fail(Error::malformed);
  return connack;
}

Result<Puback> read_puback(const Packet& packet, Version version) {
  RUNNEL_ASSERT(packet.type == PacketType::puback);
  Puback puback;
  Cursor in(packet.body);
  if (!in.take(puback.packet_id) || puback.packet_id == 0) return fail(Error::malformed);
  // MQTT 5 section 3.4.2.1: success may be left out, and no properties may be, too.
  if (version == Version::v5 && !in.at_end()) {
    std::uint8_t code;
    in.take(code);
    puback.reason = static_cast<Reason>(code);
    const bool known = puback.reason == Reason::success ||
                       puback.reason == Reason::no_matching_subscribers ||
                       is_failure(puback.reason);
    if (!known) return fail(Error::malformed);
    const auto note_text = [&puback](const Property& each) {
      if (each.id == PropertyId::reason_string) puback.reason_text = each.text;
    };
    if (!in.at_end() && !each_property(PropertyPlace::acknowledgement, in, note_text))
      return fail(Error::malformed);
  }
  if (!in.at_end()) return fail(Error::malformed);
  return puback;
}

Result<Disconnect> read_disconnect(const Packet& packet, Version version) {
  RUNNEL_ASSERT(packet.type == PacketType::disconnect);
  if (version != Version::v5) return fail(Error::malformed);
  Disconnect disconnect;
  Cursor in(packet.body);
  std::uint8_t code;
  if (!in.take(code)) return disconnect;
  disconnect.reason = static_cast<Reason>(code);
  // 0x04 is a client's word (section 3.14.2.1).
  if (code != 0 && !is_failure(disconnect.reason)) return fail(Error::malformed);
  const auto note_text = [&disconnect](const Property& each) {
    if (each.id == PropertyId::reason_string) disconnect.reason_text = each.text;
    if (each.id == PropertyId::server_reference) disconnect.server_reference = each.text;
  };
  if (!in.at_end() && !each_property(PropertyPlace::disconnect, in, note_text))
    return fail(Error::malformed);
  if (!in.at_end()) return fail(Error::malformed);
  return disconnect;
}

Status read_pingresp(const Packet& packet) {
  RUNNEL_ASSERT(packet.type == PacketType::pingresp);
  return packet.body.empty() ? Status() : Error::malformed;
}

Result<Message> read_publish(const Packet& packet, Version version) {
  RUNNEL_ASSERT(packet.type == PacketType::publish);
  Message message;
  message.retain = (packet.flags & 1) != 0;
  message.qos = static_cast<std::uint8_t>(packet.flags >> 1 & 3);
  message.duplicate = (packet.flags & 8) != 0;
  Cursor in(packet.body);
  if (message.qos > 2 || !in.take_text(message.topic)) return fail(Error::malformed);
  if (message.topic.find_first_of("+#") != std::string_view::npos) return fail(Error::malformed);
  if (message.qos > 0 && (!in.take(message.packet_id) || message.packet_id == 0))
    return fail(Error::malformed);
  const auto note_alias = [&message](const Property& each) {
    if (each.id == PropertyId::topic_alias)
      message.topic_alias = static_cast<std::uint16_t>(each.number);
  };
  if (version == Version::v5 && !each_property(PropertyPlace::publish, in, note_alias))
    return fail(Error::malformed);
  if (message.topic.empty() && message.topic_alias == 0) return fail(Error::malformed);
  message.payload = in.rest();
  return message;
}

}  // namespace runnel::codec::mqtt
