#include "tests/sim/swarm/sync_promise.hpp"

namespace runnel::swarm {
namespace {

constexpr Duration sample_interval = 5ms;

}  // namespace

void SyncPromise::note(Instant now, const Life& life) {
  if (!samples_.empty() && now < after(samples_.back().at, sample_interval)) return;
  Sample& sample = samples_.emplace_back();
  sample.at = now;
  for (std::size_t sink = 0; sink < scenario_.sinks.size(); ++sink)
    sample.sent.push_back(life.sent_events(sink));
}

// For how long what was written may be missing: what the policy says, and what the disk takes for
// the syncs themselves.
Duration SyncPromise::allowed(const SinkScenario& sink) const {
  constexpr int syncs = 20, entries = 48;
  Duration allowed = syncs * scenario_.slowest_disk + entries * scenario_.options.entry_latency.max;
  if (sink.fsync == Fsync::interval) allowed += sink.fsync_interval;
  if (sink.fsync == Fsync::roll) allowed += sink.roll_age;
  return allowed;
}

std::uint64_t SyncPromise::sent_until(Instant then, std::size_t sink) const {
  std::uint64_t sent = 0;
  for (const Sample& sample : samples_)
    if (sample.at <= then) sent = sample.sent[sink];
  return sent;
}

void SyncPromise::check(Instant now, std::uint32_t life, Checker& checker) const {
  for (std::size_t index = 0; index < scenario_.sinks.size(); ++index) {
    const SinkScenario& sink = scenario_.sinks[index];
    if (sink.fsync == Fsync::never) continue;
    const Duration missing_for = allowed(sink);
    std::uint64_t written = 0;
    for (const Sample& sample : samples_)
      if (after(sample.at, missing_for) <= now) written = sample.sent[index];
    checker.check_survivors(index, life, written);
  }
}

}  // namespace runnel::swarm
