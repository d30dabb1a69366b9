// An internet address as plain bytes; no OS type. Text form: "192.0.2.1:514", "[2001:db8::1]:514".
// Of a Unix socket it says only that it is one. Its path is beside it, wherever one is asked for:
// addresses lie in every buffer of datagrams and every connection, and few of those have a path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"

namespace runnel::io {

enum class Family : std::uint8_t { none, ipv4, ipv6, local };

// Of the path of a Unix socket: sun_path less its zero (unix(7)).
inline constexpr std::size_t local_path_bytes_max = 107;

struct Address {
  Family family = Family::none;
  std::uint16_t port = 0;                // host byte order
  std::uint32_t scope = 0;               // ipv6 only: interface index
  std::array<std::uint8_t, 16> ip = {};  // network byte order; ipv4 uses the first four

  friend bool operator==(const Address&, const Address&) = default;
};

// Numeric host and port: "127.0.0.1:5514", "[::1]:5514". Names are not resolved here.
// `malformed` when it is not such an address.
Result<Address> parse_address(std::string_view text);

// Without the port, RFC 5952 for IPv6 (IPv4-mapped addresses are written as IPv4); "unix" for a
// Unix socket.
void write_ip(TextWriter& out, const Address& address);
TextWriter& operator<<(TextWriter& out, const Address& address);

}  // namespace runnel::io
