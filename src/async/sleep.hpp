// Waits for time alone.
#pragma once

#include "async/scheduler.hpp"
#include "async/scope.hpp"
#include "async/wait.hpp"

namespace runnel::async {

// Until `due`. Ok when that has come; `cancelled` when the scope was cancelled first.
class [[nodiscard]] Sleep final : public Wait {
 public:
  explicit Sleep(Instant due) : Wait(due) {}
  Status await_resume() const noexcept {
    return error() == Error::timed_out ? Status() : Status(error());
  }

 private:
  void start() override {}
  void abort() override { complete(Error::cancelled); }
};
inline Sleep sleep_until(Instant due) { return Sleep(due); }

// Lets everything else that is ready run first. Not a cancellation point.
class [[nodiscard]] Yield {
 public:
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) {
    runnable_.coroutine = waiting;
    runnable_.scope = waiting.promise().scope();
    runnable_.scope->scheduler().enqueue(runnable_);
    return true;
  }
  void await_resume() const noexcept {}

 private:
  Runnable runnable_;
};
inline Yield yield() { return {}; }

// The scope of the task that awaits it; never suspends. `Scope& scope = *co_await current_scope();`
class [[nodiscard]] CurrentScope {
 public:
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) {
    scope_ = waiting.promise().scope();
    return false;
  }
  Scope* await_resume() const noexcept { return scope_; }

 private:
  Scope* scope_ = nullptr;
};
inline CurrentScope current_scope() { return {}; }

}  // namespace runnel::async
