// A nursery: tasks are spawned into a scope and none outlives it. Cancelling it ends every wait of
// its tasks with Error::cancelled, and every wait they begin afterwards, except shielded ones
// (clean up). Whoever owns a scope joins it before it goes away: cancel, then join.
//
// The scope travels in the promise: a task that is awaited runs in the scope of whoever awaits it.
#pragma once

#include "async/runnable.hpp"
#include "async/wait.hpp"

namespace runnel::async {

class Scheduler;
template <class T>
class Task;
class PromiseBase;
struct RootTag;
class Join;

struct ChildTag;

class Scope : private Link<ChildTag> {
 public:
  // `name` is static or outlives the scope: it is what logs and the allocation guard show.
  Scope(Scheduler& scheduler, const char* name) : scheduler_(scheduler), name_(name) {}
  // Inside another: cancelling that one cancels this one too.
  Scope(Scope& parent, const char* name);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();

  // Starts at its next turn.
  void spawn(Task<void> task);
  void cancel();
  bool cancelled() const { return cancelled_; }
  // Until no task is left. Shielded: it works in a cancelled scope too.
  [[nodiscard]] Join join();

  std::size_t tasks() const { return tasks_; }
  const char* name() const { return name_; }
  Scheduler& scheduler() const { return scheduler_; }

  // For the scheduler: a root is at its final suspension.
  void reap(Runnable& finished);

 private:
  friend class Wait;
  friend class Join;
  friend class List<Scope, ChildTag>;

  Scheduler& scheduler_;
  const char* name_;
  bool cancelled_ = false;
  std::size_t tasks_ = 0;
  List<Wait, ScopeTag> waits_;  // everything its tasks are suspended on
  List<Scope, ChildTag> children_;
  Join* join_ = nullptr;
};

class Join final : public Wait {
 public:
  explicit Join(Scope& joined) : joined_(joined) { shield(); }
  void await_resume() const noexcept {}

 private:
  friend class Scope;
  void start() override;
  void abort() override {}  // shielded and without a deadline: never asked
  Scope& joined_;
};

inline Join Scope::join() { return Join(*this); }

}  // namespace runnel::async
