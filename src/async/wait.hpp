// The only way anything suspends. Cancellation, deadlines and the question "who waits for what" are
// written here once; what is waited for overrides `start` and `abort`.
//
// A wait lives in the frame of whoever awaits it and is awaited once.
#pragma once

#include "async/runnable.hpp"
#include "async/timers.hpp"
#include "base/error.hpp"

namespace runnel::async {

struct ScopeTag;
class Scheduler;

class Wait : private Runnable, public Link<ScopeTag>, private TimerNode {
 public:
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) {
    return suspend(waiting, *waiting.promise().scope());
  }

 protected:
  explicit Wait(Instant deadline = never) : deadline_(deadline) {}
  virtual ~Wait() = default;

  // Begins waiting: submits the operation, joins a waiter list. May `complete` at once.
  virtual void start() = 0;
  // The wait is no longer wanted: asks for the end. Must lead to exactly one `complete`, at once or
  // later; `complete(Error::cancelled)` is reported as cancelled or timed_out, whichever was asked.
  virtual void abort() = 0;
  // Ends the wait. Only enqueues; the scheduler resumes.
  void complete(Error error);
  // Moves the deadline of a wait that is under way.
  void rearm(Instant deadline);
  // Cancellation of the scope passes by: for clean-up.
  void shield() { shielded_ = true; }

  // In `abort`: timed_out or cancelled.
  Error abort_reason() const { return reason_; }
  Instant deadline() const { return deadline_; }

  Error error() const { return error_; }
  Scope& scope() const { return *Runnable::scope; }
  Scheduler& scheduler() const;

 private:
  friend class Scope;
  friend class Scheduler;
  // `completed` is a state of its own: a wait can end by its deadline and be cancelled in one turn.
  enum class Stage : std::uint8_t { idle, starting, waiting, aborting, completed };

  bool suspend(std::coroutine_handle<> waiting, Scope& scope);
  void request_abort(Error reason);
  static Wait& of(TimerNode& node) { return static_cast<Wait&>(node); }

  Instant deadline_;
  Stage stage_ = Stage::idle;
  Error error_ = Error::none;
  Error reason_ = Error::none;
  bool shielded_ = false;
};

}  // namespace runnel::async
