#include "platform/sim/addressing.hpp"

#include <algorithm>

namespace runnel::sim {

using io::Address;
using io::Family;

namespace {

bool is_mapped(const Address& address) {
  return address.family == Family::ipv6 &&
         std::all_of(address.ip.begin(), address.ip.begin() + 10,
                     [](std::uint8_t each) { return each == 0; }) &&
         address.ip[10] == 0xFF && address.ip[11] == 0xFF;
}

}  // namespace

Address plain(const Address& address) {
  if (!is_mapped(address)) return address;
  Address result;
  result.family = Family::ipv4;
  result.port = address.port;
  std::copy_n(address.ip.begin() + 12, 4, result.ip.begin());
  return result;
}

// An IPv6 socket sees IPv4 peers as mapped addresses.
Address as_seen_by(Family family, const Address& address) {
  if (family != Family::ipv6 || address.family != Family::ipv4) return address;
  Address result;
  result.family = Family::ipv6;
  result.port = address.port;
  result.ip[10] = result.ip[11] = 0xFF;
  std::copy_n(address.ip.begin(), 4, result.ip.begin() + 12);
  return result;
}

bool is_any(const Address& address) {
  return std::all_of(address.ip.begin(), address.ip.end(),
                     [](std::uint8_t each) { return each == 0; });
}

Address loopback(Family family) {
  Address address;
  address.family = family;
  if (family == Family::ipv4)
    address.ip = {127, 0, 0, 1};
  else
    address.ip[15] = 1;
  return address;
}

bool is_loopback(const Address& address) {
  return address.family == Family::ipv4 ? address.ip[0] == 127
                                        : address.ip == loopback(Family::ipv6).ip;
}

bool same_ip(const Address& one, const Address& other) {
  return one.family == other.family && one.ip == other.ip;
}

// Whether a socket bound to `bound` gets what is sent to `to`.
bool covers(const Address& bound, const Address& to) {
  if (bound.port != to.port) return false;
  if (same_ip(bound, to)) return true;
  if (!is_any(bound)) return same_ip(plain(bound), to);
  return bound.family == to.family || bound.family == Family::ipv6;
}

}  // namespace runnel::sim
