// The one loop: resumes what is ready, fires deadlines, asks the reactor for completions. Only the
// scheduler resumes coroutines; waking anything only appends to its queue, so nothing runs inside
// anything else. Fair: a turn resumes each task that was ready when the turn began once, and work
// that they make ready waits for the next turn.
#pragma once

#include "async/runnable.hpp"
#include "async/timers.hpp"
#include "async/turn_meter.hpp"
#include "base/list.hpp"
#include "base/time.hpp"
#include "io/reactor.hpp"

namespace runnel::async {

class Scheduler {
 public:
  explicit Scheduler(io::Reactor& reactor);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // One turn; blocks at most until `until` when nothing is ready.
  void turn(Instant until = never);

  // The time of this turn: read once after every poll, so that it costs nothing to ask for.
  Instant now() const { return now_; }
  io::Reactor& reactor() const { return reactor_; }
  Timers& timers() { return timers_; }
  void enqueue(Runnable& runnable) { ready_.push_back(runnable); }
  bool idle() const { return ready_.empty(); }

  // So far: what is idle does not turn.
  std::uint64_t turns() const { return meter_.turns(); }
  // How long they lasted. A poll that only looks is part of a turn, one that may wait is not.
  const TurnMeter& turn_meter() const { return meter_; }

  // Whose work is running, for the allocation guard and for crash lines; "-" between tasks.
  static const char* running();

 private:
  bool resume_ready();  // whether a task has ended
  void fire_deadlines();
  void take_completions(Instant until);

  io::Reactor& reactor_;
  Instant now_;
  List<Runnable, ReadyTag> ready_;
  Timers timers_;
  TurnMeter meter_;
};

}  // namespace runnel::async
