#include "platform/sim/names.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace runnel::sim {
namespace {

io::Address parse(const std::string& ip) {
  const bool is_ipv6 = ip.find(':') != std::string::npos;
  const auto address = io::parse_address(is_ipv6 ? "[" + ip + "]:0" : ip + ":0");
  RUNNEL_ASSERT(address.has_value());
  return *address;
}

}  // namespace

void SimZone::set(const std::string& name, const std::vector<std::string>& ips,
                  Duration time_to_live) {
  Record record;
  for (const std::string& ip : ips) record.addresses.push_back(parse(ip));
  record.time_to_live = time_to_live;
  records_[name] = std::move(record);
}

Status SimNames::ask(net::NameQuestion& question, Instant now) {
  if (open() >= questions_max_) return Error::no_memory;
  ++asked_;
  begin(question, io::Family::ipv6, now);
  begin(question, io::Family::ipv4, now);
  return {};
}

void SimNames::begin(net::NameQuestion& question, io::Family family, Instant now) {
  Pending pending{&question, family, now, false};
  pending.lost = world_.fault(world_.options().name_silence);
  const Duration latency = world_.schedule_random().between(world_.options().name_latency);
  const bool late = world_.fault(world_.options().name_delays);
  // A late answer comes in time for a library that asks more than once.
  pending.due = after(now, late ? world_.options().name_timeout / 2 : latency);
  if (pending.lost) pending.due = after(now, world_.options().name_timeout);
  pending_.push_back(pending);
}

void SimNames::drop(net::NameQuestion& question) {
  std::erase_if(pending_, [&](const Pending& each) { return each.question == &question; });
}

Instant SimNames::wake_at(Instant) {
  Instant first = never;
  for (const Pending& each : pending_) first = std::min(first, each.due);
  return first;
}

void SimNames::process(Instant now) {
  for (Pending& each : pending_) {
    if (each.due > now) continue;
    // Whether the servers can be reached shows when the answer would come.
    if (!each.lost && (!zone_.reachable || zone_.swallowed == each.family)) {
      each.lost = true;
      each.due = after(each.due, world_.options().name_timeout);
      continue;
    }
    answer(each);
    each.question = nullptr;
  }
  std::erase_if(pending_, [](const Pending& each) { return each.question == nullptr; });
}

void SimNames::answer(const Pending& pending) const {
  const bool is_ipv6 = pending.family == io::Family::ipv6;
  net::NameAnswer& answer = is_ipv6 ? pending.question->ipv6 : pending.question->ipv4;
  answer.given = true;
  world_.fold(static_cast<std::uint64_t>(pending.due.time_since_epoch().count()) << 1 | is_ipv6);
  if (pending.lost) {
    answer.error = Error::timed_out;
    return;
  }
  if (world_.fault(world_.options().name_failures)) {
    answer.error = Error::unreachable;
    return;
  }
  std::string name(pending.question->name);
  if (name.ends_with('.')) name.pop_back();
  const auto record = zone_.records_.find(name);
  const bool denied = world_.fault(world_.options().name_denials);
  if (record != zone_.records_.end() && !denied) {
    answer.time_to_live = record->second.time_to_live;
    for (const io::Address& each : record->second.addresses)
      if (each.family == pending.family && answer.count < net::NameAnswer::count_max)
        answer.addresses[answer.count++] = each;
  }
  if (answer.count == 0) answer.error = Error::not_found;
  // Another's address: whoever trusts it finds nobody there, or somebody else.
  if (answer.count > 0 && world_.fault(world_.options().name_lies))
    for (std::size_t index = 0; index < answer.count; ++index)
      answer.addresses[index].ip[3] ^= 0x55;
}

}  // namespace runnel::sim
