#include "async/wait.hpp"

#include "async/scheduler.hpp"
#include "async/scope.hpp"
#include "base/mark.hpp"

namespace runnel::async {

Scheduler& Wait::scheduler() const { return scope().scheduler(); }

bool Wait::suspend(std::coroutine_handle<> waiting, Scope& scope) {
  RUNNEL_ASSERT(stage_ == Stage::idle);
  coroutine = waiting;
  Runnable::scope = &scope;
  if (scope.cancelled_ && !shielded_) {
    error_ = Error::cancelled;
    stage_ = Stage::completed;
    return false;
  }
  stage_ = Stage::starting;
  start();
  if (stage_ == Stage::completed) return false;
  stage_ = Stage::waiting;
  scope.waits_.push_back(*this);
  if (deadline_ != never) scheduler().timers().add(*this, deadline_);
  return true;
}

void Wait::complete(Error error) {
  RUNNEL_ASSERT(stage_ == Stage::starting || stage_ == Stage::waiting || stage_ == Stage::aborting);
  const bool asked = stage_ == Stage::aborting && error == Error::cancelled;
  if (stage_ == Stage::aborting && !asked) passed(Seldom::aborted_wait_lost_the_race);
  error_ = asked ? reason_ : error;
  const bool inline_completion = stage_ == Stage::starting;
  stage_ = Stage::completed;
  if (inline_completion) return;  // never suspended: `suspend` goes on in place
  scheduler().timers().remove(*this);
  Link<ScopeTag>::unlink();
  scheduler().enqueue(*this);
}

void Wait::rearm(Instant deadline) {
  deadline_ = deadline;
  if (stage_ != Stage::waiting) return;
  scheduler().timers().remove(*this);
  if (deadline != never) scheduler().timers().add(*this, deadline);
}

void Wait::request_abort(Error reason) {
  if (stage_ != Stage::waiting) return;
  stage_ = Stage::aborting;
  reason_ = reason;
  abort();
}

}  // namespace runnel::async
