// Which publishes of a frame are under way on this connection, by the serial that their
// acknowledgements come back with. Fixed size; nothing is allocated.
//
// A serial stands for one publish of one connection, never for another: an answer that comes twice
// or too late means nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/assert.hpp"

namespace runnel::sinks {

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
