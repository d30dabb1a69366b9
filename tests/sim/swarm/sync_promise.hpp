// What `fsync` promises: notes while the agent lives how many events each sink has written, and
// after a power loss wants those that were written longer ago than the policy allows.
#pragma once

#include <vector>

#include "tests/sim/swarm/checker.hpp"
#include "tests/sim/swarm/life.hpp"
#include "tests/sim/swarm/scenario.hpp"

namespace runnel::swarm {

class SyncPromise {
 public:
  explicit SyncPromise(const Scenario& scenario) : scenario_(scenario) {}
  // Another life begins.
  void forget() { samples_.clear(); }
  // To be called often; keeps a sample each 5 ms of virtual time.
  void note(Instant now, const Life& life);
  // How many events this sink had written by then.
  std::uint64_t sent_until(Instant then, std::size_t sink) const;
  // The power went at `now`, in this life.
  void check(Instant now, std::uint32_t life, Checker& checker) const;

 private:
  struct Sample {
    Instant at;
    std::vector<std::uint64_t> sent;  // by sink
  };
  Duration allowed(const SinkScenario& sink) const;

  const Scenario& scenario_;
  std::vector<Sample> samples_;
};

}  // namespace runnel::swarm
