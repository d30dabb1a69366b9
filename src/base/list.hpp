// Intrusive doubly linked list. The elements own their links, so joining and leaving never
// allocates and leaving is O(1) from anywhere. An element is in at most one list per Tag; whoever
// links it keeps it alive until it has left. Not for sharing between threads.
#pragma once

#include <cstddef>

#include "base/assert.hpp"

namespace runnel {

struct DefaultTag;

template <class Tag = DefaultTag>
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { RUNNEL_ASSERT(!linked()); }

  bool linked() const { return next_ != nullptr; }
  // Leaves whatever list it is in; nothing happens when it is in none.
  void unlink() {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T, class AnyTag>
  friend class List;
  Link* next_ = nullptr;
  Link* previous_ = nullptr;
};

template <class T, class Tag = DefaultTag>
class List {
  using Node = Link<Tag>;

 public:
  List() { reset(); }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    RUNNEL_ASSERT(empty());
    anchor_.next_ = anchor_.previous_ = nullptr;
  }

  bool empty() const { return anchor_.next_ == &anchor_; }
  void push_back(T& element) { insert_before(anchor_, element); }
  void push_front(T& element) { insert_before(*anchor_.next_, element); }
  T& front() {
    RUNNEL_ASSERT(!empty());
    return element(*anchor_.next_);
  }
  T& back() {
    RUNNEL_ASSERT(!empty());
    return element(*anchor_.previous_);
  }
  T& pop_front() {
    T& first = front();
    static_cast<Node&>(first).unlink();
    return first;
  }
  // Null when empty: `while (T* each = list.take_front())`.
  T* take_front() { return empty() ? nullptr : &pop_front(); }
  // Moves all of `other` to the end of this list, in order, in O(1).
  void splice_back(List& other) {
    if (other.empty()) return;
    Node* first = other.anchor_.next_;
    Node* last = other.anchor_.previous_;
    other.reset();
    first->previous_ = anchor_.previous_;
    anchor_.previous_->next_ = first;
    last->next_ = &anchor_;
    anchor_.previous_ = last;
  }
  std::size_t count() const {
    std::size_t result = 0;
    for (const Node* node = anchor_.next_; node != &anchor_; node = node->next_) ++result;
    return result;
  }

  // The body of a range-for may unlink the element it is at, no other.
  class Iterator {
   public:
    explicit Iterator(Node* node) : node_(node), next_(node->next_) {}
    T& operator*() const { return element(*node_); }
    Iterator& operator++() {
      node_ = next_;
      next_ = node_->next_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return node_ != other.node_; }

   private:
    Node* node_;
    Node* next_;
  };
  Iterator begin() { return Iterator(anchor_.next_); }
  Iterator end() { return Iterator(&anchor_); }

 private:
  static T& element(Node& node) { return static_cast<T&>(node); }
  void reset() { anchor_.next_ = anchor_.previous_ = &anchor_; }
  void insert_before(Node& position, T& added) {
    Node& node = added;
    RUNNEL_ASSERT(!node.linked());
    node.next_ = &position;
    node.previous_ = position.previous_;
    position.previous_->next_ = &node;
    position.previous_ = &node;
  }

  Node anchor_;
};

}  // namespace runnel
