// Brings the faults of a scenario over a world, and takes those that last away again. Ends of the
// process are left to whoever runs the agent.
#pragma once

#include "platform/sim/machine.hpp"
#include "platform/sim/world.hpp"
#include "tests/sim/swarm/scenario.hpp"
#include "tests/sim/swarm/senders.hpp"

namespace runnel::swarm {

bool ends_the_process(FaultKind kind);
// An operation may fail on account of it.
bool makes_errors(FaultKind kind);

class Weather {
 public:
  Weather(sim::SimWorld& world, const Scenario& scenario, SenderMachine& senders)
      : world_(world), scenario_(scenario), senders_(senders) {}
  void begin(const Fault& fault);
  // Everything is as it was before the first fault.
  void clear();
  // An operation may fail now, or may have a moment ago.
  bool errors_now() const { return errors_until_ >= world_.now(); }

 private:
  void end(FaultKind kind);

  sim::SimWorld& world_;
  const Scenario& scenario_;
  SenderMachine& senders_;
  Instant errors_until_ = Instant::min();
};

}  // namespace runnel::swarm
