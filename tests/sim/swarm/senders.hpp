// Programs on another machine that send to the agent: one TCP connection after the other, and
// datagrams. They live on one reactor of their own, which the run polls in turn with the agent's.
// A connection sends in pieces that cut events anywhere, stalls, ends in order, or is left without
// a word when its machine loses power.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "platform/sim/reactor.hpp"
#include "platform/sim/system.hpp"
#include "tests/sim/swarm/ledger.hpp"
#include "tests/sim/swarm/scenario.hpp"

namespace runnel::swarm {

struct Outgoing : io::Operation {
  std::function<void()> done;
};

// What the senders of one machine share.
class SenderMachine {
 public:
  explicit SenderMachine(sim::SimMachine& machine) : machine_(machine), system_(machine) {
    reactor_ = std::make_unique<sim::SimReactor>(machine);
  }
  sim::SimMachine& machine() { return machine_; }
  sim::SimReactor& reactor() { return *reactor_; }
  sim::SimSystem& system() { return system_; }
  bool wants_poll() const { return reactor_->wants_poll(); }
  // Waits for its own operations and for whatever others want, at most until `until`.
  void poll(Instant until);
  // In a deed nobody polls: the poll that is under way has to end for this one to begin.
  void submit(io::Operation& operation) {
    reactor_->submit(operation);
    machine_.world().pause_at(machine_.world().now());
  }
  // Everything it had under way is gone, and who had something is told.
  void lose_power();
  void when_power_is_lost(std::function<void()> told) { told_.push_back(std::move(told)); }

 private:
  sim::SimMachine& machine_;
  sim::SimSystem system_;
  std::unique_ptr<sim::SimReactor> reactor_;
  std::vector<std::function<void()>> told_;
};

struct SenderContext {
  sim::SimWorld& world;
  SenderMachine& machine;
  Ledger& ledger;
  const PeerScenario& scenario;
  const SourceScenario& source;
  const std::uint32_t& life;  // of the agent, now
  const bool& calm;           // the faults are over
  bool long_events;
};

class TcpSender {
 public:
  explicit TcpSender(const SenderContext& context);
  void work_until(Instant end);
  bool resting() const { return !working_; }

 private:
  void step();
  void connect();
  void connected();
  void send();
  void sent();
  void close();
  void later(Duration pause);
  void submit();
  void power_lost();
  std::string framed(std::string_view event) const;

  SenderContext context_;
  sim::Random random_;
  io::Address server_;
  Outgoing operation_;
  io::Handle handle_ = io::Handle::none;
  bool under_way_ = false;  // the operation is
  bool connected_ = false;
  bool stalls_ = false;
  bool in_calm_ = false;
  bool working_ = false;
  std::uint32_t stream_ = 0;
  std::uint32_t left_ = 0;  // events of this connection
  std::string pending_;
  std::size_t piece_ = 0;
  Instant end_;
};

class UdpSender {
 public:
  explicit UdpSender(const SenderContext& context);
  void work_until(Instant end);
  bool resting() const { return !working_; }

 private:
  void step();

  SenderContext context_;
  sim::Random random_;
  io::Address server_;
  Outgoing operation_;
  io::Handle handle_ = io::Handle::none;
  std::uint32_t stream_ = 0;
  bool under_way_ = false;
  std::string datagram_;
  bool working_ = false;
  Instant end_;
};

}  // namespace runnel::swarm
