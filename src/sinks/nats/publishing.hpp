// What is known of the publishes of one frame: which of its events the destination has (kept over
// attempts, so that a retry does not repeat them), and which are under way on this connection, by
// the serial that their acknowledgements come back with. Fixed size; nothing is allocated.
//
// A serial stands for one publish of one connection, never for another: an answer that comes twice
// or too late means nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/assert.hpp"

namespace runnel::sinks {

class SettledEvents {
 public:
  static std::size_t words_for(std::size_t events_max) { return (events_max + 63) / 64; }
  explicit SettledEvents(std::span<std::uint64_t> words) : words_(words) {}

  // Nothing of a frame of so many events is settled.
  void begin(std::uint32_t events) {
    RUNNEL_ASSERT(words_for(events) <= words_.size());
    for (std::uint64_t& word : words_.first(words_for(events))) word = 0;
    count_ = 0;
  }
  bool has(std::uint32_t event) const { return (words_[event / 64] >> (event % 64) & 1) != 0; }
  void add(std::uint32_t event) {
    if (has(event)) return;
    words_[event / 64] |= std::uint64_t{1} << (event % 64);
    ++count_;
  }
  std::uint32_t count() const { return count_; }

 private:
  std::span<std::uint64_t> words_;
  std::uint32_t count_ = 0;
};

class PublishWindow {
 public:
  struct Slot {
    std::uint64_t serial = 0;
    std::uint32_t event = 0;
    bool pending = false;
  };
  // As many publishes at a time as there are slots, at least one.
  explicit PublishWindow(std::span<Slot> slots) : slots_(slots) { RUNNEL_ASSERT(!slots.empty()); }

  bool has_room() const { return !slot_of(next_).pending; }
  std::size_t pending() const { return pending_; }
  // There is room. The serial to be answered with.
  std::uint64_t publish(std::uint32_t event) {
    Slot& slot = slot_of(next_);
    RUNNEL_ASSERT(!slot.pending);
    slot = {next_, event, true};
    ++pending_;
    return next_++;
  }
  // The event that was published so, the first time that it is answered.
  std::optional<std::uint32_t> answer(std::uint64_t serial) {
    Slot& slot = slot_of(serial);
    if (!slot.pending || slot.serial != serial) return std::nullopt;
    slot.pending = false;
    --pending_;
    return slot.event;
  }
  // Another connection: what was under way is answered by nobody.
  void forget() {
    for (Slot& slot : slots_) slot.pending = false;
    pending_ = 0;
  }

 private:
  const Slot& slot_of(std::uint64_t serial) const {
    return slots_[static_cast<std::size_t>(serial % slots_.size())];
  }
  Slot& slot_of(std::uint64_t serial) {
    return slots_[static_cast<std::size_t>(serial % slots_.size())];
  }

  std::span<Slot> slots_;
  std::uint64_t next_ = 0;
  std::size_t pending_ = 0;
};

}  // namespace runnel::sinks
