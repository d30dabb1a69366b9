// Some of the events of one frame, a bit each: those that a destination has, or has refused. Kept
// over the attempts at a frame, so that a retry does not repeat them. Fixed size; nothing is
// allocated.
#pragma once

#include <cstdint>
#include <span>

#include "base/assert.hpp"

namespace runnel::sinks {

class EventSet {
 public:
  static std::size_t words_for(std::size_t events_max) { return (events_max + 63) / 64; }
  explicit EventSet(std::span<std::uint64_t> words) : words_(words) {}

  // Of a frame of so many events; none of them is in it.
  void begin(std::uint32_t events) {
    RUNNEL_ASSERT(words_for(events) <= words_.size());
    used_ = words_.first(words_for(events));
    for (std::uint64_t& word : used_) word = 0;
    count_ = 0;
    events_ = events;
  }
  // Of the frame that it is about: what comes back with fewer is another frame.
  std::uint32_t events() const { return events_; }
  bool has(std::uint32_t event) const { return (words_[event / 64] >> (event % 64) & 1) != 0; }
  void add(std::uint32_t event) {
    if (has(event)) return;
    words_[event / 64] |= std::uint64_t{1} << (event % 64);
    ++count_;
  }
  std::uint32_t count() const { return count_; }
  // As `Delivery::which_refused` wants them.
  std::span<const std::uint64_t> bits() const { return used_; }

 private:
  std::span<std::uint64_t> words_;
  std::span<std::uint64_t> used_;
  std::uint32_t count_ = 0;
  std::uint32_t events_ = 0;
};

}  // namespace runnel::sinks
