// One life of the agent on the simulated machine, from its start to its end: in order, by a kill or
// by a power loss. What it allocates is known to the heap of the swarm, so that a killed one leaves
// nothing behind. Counts the reactor operations that it completed.
#pragma once

#include <memory>

#include "agent/agent.hpp"
#include "agent/settings.hpp"
#include "tests/sim/swarm/checker.hpp"
#include "tests/sim/swarm/watched.hpp"

namespace runnel::swarm {

class Life {
 public:
  Life(sim::SimMachine& machine, const agent::Settings& settings,
       const agent::MeasuredParts& measured);
  ~Life();
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // False: it did not even begin.
  bool begin();
  bool running() const { return agent_ != nullptr && agent_->running(); }
  void turn(Instant until);
  bool started() const { return agent_->started(); }
  bool abandoned() const { return agent_->abandoned(); }
  int exit_code() const { return agent_->exit_code(); }
  WatchedReactor& reactor() { return *reactor_; }

  // What its parts have counted.
  void read_counters(LifeFacts& into) const;
  std::uint64_t sent_events(std::size_t sink) const;
  // Null: it was not built.
  pipeline::Channel* channel(std::size_t index) const;
  // How far this sink has acknowledged.
  pipeline::Position watermark(std::size_t sink) const;
  std::uint64_t operations() const { return operations_; }
  std::uint64_t allocations_after_start() const { return allocations_; }

  // After it has ended by itself: takes it apart and reports what was not given back.
  void take_apart(Checker& checker);
  // After `SimMachine::kill` or `power_loss`: nothing of it may be touched any more.
  void bury();

 private:
  void end();

  sim::SimMachine& machine_;
  std::unique_ptr<WatchedReactor> reactor_;
  WatchedSystem system_;
  const agent::MeasuredParts& measured_;
  agent::Agent* agent_ = nullptr;
  std::size_t mapped_before_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t allocations_ = 0;
};

}  // namespace runnel::swarm
