#include "async/scope.hpp"

#include "async/scheduler.hpp"
#include "async/task.hpp"

namespace runnel::async {

// Invariant: a scope ends with no task left in it.
Scope::~Scope() {
  RUNNEL_ASSERT(tasks_ == 0);
  unlink();
}

Scope::Scope(Scope& parent, const char* name) : Scope(parent.scheduler_, name) {
  parent.children_.push_back(*this);
  cancelled_ = parent.cancelled_;
}

void Scope::spawn(Task<void> task) {
  PromiseBase& promise = task.release().promise();
  promise.become_root(*this);
  ++tasks_;
  scheduler_.enqueue(promise.runnable());
}

void Scope::cancel() {
  if (cancelled_) return;
  cancelled_ = true;
  // The end of one wait may end another: who gives up a place in a queue makes room for the next.
  List<Wait, ScopeTag> asked;
  asked.splice_back(waits_);
  while (Wait* wait = asked.take_front()) {
    waits_.push_back(*wait);
    if (!wait->shielded_) wait->request_abort(Error::cancelled);
  }
  for (Scope& child : children_) child.cancel();
}

void Scope::reap(Runnable& finished) {
  finished.coroutine.destroy();
  RUNNEL_ASSERT(tasks_ > 0);
  --tasks_;
  if (tasks_ > 0 || join_ == nullptr) return;
  Join* waiting = join_;
  join_ = nullptr;
  waiting->complete(Error::none);
}

void Join::start() {
  if (joined_.tasks_ == 0) {
    complete(Error::none);
    return;
  }
  RUNNEL_ASSERT(joined_.join_ == nullptr);
  joined_.join_ = this;
}

}  // namespace runnel::async
