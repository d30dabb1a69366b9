// The words of MQTT 3.1.1 and 5 that its writer, its reader and who uses them share.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"

namespace runnel::codec::mqtt {

// The value is the protocol level in CONNECT.
enum class Version : std::uint8_t { v3_1_1 = 4, v5 = 5 };

// MQTT 5 section 2.1.2.
enum class PacketType : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
  auth,
};

// What the remaining length can say: four bytes of seven bits (section 2.1.4).
inline constexpr std::uint32_t remaining_bytes_max = 268'435'455;
inline constexpr std::size_t fixed_header_bytes_max = 5;

// One packet as it came: `body` is what follows the fixed header.
struct Packet {
  PacketType type = PacketType::pingresp;
  std::uint8_t flags = 0;  // the low four bits of the first byte
  Bytes body;
};

// Why a server answers as it does (MQTT 5 section 2.4); the return codes of 3.1.1 are given as the
// reasons that mean the same. There may be values without a name here: from 128 on all are
// failures.
enum class Reason : std::uint8_t {
  success = 0x00,
  no_matching_subscribers = 0x10,
  unspecified_error = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific_error = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  banned = 0x8A,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_filter_invalid = 0x8F,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
  quota_exceeded = 0x97,
  administrative_action = 0x98,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
  shared_subscriptions_not_supported = 0x9E,
  connection_rate_exceeded = 0x9F,
  maximum_connect_time = 0xA0,
  subscription_identifiers_not_supported = 0xA1,
  wildcard_subscriptions_not_supported = 0xA2,
};

inline bool is_failure(Reason reason) { return static_cast<std::uint8_t>(reason) >= 0x80; }
// A few words for a person: "not authorized"; "unknown reason" for what has no name.
std::string_view describe(Reason reason);

}  // namespace runnel::codec::mqtt
