// The simulated world: one clock, one queue of events, one seed. It owns its machines (each with
// its own files, addresses and handles) and the network between them. Time moves only inside
// SimReactor::poll and `run_for`. Everything that happens is folded into `trace_hash`: two runs of
// one seed that differ in it are not the same run. One thread; never reads a real clock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "io/system.hpp"
#include "platform/sim/options.hpp"
#include "platform/sim/random.hpp"

namespace runnel::sim {

class SimMachine;
class SimNetwork;
class SimReactor;

enum class EventKind : std::uint8_t {
  operation,        // of the reactor `who`: slot `index`
  connect_request,  // has reached the server's machine
  connect_answer,   // accepted, as the client learns
  connect_refused,
  connect_expired,
  segment,   // `amount` bytes have arrived at socket `index`
  finish,    // FIN
  reset,     // RST
  give_up,   // nothing of what was sent to socket `index` has been acknowledged for too long
  datagram,  // number `amount` of those in transit
  datagram_refused,  // nobody listens where one went that socket `index` sent
  callback,
};

struct Event {
  Instant at;
  std::uint64_t order = 0;  // among those of the same instant
  EventKind kind = EventKind::callback;
  std::uint32_t who = 0;
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // of the socket or slot: it may be gone by then
  std::uint32_t amount = 0;
};

class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed, const SimOptions& options = SimOptions::calm());
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  std::uint64_t seed() const { return seed_; }
  // May be changed while the world runs: faults begin and end this way.
  SimOptions& options() { return options_; }
  // Ends every fault, injected or drawn; latencies and small pieces stay.
  void end_faults();

  // --- machines ----------------------------------------------------------------------------------
  SimMachine& machine(std::size_t index = 0) { return *machines_[index]; }
  std::size_t machine_count() const { return machines_.size(); }
  SimMachine& add_machine(const std::string& host_name);
  SimNetwork& network() { return *network_; }
  // A signal to the process on the first machine.
  void raise(io::Signal signal);

  // --- time --------------------------------------------------------------------------------------
  Instant now() const { return now_; }
  WallTime wall_now() const { return WallTime(now_.time_since_epoch() + wall_offset_); }
  void set_wall_clock(WallTime to) {
    wall_offset_ = to.time_since_epoch() - now_.time_since_epoch();
  }
  void step_wall_clock(Duration by) { wall_offset_ += by; }
  // Does something at a time to come: faults, peers' deeds. It must not poll.
  void at(Instant when, std::function<void()> deed);
  // Every poll returns at this instant, for whoever drives the loops to look around.
  void pause_at(Instant when) { pause_at_ = when; }
  // Runs the world without anybody polling.
  void run_for(Duration duration);

  // Somebody waited for ever and nothing could ever happen: a deadlock of the program under test.
  bool stalled() const { return stalled_; }

  // --- the record of what happened ---------------------------------------------------------------
  std::uint64_t trace_hash() const { return trace_; }
  std::uint64_t events_handled() const { return events_handled_; }
  std::uint64_t faults_injected() const { return faults_; }
  void fold(std::uint64_t value) {
    trace_ = (trace_ ^ value) * 0x9FB21C651E98DF25;
    trace_ ^= trace_ >> 32;
  }

  // --- for the parts of the simulator ------------------------------------------------------------
  Random& schedule_random() { return schedule_random_; }  // latencies, order, sizes of pieces
  Random& fault_random() { return fault_random_; }
  Random& entropy_random() { return entropy_random_; }
  // Draws a fault and counts it.
  bool fault(PerMillion rate) {
    const bool hit = fault_random_.chance(rate);
    faults_ += hit ? 1 : 0;
    return hit;
  }
  void count_fault() { ++faults_; }
  void schedule(Event event);

 private:
  friend class SimReactor;
  std::uint32_t join(SimReactor& reactor);
  void leave(std::uint32_t reactor) { reactors_[reactor] = nullptr; }
  void begin_turn() { advance_to(after(now_, options_.turn_cost)); }
  void advance_to(Instant when);
  void run_due();
  Instant next_event() const { return events_.empty() ? never : events_.front().at; }
  // The earliest instant at which a reactor other than `asking` wants the world to stop.
  Instant others_want(const SimReactor& asking) const;
  void mark_stalled();
  void not_stalled() { stalls_in_a_row_ = 0; }
  void dispatch(const Event& event);

  std::uint64_t seed_;
  SimOptions options_;
  Random schedule_random_;
  Random fault_random_;
  Random entropy_random_;

  Instant now_ = Instant(1s);  // as if booted a second ago: zero hides mistakes
  Duration wall_offset_;
  std::vector<Event> events_;  // a heap, the next one first
  std::uint64_t next_order_ = 0;
  std::uint64_t events_handled_ = 0;
  std::uint64_t trace_;
  std::uint64_t faults_ = 0;
  Instant pause_at_ = never;
  bool stalled_ = false;
  std::uint32_t stalls_in_a_row_ = 0;

  std::vector<std::function<void()>> deeds_;
  std::vector<std::uint32_t> free_deeds_;
  std::vector<SimReactor*> reactors_;  // null: gone
  std::unique_ptr<SimNetwork> network_;
  std::vector<std::unique_ptr<SimMachine>> machines_;
};

}  // namespace runnel::sim
