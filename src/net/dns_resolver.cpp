#include "net/dns_resolver.hpp"

#include <algorithm>

#include "async/operations.hpp"
#include "net/numeric_resolver.hpp"

namespace runnel::net {
namespace {

constexpr std::size_t watch_frame_bytes = 448;
constexpr std::uint32_t names_hard_max = 1024;

std::span<const io::Address> addresses_of(const NameAnswer& answer) {
  return {answer.addresses.data(), answer.count};
}

// Of what has addresses, the one that is to be asked for again first.
Duration kept(const NameAnswer& ipv6, const NameAnswer& ipv4) {
  Duration least = name_kept_at_most;
  for (const NameAnswer* each : {&ipv6, &ipv4})
    if (each->count > 0) least = std::min(least, each->time_to_live);
  return std::max(least, name_kept_at_least);
}

void loopback(std::uint16_t port, Addresses& into) {
  io::Address ipv6{.family = io::Family::ipv6}, ipv4{.family = io::Family::ipv4};
  ipv6.ip[15] = ipv4.ip[3] = 1;
  ipv4.ip[0] = 127;
  interleave({&ipv6, 1}, {&ipv4, 1}, port, into);
}

}  // namespace

// One name: free (no name), open (the service has the question), settled (it has an outcome), or
// open and settled: one family has answered and nobody waits for the other any longer.
struct DnsResolver::Entry {
  NameQuestion question;
  HostName name;
  bool open = false;
  bool settled = false;
  Error outcome = Error::none;       // once settled
  Instant expires = Instant::min();  // once settled
  Instant patience_ends = never;     // while one family has addresses and the other is open
  std::uint32_t waiting = 0;         // who looks at it: it keeps its name until they have
  std::uint64_t last_use = 0;
  async::Notice has_settled;

  bool is_free() const { return name.text().empty(); }
  bool answers(Instant now) const { return settled && (open || now < expires); }
  bool has_addresses() const { return question.ipv6.count + question.ipv4.count > 0; }
};

// Until the service's handle is readable or something is due, which may change meanwhile.
class DnsResolver::Pulse final : public async::OperationWait {
 public:
  Pulse(io::Handle watched, Instant due)
      : OperationWait({.verb = io::Verb::ready, .handle = watched}, due) {}
  Status await_resume() const noexcept { return Wait::error(); }
  void move_to(Instant due) {
    if (due != deadline()) rearm(due);
  }

 private:
  void start() override {
    if (handle != io::Handle::none) scheduler().reactor().submit(*this);
  }
  void abort() override {
    if (handle != io::Handle::none) {
      scheduler().reactor().cancel(*this);
    } else {
      complete(Error::cancelled);
    }
  }
};

DnsResolver::Memory DnsResolver::carve(Region& region, std::uint32_t names_max) {
  RUNNEL_ASSERT(names_max >= 1 && names_max <= names_hard_max);
  region.frames(1, watch_frame_bytes);
  return {region.array<Entry>(names_max, "names: questions and answers")};
}

DnsResolver::DnsResolver(const Memory& memory, async::Scope& scope, NameService& service)
    : entries_(memory.entries), scope_(scope), service_(service) {}

// Invariant: the scope was joined before, and who asks was in it or has gone.
DnsResolver::~DnsResolver() { RUNNEL_ASSERT(!watching_); }

Instant DnsResolver::now() const { return scope_.scheduler().now(); }

async::Task<Status> DnsResolver::resolve(std::string_view host, std::uint16_t port, Addresses& into,
                                         Instant deadline) {
  const auto found = entry_for(host, port, into);
  if (!found) co_return found.error();
  if (*found == nullptr) co_return Status();
  Entry& entry = **found;
  ++entry.waiting;
  Status outcome;
  while (!entry.settled && outcome.ok()) outcome = co_await entry.has_settled.wait(deadline);
  --entry.waiting;
  if (!outcome.ok()) co_return outcome;
  if (entry.outcome != Error::none) co_return entry.outcome;
  interleave(addresses_of(entry.question.ipv6), addresses_of(entry.question.ipv4), port, into);
  co_return into.count > 0 ? Error::none : Error::not_found;
}

// Null: it needs no question, and the addresses are there. Not in the coroutine: its frame need not
// hold a name.
Result<DnsResolver::Entry*> DnsResolver::entry_for(std::string_view host, std::uint16_t port,
                                                   Addresses& into) {
  into.count = 0;
  if (const auto address = numeric_address(host, port)) {
    into.all[into.count++] = *address;
    return nullptr;
  }
  const auto name = HostName::from(host);
  if (!name) return fail(name.error());
  if (!is_localhost(name->text())) return entry_for(*name);
  loopback(port, into);
  return nullptr;
}

Result<DnsResolver::Entry*> DnsResolver::entry_for(const HostName& name) {
  Entry* entry = find(name);
  if (entry == nullptr) {
    entry = room();
    if (entry == nullptr) return fail(Error::no_memory);
    entry->name = name;
  }
  entry->last_use = ++uses_;
  if (entry->open || entry->answers(now())) return entry;
  const Status opened = open(*entry);
  if (!opened) return fail(opened.error());
  return entry;
}

DnsResolver::Entry* DnsResolver::find(const HostName& name) {
  for (Entry& entry : entries_)
    if (entry.name.text() == name.text()) return &entry;
  return nullptr;
}

// A free place, else that of the answer used longest ago, else of the oldest question that nobody
// waits for any more.
DnsResolver::Entry* DnsResolver::room() {
  const auto rank = [](const Entry& entry) { return entry.is_free() ? 0 : entry.open ? 2 : 1; };
  Entry* best = nullptr;
  for (Entry& entry : entries_) {
    if (entry.waiting > 0) continue;
    if (best == nullptr || rank(entry) < rank(*best) ||
        (rank(entry) == rank(*best) && entry.last_use < best->last_use))
      best = &entry;
  }
  if (best == nullptr) return nullptr;
  close(*best);
  best->settled = false;
  best->name = HostName();
  return best;
}

Status DnsResolver::open(Entry& entry) {
  if (scope_.cancelled()) return Error::cancelled;
  entry.question.name = entry.name.text();
  entry.question.ipv6 = entry.question.ipv4 = NameAnswer();
  const Status asked = service_.ask(entry.question, now());
  entry.open = asked.ok();
  entry.settled = false;
  entry.patience_ends = never;
  if (!asked) {
    // Who waits for the question before, if anybody has not looked yet, learns the same.
    settle(entry, asked.error(), Duration::zero());
    return asked;
  }
  take_answer(entry);
  if (entry.open && !watching_) {
    watching_ = true;
    scope_.spawn(watch());
  }
  if (pulse_ != nullptr) pulse_->move_to(wake_at());
  return {};
}

void DnsResolver::close(Entry& entry) {
  if (!entry.open) return;
  entry.open = false;
  service_.drop(entry.question);
}

async::Task<void> DnsResolver::watch() {
  Status seen;
  while (any_open()) {
    Pulse pulse(service_.watched(), wake_at());
    pulse_ = &pulse;
    seen = co_await pulse;
    pulse_ = nullptr;
    // What is wrong with the watch is wrong with every question; asking on would never wait.
    if (!seen.ok() && seen.error() != Error::timed_out) break;
    service_.process(now());
    for (Entry& entry : entries_)
      if (entry.open) take_answer(entry);
  }
  give_up(seen.error());
  watching_ = false;
}

bool DnsResolver::any_open() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& each) { return each.open; });
}

Instant DnsResolver::wake_at() {
  Instant due = service_.wake_at(now());
  for (const Entry& entry : entries_)
    if (entry.open) due = std::min(due, entry.patience_ends);
  return due;
}

void DnsResolver::take_answer(Entry& entry) {
  const NameAnswer& ipv6 = entry.question.ipv6;
  const NameAnswer& ipv4 = entry.question.ipv4;
  if (ipv6.given && ipv4.given) {
    entry.open = false;
    entry.patience_ends = never;
    const Error outcome = entry.has_addresses()            ? Error::none
                          : ipv6.error != Error::not_found ? ipv6.error
                                                           : ipv4.error;
    Duration kept_for = name_kept_at_least;
    if (outcome == Error::none) kept_for = kept(ipv6, ipv4);
    if (outcome == Error::not_found) kept_for = name_absence_kept;
    settle(entry, outcome, kept_for);
    return;
  }
  if (!entry.has_addresses() || entry.settled) return;
  if (entry.patience_ends == never) entry.patience_ends = after(now(), other_family_patience);
  if (now() < entry.patience_ends) return;
  entry.patience_ends = never;
  settle(entry, Error::none, kept(ipv6, ipv4));
}

void DnsResolver::settle(Entry& entry, Error outcome, Duration kept) {
  entry.settled = true;
  entry.outcome = outcome;
  entry.expires = after(now(), kept);
  entry.has_settled.ring();
}

void DnsResolver::give_up(Error why) {
  for (Entry& entry : entries_) {
    if (!entry.open) continue;
    close(entry);
    entry.patience_ends = never;
    if (!entry.settled) settle(entry, why, Duration::zero());
  }
}

}  // namespace runnel::net
