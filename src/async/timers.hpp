// Deadlines: an intrusive pairing heap, so that any number of waits may have one without a table to
// size. The nearest one goes to Reactor::poll.
#pragma once

#include "base/assert.hpp"
#include "base/time.hpp"

namespace runnel::async {

class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  ~TimerNode() { RUNNEL_ASSERT(!armed()); }
  bool armed() const { return previous_ != nullptr; }

 private:
  friend class Timers;
  Instant due_;
  TimerNode* child_ = nullptr;     // the first of those due later
  TimerNode* sibling_ = nullptr;   // the next below the same parent
  TimerNode* previous_ = nullptr;  // parent of a first child, else the sibling before
};

class Timers {
 public:
  void add(TimerNode& node, Instant due);
  void remove(TimerNode& node);  // nothing happens when it is not armed
  Instant nearest() const { return anchor_.child_ == nullptr ? never : anchor_.child_->due_; }
  // Takes out one node that is due, or null.
  TimerNode* take_due(Instant now);

 private:
  static TimerNode* merge(TimerNode* a, TimerNode* b);
  static TimerNode* merge_siblings(TimerNode* first);
  void set_root(TimerNode* root);

  TimerNode anchor_;  // its only child is the root: so every armed node has a `previous_`
};

}  // namespace runnel::async
