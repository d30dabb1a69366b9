// What the mqtt sink is told, checked.
#pragma once

#include <optional>
#include <string>

#include "codec/mqtt/encode.hpp"
#include "sinks/mqtt/topic_template.hpp"
#include "sinks/sending/uplink.hpp"

namespace runnel::sinks {

struct MqttSettings {
  // All texts of CONNECT together fit the room of its packet.
  static constexpr std::size_t client_id_bytes_max = 256;
  static constexpr std::size_t user_bytes_max = 1024;
  static constexpr std::size_t password_bytes_max = 8192;  // tokens are long
  static constexpr std::size_t will_bytes_max = 4096;
  static constexpr std::uint16_t window_max = 1024;

  Endpoint endpoint;
  UplinkSettings uplink;
  codec::mqtt::Version version = codec::mqtt::Version::v5;
  TopicTemplate topic;
  bool json = false;  // an object for each event, not its body
  std::uint8_t qos = 1;
  bool retain = false;
  std::uint16_t window = 100;
  std::string client_id;  // empty: made of the identity of this installation
  bool clean = false;
  std::uint32_t session_expiry_s = 3600;
  std::uint16_t keep_alive_s = 60;
  std::string user;
  std::string password;
  std::string password_file;  // read at the start
  std::string will_topic;     // empty: no will
  std::string will_payload;
  std::uint8_t will_qos = 0;
  bool will_retain = false;
  std::uint32_t will_delay_s = 0;
  std::uint32_t batch_events_max = 0;
};

}  // namespace runnel::sinks
