// How far a file or a connection may be forgotten. A source notes, after each put, up to where it
// has read and the receipt of what it put; `settle` gives the furthest offset whose events are all
// in custody. Bounded: when the notes are full, a new one merges with the newest (later, never
// earlier than the truth).
#pragma once

#include <array>
#include <optional>

#include "pipeline/outlet.hpp"

namespace runnel::pipeline {

class Checkpoint {
 public:
  static constexpr std::size_t notes_max = 4;

  void note(const Receipt& receipt, std::uint64_t offset);
  // The offset that became safe since the last call, if any did.
  std::optional<std::uint64_t> settle(const Outlet& outlet);
  bool pending() const { return count_ > 0; }
  void clear() { count_ = 0; }

 private:
  struct Note {
    Receipt receipt;
    std::uint64_t offset = 0;
  };
  std::array<Note, notes_max> notes_;  // oldest first
  std::size_t count_ = 0;
};

}  // namespace runnel::pipeline
