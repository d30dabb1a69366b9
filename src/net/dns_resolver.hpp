// The resolver of an agent: a small cache in front of a NameService, and the one task that waits
// for its answers.
//
// Who asks for a name that is being asked for waits for the same answer. The table has room for
// `names_max` names: open questions and remembered answers share it, and the answer that was used
// longest ago makes room for a new name. A deadline that passes ends the wait, not the question: an
// answer that comes late is there for the next attempt.
//
// The task that watches the service is spawned into `scope` when a question is opened and ends with
// the last one: without open questions there is no timer and no watch. Nobody else starts or stops
// it. Who owns the scope cancels and joins it before the resolver goes away, as with every scope;
// from then on names (not numeric addresses) are answered with `cancelled`.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "async/notice.hpp"
#include "async/scope.hpp"
#include "base/region.hpp"
#include "net/host_name.hpp"
#include "net/name_service.hpp"
#include "net/resolver.hpp"

namespace runnel::net {

// The bounds of what a server may say about how long an answer is good.
inline constexpr Duration name_kept_at_least = 1s;
inline constexpr Duration name_kept_at_most = 5min;
// That there is no such name. Other failures are kept for `name_kept_at_least`.
inline constexpr Duration name_absence_kept = 5s;
// How long addresses of one family wait for the other's (RFC 8305 section 3 has 50 ms, but there
// the late ones may still join the attempts; here the list is final for who waits).
inline constexpr Duration other_family_patience = 1s;

class DnsResolver final : public Resolver {
 public:
  struct Entry;
  struct Memory {
    std::span<Entry> entries;
  };
  // `names_max`: 1 to 1024. Also plans the frame of its task.
  static Memory carve(Region& region, std::uint32_t names_max = 32);

  DnsResolver(const Memory& memory, async::Scope& scope, NameService& service);
  ~DnsResolver() override;
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;

  async::Task<Status> resolve(std::string_view host, std::uint16_t port, Addresses& into,
                              Instant deadline) override;

  // Whether the task is there: a question is open.
  bool watching() const { return watching_; }

 private:
  class Pulse;

  async::Task<void> watch();
  Result<Entry*> entry_for(std::string_view host, std::uint16_t port, Addresses& into);
  Result<Entry*> entry_for(const HostName& name);
  Entry* find(const HostName& name);
  Entry* room();
  Status open(Entry& entry);
  void close(Entry& entry);
  void take_answer(Entry& entry);
  void settle(Entry& entry, Error outcome, Duration kept);
  void give_up(Error why);
  bool any_open() const;
  Instant wake_at();
  Instant now() const;

  std::span<Entry> entries_;
  async::Scope& scope_;
  NameService& service_;
  Pulse* pulse_ = nullptr;  // what the task waits on
  bool watching_ = false;
  std::uint64_t uses_ = 0;  // a clock for "used longest ago"
};

}  // namespace runnel::net
