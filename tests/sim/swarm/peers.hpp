// All peers of a scenario that a selection keeps: programs that write logs on the agent's machine,
// and senders on another one. They go on whether the agent lives or not.
#pragma once

#include <memory>
#include <vector>

#include "tests/sim/swarm/log_writer.hpp"
#include "tests/sim/swarm/senders.hpp"

namespace runnel::swarm {

class Peers {
 public:
  // What they need of the run. Everything outlives them.
  struct Surroundings {
    sim::SimWorld& world;
    SenderMachine& senders;
    Ledger& ledger;
    LogFiles& logs;
    const std::uint32_t& life;  // of the agent, now
    const bool& calm;           // the faults are over
  };
  Peers(const Scenario& scenario, const Selection& selection, const Surroundings& around);

  // They bring events from now on; what they have begun by `end` they finish.
  void work_until(Instant end);
  bool resting() const;

 private:
  std::vector<std::unique_ptr<LogWriter>> writers_;
  std::vector<std::unique_ptr<TcpSender>> tcp_senders_;
  std::vector<std::unique_ptr<UdpSender>> udp_senders_;
};

}  // namespace runnel::swarm
