// What can be said of a host's name without asking anybody: whether it is one, whether it is this
// machine's, and in which order addresses are tried.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "io/address.hpp"
#include "net/resolver.hpp"

namespace runnel::net {

// In lower case, at most 253 bytes (RFC 1035 section 2.3.4), a dot at its end kept: "a.example.".
class HostName {
 public:
  static constexpr std::size_t bytes_max = 253;
  static constexpr std::size_t label_bytes_max = 63;

  HostName() = default;
  // Letters, digits, hyphens and underscores between dots. `malformed`: anything else, also a last
  // label of digits alone ("10.0.0", "1.2.3.256"): whoever wrote that meant an address, and no such
  // top-level domain exists (RFC 1123 section 2.1).
  static Result<HostName> from(std::string_view text);

  std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, bytes_max> bytes_;
  std::uint8_t size_ = 0;
};

// "localhost" and names below it never leave the machine (RFC 6761 section 6.3).
bool is_localhost(std::string_view name);

// Both families' addresses, taking turns and IPv6 first (RFC 8305 section 4), each family in its
// own order; twins and the unspecified address, which would be this machine, are left out.
void interleave(std::span<const io::Address> ipv6, std::span<const io::Address> ipv4,
                std::uint16_t port, Addresses& into);

}  // namespace runnel::net
