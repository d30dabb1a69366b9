// Seeds run in child processes: a failed assertion, a crash or a hang ends the child and becomes a
// verdict like any other, and shrinking can go on from it. What a child finds out lies in memory
// that both see.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/mark.hpp"
#include "tests/sim/swarm/run.hpp"

namespace runnel::swarm {

struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t operations = 0, operations_least = UINT64_MAX;
  std::uint64_t faults = 0, faults_least = UINT64_MAX;
  std::uint64_t lives = 0, events = 0, virtual_ms = 0;
  std::uint64_t marks[mark_count] = {};
  void add(const Outcome& outcome);
};

struct FailedSeed {
  std::uint64_t seed = 0;
  Verdict verdict = Verdict::kept;
  std::string text;
};

struct RunRequest {
  Selection selection;
  bool log = false;
  bool twice = false;  // and the trace has to be the same
  bool quiet = false;  // no line about a single seed
};

// Runs `first` to `last` in one child until one fails. Nothing: all were good. Adds to `totals`.
std::optional<FailedSeed> run_in_child(std::uint64_t first, std::uint64_t last,
                                       const RunRequest& request, Totals& totals);

}  // namespace runnel::swarm
