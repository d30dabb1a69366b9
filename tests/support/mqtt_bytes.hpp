// For tests of MQTT: bytes written as the specification prints them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/mqtt/packet.hpp"

namespace runnel::testing {

// "20 02 00 00" to four bytes; 'text' in quotes stands for itself.
inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
  };
  for (std::size_t at = 0; at < hex.size();) {
    if (hex[at] == ' ') {
      ++at;
    } else if (hex[at] == '\'') {
      const auto end = hex.find('\'', at + 1);
      bytes.append(hex.substr(at + 1, end - at - 1));
      at = end + 1;
    } else {
      bytes.push_back(static_cast<char>(digit(hex[at]) << 4 | digit(hex[at + 1])));
      at += 2;
    }
  }
  return bytes;
}

// The packet in `bytes`, whose body is at most 127 bytes long.
inline codec::mqtt::Packet packet_of(std::string_view bytes) {
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  return {static_cast<codec::mqtt::PacketType>(first >> 4), static_cast<std::uint8_t>(first & 15),
          as_bytes(bytes.substr(2))};
}

}  // namespace runnel::testing
