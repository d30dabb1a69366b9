// Task<T>: a coroutine that starts when it is awaited or spawned, has one awaiter, and hands back
// one T. Its frame comes from the FrameArena. A task that ends without suspending costs no trip
// through the ready queue. Read STYLE on the GCC 12 traps before writing one.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "async/frame_arena.hpp"
#include "async/runnable.hpp"
#include "async/scheduler.hpp"
#include "async/scope.hpp"
#include "base/assert.hpp"

namespace runnel::async {

class PromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return FrameArena::in_use().allocate(bytes); }
  static void operator delete(void* frame, std::size_t bytes) {
    FrameArena::in_use().release(frame, bytes);
  }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept {
    constexpr bool an_exception_left_a_task = true;
    RUNNEL_ASSERT(!an_exception_left_a_task);
  }

  // Only enqueues. STYLE: symmetric transfer overflows the stack without optimisation.
  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      ended.promise().at_end();
    }
    void await_resume() const noexcept {}
  };
  Final final_suspend() const noexcept { return {}; }

  Scope* scope() const { return scope_; }
  void run_in(Scope& scope) { scope_ = &scope; }
  void wake_at_end(std::coroutine_handle<> awaiter) {
    runnable_.coroutine = awaiter;
    runnable_.scope = scope_;
  }
  void become_root(Scope& scope) {
    scope_ = &scope;
    root_ = true;
    runnable_.coroutine = self_;
    runnable_.scope = &scope;
  }
  Runnable& runnable() { return runnable_; }

 protected:
  std::coroutine_handle<> self_;

 private:
  void at_end() noexcept {
    runnable_.finished = root_;
    // Without an awaiter yet it ended inside `await_suspend`, which sees that it is done.
    if (runnable_.coroutine) scope_->scheduler().enqueue(runnable_);
  }

  Scope* scope_ = nullptr;
  Runnable runnable_;  // of a root: itself; else: whoever awaits it
  bool root_ = false;
};

// The part of a promise that differs for void.
template <class T>
class TaskResult {
 public:
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    RUNNEL_ASSERT(value_.has_value());
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};
template <>
class TaskResult<void> {
 public:
  void return_void() const noexcept {}
  void take() const noexcept {}
};

template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type : PromiseBase, TaskResult<T> {
    Task get_return_object() {
      const auto self = std::coroutine_handle<promise_type>::from_promise(*this);
      this->self_ = self;
      return Task(self);
    }
  };
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  // Runs the task at once, in the scope of whoever awaits it, until it first suspends.
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiter) {
    auto& promise = handle_.promise();
    promise.run_in(*awaiter.promise().scope());
    handle_.resume();
    if (handle_.done()) return false;
    promise.wake_at_end(awaiter);
    return true;
  }
  T await_resume() { return handle_.promise().take(); }

  // For Scope::spawn, which owns the frame from then on.
  Handle release() { return std::exchange(handle_, nullptr); }

 private:
  explicit Task(Handle handle) : handle_(handle) {}
  Handle handle_;
};

}  // namespace runnel::async
