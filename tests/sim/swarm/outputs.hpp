// What a file sink has left behind, file by file: which events, in which order, and how many were
// reported as dropped. Whole frames only; a file that has not changed is not read again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/sim/files.hpp"
#include "tests/sim/swarm/ledger.hpp"
#include "tests/sim/swarm/scenario.hpp"

namespace runnel::swarm {

struct OutputRead {
  std::uint64_t serial = 0;  // grows with the time of making
  std::string name;
  std::uint32_t life = 0;  // of the agent that made it
  std::uint64_t bytes = 0;
  bool survived_power_loss = false;
  bool broken = false;  // not whole to its end
  std::vector<EventId> events;
  std::vector<std::uint64_t> generated;  // numbers of the source `generate`
  std::uint64_t gap_events = 0;
  std::uint64_t fragments = 0;  // of an event whose connection broke off
  std::uint64_t unknown = 0;    // events that nobody put, or that are damaged
  std::string first_unknown;
  std::uint64_t count() const { return events.size() + generated.size() + fragments + unknown; }
};

class Outputs {
 public:
  Outputs(const SinkScenario& sink, Ledger& ledger) : sink_(sink), ledger_(ledger) {}

  // Looks at the folder again; new files are those of `life`.
  void look(const sim::SimFiles& disk, std::uint32_t life);
  // Every file may have become another one.
  void power_was_lost();
  // By serial.
  const std::map<std::uint64_t, OutputRead>& files() const { return files_; }

 private:
  void read(std::string_view content, OutputRead& into);
  void read_lines(std::string_view text, OutputRead& into);
  void read_event(std::string_view body, OutputRead& into);
  std::optional<std::string_view> decompress(std::string_view& content);

  const SinkScenario& sink_;
  Ledger& ledger_;
  std::map<std::uint64_t, OutputRead> files_;
};

}  // namespace runnel::swarm
