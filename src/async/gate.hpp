// Mutual exclusion between the few tasks of one component. First come is not promised; with two
// tasks whoever waits is next.
#pragma once

#include "async/notice.hpp"
#include "async/task.hpp"

namespace runnel::async {

class Gate {
 public:
  // Ok: inside, until `leave`. Cancelled: not inside.
  Task<Status> enter() {
    while (taken_) {
      const Status waited = co_await freed_.wait();
      if (!waited) co_return waited;
    }
    taken_ = true;
    co_return Status();
  }
  void leave() {
    RUNNEL_ASSERT(taken_);
    taken_ = false;
    freed_.ring();
  }

 private:
  bool taken_ = false;
  Notice freed_;
};

}  // namespace runnel::async
