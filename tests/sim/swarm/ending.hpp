// How a life of the agent is to end: torn away at an instant, torn away around an operation of some
// verb, or in order, by one signal or two. It knows what is planned and when it is due, and raises
// the signals; tearing the process away, and judging what is left, is up to the run. One ending at
// a time: another is planned only when the life has ended.
#pragma once

#include <optional>

#include "io/operation.hpp"
#include "platform/sim/machine.hpp"
#include "platform/sim/world.hpp"
#include "tests/sim/swarm/scenario.hpp"

namespace runnel::swarm {

enum class Torn : std::uint8_t { no, by_kill, by_power_loss };

class Ending {
 public:
  Ending(sim::SimWorld& world, const Scenario& scenario) : world_(world), scenario_(scenario) {}

  // Another life begins, and nothing is planned.
  void clear();
  // By one of the faults that end the process.
  void plan(const Fault& fault);
  // In order, without a fault.
  void stop();
  // The agent submits an operation: an ending that has waited for such a one comes around it.
  void submitted(const io::Operation& operation);
  // It comes now, without the operation that it waits for.
  void wait_no_longer();
  // The second signal, when its time has come.
  void signal_again();

  bool planned() const { return torn_ != Torn::no || waits() || stopping(); }
  bool waits() const { return around_.has_value(); }  // for its operation
  bool stopping() const { return deadline_ != never; }
  bool too_late() const { return world_.now() >= deadline_; }  // a stop has not led to the end
  // The process is torn away at this very instant.
  Torn due() const { return world_.now() >= torn_at_ ? torn_ : Torn::no; }
  // The nearest instant at which something of this is due.
  Instant next() const;
  Duration down_for() const { return down_for_; }  // no agent lives after it

 private:
  void tear(FaultKind kind, Instant at);

  sim::SimWorld& world_;
  const Scenario& scenario_;
  Torn torn_ = Torn::no;
  Instant torn_at_ = never;
  std::optional<Fault> around_;  // an operation of its verb
  Instant deadline_ = never;
  Instant second_signal_ = never;
  Duration down_for_ = Duration::zero();
};

}  // namespace runnel::swarm
