// One seed, from the first byte to the verdict: a storm in which faults come and the agent dies and
// begins again, a calm in which everything that is due has to arrive, and a stop in order.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/swarm/checker.hpp"
#include "tests/sim/swarm/scenario.hpp"

namespace runnel::swarm {

inline constexpr std::uint64_t operations_min = 2000;  // of the agent's reactor, in each seed
inline constexpr std::uint64_t faults_min = 5;

struct Outcome {
  Violation violation;
  std::uint64_t trace_hash = 0;
  std::uint64_t operations = 0;  // that the agent's reactors completed
  std::uint64_t faults = 0;      // of the list, that came to pass
  std::uint64_t lives = 0;
  std::uint64_t events = 0;  // delivered, all sinks together
  std::uint64_t virtual_ms = 0;
};

// `log`: the agent's log lines and every fault go to standard error.
Outcome run_seed(std::uint64_t seed, const Selection& selection, bool log);

}  // namespace runnel::swarm
