#include "async/timers.hpp"

namespace runnel::async {

void Timers::set_root(TimerNode* root) {
  anchor_.child_ = root;
  if (root != nullptr) root->previous_ = &anchor_;
}

// Both are roots; the later one becomes the first child of the earlier.
TimerNode* Timers::merge(TimerNode* a, TimerNode* b) {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  if (b->due_ < a->due_) std::swap(a, b);
  b->sibling_ = a->child_;
  if (b->sibling_ != nullptr) b->sibling_->previous_ = b;
  b->previous_ = a;
  a->child_ = b;
  a->sibling_ = nullptr;
  return a;
}

// Two passes, without recursion: pairs from the left, then the pairs from the right.
TimerNode* Timers::merge_siblings(TimerNode* first) {
  TimerNode* pairs = nullptr;
  while (first != nullptr) {
    TimerNode* second = first->sibling_;
    TimerNode* rest = second == nullptr ? nullptr : second->sibling_;
    first->sibling_ = nullptr;
    if (second != nullptr) second->sibling_ = nullptr;
    TimerNode* pair = merge(first, second);
    pair->sibling_ = pairs;
    pairs = pair;
    first = rest;
  }
  TimerNode* root = nullptr;
  while (pairs != nullptr) {
    TimerNode* next = pairs->sibling_;
    pairs->sibling_ = nullptr;
    root = merge(root, pairs);
    pairs = next;
  }
  return root;
}

void Timers::add(TimerNode& node, Instant due) {
  RUNNEL_ASSERT(!node.armed());
  node.due_ = due;
  set_root(merge(anchor_.child_, &node));
}

void Timers::remove(TimerNode& node) {
  if (!node.armed()) return;
  TimerNode* children = merge_siblings(node.child_);
  if (node.previous_ == &anchor_) {
    set_root(children);
  } else {
    if (node.previous_->child_ == &node) {
      node.previous_->child_ = node.sibling_;
    } else {
      node.previous_->sibling_ = node.sibling_;
    }
    if (node.sibling_ != nullptr) node.sibling_->previous_ = node.previous_;
    set_root(merge(anchor_.child_, children));
  }
  node.child_ = node.sibling_ = node.previous_ = nullptr;
}

TimerNode* Timers::take_due(Instant now) {
  TimerNode* root = anchor_.child_;
  if (root == nullptr || root->due_ > now) return nullptr;
  remove(*root);
  return root;
}

}  // namespace runnel::async
