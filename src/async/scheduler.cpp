#include "async/scheduler.hpp"

#include <algorithm>

#include "async/operations.hpp"
#include "async/recv_stream.hpp"
#include "async/scope.hpp"

namespace runnel::async {
namespace {
const Scope* running_scope = nullptr;
}

const char* Scheduler::running() { return running_scope == nullptr ? "-" : running_scope->name(); }

Scheduler::Scheduler(io::Reactor& reactor) : reactor_(reactor), now_(reactor.now()) {}

void Scheduler::turn(Instant until) {
  const bool ended = resume_ready();
  // What just ran may have made more ready, or ended the last task that whoever turns waits for:
  // then the reactor only looks.
  const bool looks = ended || !ready_.empty();
  take_completions(looks ? Instant::min() : std::min(until, timers_.nearest()));
  fire_deadlines();
}

bool Scheduler::resume_ready() {
  bool ended = false;
  List<Runnable, ReadyTag> batch;
  batch.splice_back(ready_);
  while (Runnable* runnable = batch.take_front()) {
    running_scope = runnable->scope;
    if (runnable->finished) {
      runnable->scope->reap(*runnable);
      ended = true;
    } else {
      runnable->coroutine.resume();
    }
  }
  running_scope = nullptr;
  return ended;
}

void Scheduler::fire_deadlines() {
  while (TimerNode* node = timers_.take_due(now_)) Wait::of(*node).request_abort(Error::timed_out);
}

void Scheduler::take_completions(Instant until) {
  io::CompletedList completed;
  const bool looks = until == Instant::min();
  const Instant asked = looks ? now_ : reactor_.now();
  reactor_.poll(until, completed);
  const Instant before = now_;
  now_ = reactor_.now();
  meter_.note((looks ? now_ : asked) - before);
  while (io::Operation* operation = completed.take_front()) {
    if (io::is_stream(operation->verb)) {
      RecvStream::of(*operation).handed_over();
    } else {
      OperationWait::of(*operation).handed_over();
    }
  }
}

}  // namespace runnel::async
