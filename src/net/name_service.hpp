// What asks the name servers: a DNS library (platform/cares) or the simulator (platform/sim/names).
// Synchronous and without coroutines: `DnsResolver` waits on its behalf. One thread.
//
// A question is one name in both families. The asker owns it and keeps it, where it is, until both
// answers are given or it has been dropped. Answers appear in the question during `ask` (what needs
// no server) or `process`, never at another time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "base/time.hpp"
#include "io/address.hpp"
#include "io/operation.hpp"

namespace runnel::net {

struct NameAnswer {
  static constexpr std::size_t count_max = 8;  // what a server says beyond is left out
  bool given = false;
  // `not_found`: there is no such name, or it has no address of this family. `timed_out`: no server
  // answered. `unreachable`: they answered that they cannot. Else one of `no_memory`, `malformed`.
  Error error = Error::none;
  Duration time_to_live =
      Duration::zero();   // of the address that expires first; as the server says
  std::size_t count = 0;  // not zero without an error
  std::array<io::Address, count_max> addresses;  // without port
};

struct NameQuestion {
  // At most 253 bytes of [a-z0-9._-]; with a dot at its end it is not completed by search domains.
  std::string_view name;
  NameAnswer ipv6, ipv4;
};

class NameService {
 public:
  virtual ~NameService() = default;

  // Begins. `no_memory`: as many as were planned are under way; then the question is not kept.
  virtual Status ask(NameQuestion& question, Instant now) = 0;
  // The question is forgotten; nothing happens when both answers are given.
  virtual void drop(NameQuestion& question) = 0;

  // Readable (Verb::ready) whenever `process` has something to do. The same for ever; need not be
  // watched while no question is open. `none`: `wake_at` says it all.
  virtual io::Handle watched() const = 0;
  // When `process` is due even if `watched` is not readable: retransmissions, the end of patience.
  // `never` when no question is open. Changes with every `ask`, `drop` and `process`.
  virtual Instant wake_at(Instant now) = 0;
  // Bounded work: what has arrived and what is due. Calling it for nothing does no harm.
  virtual void process(Instant now) = 0;
};

}  // namespace runnel::net
