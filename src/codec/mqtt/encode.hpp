// Writes the packets of a client (MQTT 3.1.1 and 5, chapter 3) into the caller's room. A writer
// gives the number of bytes written; `no_room`: they do not fit, nothing that counts was written.
//
// A worked PUBLISH of QoS 1, MQTT 3.1.1, to "a/b", number 10, with the payload "hi":
//   32            type 3, QoS 1 (in MQTT 5 a length of properties, 00, stands before the payload)
//   09            remaining length
//   00 03 61 2F 62   topic
//   00 0A         packet identifier
//   68 69         payload
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "codec/mqtt/packet.hpp"

namespace runnel::codec::mqtt {

// What the server publishes when the connection ends without a DISCONNECT of ours.
struct Will {
  std::string_view topic;  // valid_topic
  Bytes payload;           // at most text_bytes_max
  std::uint8_t qos = 0;    // 0 to 2
  bool retain = false;
  std::uint32_t delay_s = 0;  // MQTT 5
};

inline constexpr std::uint32_t session_never_expires = 0xFFFF'FFFF;

struct Connect {
  Version version = Version::v5;
  // Empty: the server gives one; in 3.1.1 only with `clean` ([MQTT-3.1.3-7]).
  std::string_view client_id;
  bool clean = false;              // forget what an earlier connection has left
  std::uint16_t keep_alive_s = 0;  // 0: none
  std::optional<Will> will;
  std::optional<std::string_view> user;
  std::optional<std::string_view> password;  // any bytes; in 3.1.1 only with a user
  std::uint32_t session_expiry_s = 0;        // MQTT 5: how long the session outlives a connection
  std::uint32_t packet_bytes_max = 0;        // MQTT 5: what the server may send; 0: anything
};
// `malformed`: a text or a topic that is not valid, or what the version does not allow.
// `too_large`: a text or payload longer than its length can say.
Result<std::size_t> write_connect(const Connect& connect, MutableBytes into);

struct Publish {
  std::string_view topic;       // valid_topic: not checked again
  std::uint16_t packet_id = 0;  // not 0 with QoS 1; 0 with QoS 0
  std::uint8_t qos = 0;         // 0 or 1
  bool retain = false;
  bool duplicate = false;  // it was sent before, on another connection
  std::uint32_t payload_bytes = 0;
};
// Of the whole packet, or 0 when it is longer than any packet can be. To be compared with
// ServerLimits::packet_bytes_max.
std::uint32_t publish_bytes(const Publish& publish, Version version);
// Everything in front of the payload. The packet is not larger than there can be.
Result<std::size_t> write_publish_head(const Publish& publish, Version version, MutableBytes into);
// The longest head of a PUBLISH to a topic of so many bytes.
constexpr std::size_t publish_head_bytes_max(std::size_t topic_bytes) {
  return fixed_header_bytes_max + 2 + topic_bytes + 2 + 1;
}
// How many bytes of a PUBLISH of QoS 1 that was written here go up to its packet identifier, with
// it.
std::size_t publish_bytes_to_id(Bytes packet);
// Gives it another packet identifier, and says whether it was sent before. `packet` has at least
// publish_bytes_to_id bytes.
void renumber_publish(MutableBytes packet, std::uint16_t packet_id, bool duplicate);

inline constexpr std::size_t small_packet_bytes_max = 4;
Result<std::size_t> write_puback(std::uint16_t packet_id, MutableBytes into);
Result<std::size_t> write_pingreq(MutableBytes into);
// `success` (the will is not published) has the short form of both versions; other reasons exist
// only in MQTT 5 and are left out in 3.1.1.
Result<std::size_t> write_disconnect(Reason reason, Version version, MutableBytes into);

}  // namespace runnel::codec::mqtt
