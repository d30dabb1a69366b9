// What the packets of a server say (MQTT 3.1.1 and 5, chapter 3). Texts point into the packet.
// Everything a packet must be is checked; what does not follow the specification is `malformed`,
// and its connection is to be closed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "codec/mqtt/packet.hpp"

namespace runnel::codec::mqtt {

// What a server takes (MQTT 5 section 3.2.2.3), with what holds when it does not say. Of topic
// aliases, subscriptions and the like nothing is kept: nobody here uses them.
struct ServerLimits {
  std::uint16_t receive_maximum = 65'535;  // unacknowledged PUBLISH packets at a time; at least 1
  std::uint8_t maximum_qos = 2;
  bool retain_available = true;
  // Of a whole packet, with its fixed header; at least 1.
  std::uint32_t packet_bytes_max = remaining_bytes_max + fixed_header_bytes_max;
};

struct Connack {
  bool session_present = false;  // the server remembers this client; only with `success`
  Reason reason = Reason::success;
  ServerLimits limits;
  std::optional<std::uint16_t> keep_alive_s;      // instead of the one that was asked for; 0: none
  std::optional<std::uint32_t> session_expiry_s;  // likewise
  std::string_view client_id;         // that the server has given; empty: the one of CONNECT
  std::string_view reason_text;       // the server's own words for a person; mostly empty
  std::string_view server_reference;  // where to go instead, with `use_another_server`
};
Result<Connack> read_connack(const Packet& packet, Version version);

struct Puback {
  std::uint16_t packet_id = 0;
  Reason reason = Reason::success;  // or `no_matching_subscribers`, which is one, too
  std::string_view reason_text;
};
Result<Puback> read_puback(const Packet& packet, Version version);

// Only servers of MQTT 5 send it.
struct Disconnect {
  Reason reason = Reason::success;
  std::string_view reason_text;
  std::string_view server_reference;
};
Result<Disconnect> read_disconnect(const Packet& packet, Version version);

Status read_pingresp(const Packet& packet);

struct Message {
  std::string_view topic;  // empty only with an alias (MQTT 5)
  std::uint16_t topic_alias = 0;
  std::uint16_t packet_id = 0;  // 0 with QoS 0
  std::uint8_t qos = 0;
  bool retain = false;
  bool duplicate = false;
  Bytes payload;
};
Result<Message> read_publish(const Packet& packet, Version version);

}  // namespace runnel::codec::mqtt
