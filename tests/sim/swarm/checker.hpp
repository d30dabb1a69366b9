// The judge: knows every event that was put and reads what was delivered, at the end of every life
// of the agent and after every crash. The first promise that was not kept is the verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/counters.hpp"
#include "platform/sim/machine.hpp"
#include "tests/sim/swarm/log_writer.hpp"
#include "tests/sim/swarm/outputs.hpp"

namespace runnel::swarm {

class Custody;

enum class Verdict : std::uint8_t {
  kept,
  assertion,  // the agent's or the simulator's own
  lost,       // acknowledged or due, and not delivered
  order,
  repeated,          // after a stop in order, or within one file
  damaged,           // an event that nobody put
  checkpoint_ahead,  // a position that claims what was not delivered
  sync_promise,      // less survived than fsync says
  frame_lost,        // recovery cut off something whole
  accounting,        // received is not sent and dropped
  start_failed,
  stop_too_late,
  stuck,         // does not come to rest after the faults have ended
  leaked,        // operations, handles
  memory,        // more than the plan
  allocation,    // after the start
  not_the_same,  // two runs of one seed differ
};
const char* name_of(Verdict verdict);

struct Violation {
  Verdict verdict = Verdict::kept;
  std::string text;
};

// What a life of the agent came to.
struct LifeFacts {
  std::uint32_t life = 0;
  bool in_order = false;  // stopped with exit code 0: everything was drained
  bool rewound = false;   // a sync failed: the channel delivered again
  bool tail_failed = false;
  bool disk_failed = false;  // an error was injected while it lived
  std::vector<pipeline::SourceCounters> sources;
  std::vector<pipeline::SinkCounters> sinks;
  std::vector<pipeline::ChannelCounters> channels;
};

class Checker {
 public:
  Checker(const Scenario& scenario, Ledger& ledger, LogFiles& logs, sim::SimMachine& machine,
          const Custody& custody);

  // The disk as the process has left it, before a power loss takes its part.
  void life_ended(const LifeFacts& facts);
  void power_was_lost(std::uint32_t life);
  // Also after `life_ended` of a kill: files stay as they are.
  void check_checkpoints(bool after_power_loss);
  // Of the life that has just lost power, at least so many events of this sink had to survive.
  void check_survivors(std::size_t sink, std::uint32_t life, std::uint64_t at_least);
  // Logs that were rotated to a name that is not looked at, before any checkpoint knew them.
  void excuse_unknown_rotations();
  // Everything that is due has arrived everywhere.
  bool complete(const LifeFacts& so_far);
  void check_complete();

  const Violation& violation() const { return violation_; }
  void report(Verdict verdict, std::string text);
  std::uint64_t delivered() const { return delivered_; }
  // What lies in the sinks' folders, a line a file, for a person.
  std::string files_text() const;

 private:
  using Seen = std::vector<std::vector<bool>>;  // stream, number
  struct SinkState {
    Outputs outputs;
    Seen seen;       // now
    Seen ever_seen;  // before some power loss, too
    Seen before;     // at the end of the life before this
    Seen settled;    // delivered in a life that stopped in order: comes not again in the next
    std::uint64_t gaps_said = 0;      // events, in the lives that have ended, by its own count
    std::uint64_t gaps_said_now = 0;  // and in the one that goes on
  };

  void look(std::uint32_t life);
  void collect(std::size_t sink);
  void check_damage(std::size_t sink);
  void check_still_there(std::size_t sink, const Seen& before);
  void check_order(std::size_t sink, const LifeFacts& facts);
  bool may_skip(std::size_t sink, const EventId& event) const;
  bool begins_again(std::size_t sink, const EventId& event) const;
  void check_generated(std::size_t sink, const LifeFacts& facts);
  void check_step(std::size_t sink, const LifeFacts& facts, const EventId& event, std::int64_t last,
                  bool new_file);
  void check_accounting(std::size_t sink, const LifeFacts& facts);
  void check_undamaged(std::size_t sink, const LifeFacts& facts);
  void note_settled(std::size_t sink, const LifeFacts& facts);
  void check_checkpoint(std::size_t source, bool after_power_loss);
  std::vector<bool> files_met(const Stream& stream, const std::vector<bool>& seen) const;
  std::optional<EventId> missing(std::size_t sink) const;
  std::optional<EventId> missing_of_due(std::size_t sink) const;
  std::optional<EventId> missing_of_journal(std::size_t sink) const;
  const Seen& had(std::size_t sink) const;
  bool is_journal(std::size_t sink) const;
  static bool is_in(const Seen& seen, std::uint32_t stream, std::uint32_t number);
  std::string name(const EventId& event) const;

  const Scenario& scenario_;
  Ledger& ledger_;
  LogFiles& logs_;
  sim::SimMachine& machine_;
  std::vector<SinkState> sinks_;
  const Custody& custody_;
  Violation violation_;
  std::uint64_t delivered_ = 0;
};

}  // namespace runnel::swarm
