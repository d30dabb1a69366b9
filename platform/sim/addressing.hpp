// How sockets of a simulated machine see addresses: IPv4 within IPv6, loopback, "any". Plain
// functions of addresses; they know of no socket and no machine.
#pragma once

#include "io/operation.hpp"

namespace runnel::sim {

// An IPv4 address that came mapped into IPv6 as itself; every other one unchanged.
io::Address plain(const io::Address& address);
// An IPv6 socket sees IPv4 peers as mapped addresses.
io::Address as_seen_by(io::Family family, const io::Address& address);
bool is_any(const io::Address& address);
bool is_loopback(const io::Address& address);
io::Address loopback(io::Family family);
bool same_ip(const io::Address& one, const io::Address& other);
// Whether a socket bound to `bound` gets what is sent to `to`.
bool covers(const io::Address& bound, const io::Address& to);

}  // namespace runnel::sim
