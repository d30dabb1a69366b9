// How long the loop's turns last: from when the reactor has handed over what is done until it is
// asked again. While a turn lasts nobody else gets anything done, so the longest ones are what a
// user of the loop may have to wait. Counted in classes of a quarter of an octave, from 1 us on;
// fixed memory, no allocation.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/time.hpp"

namespace runnel::async {

class TurnMeter {
 public:
  void note(Duration turn) {
    longest_ = std::max(longest_, turn);
    ++turns_;
    ++classes_[class_of(turn)];
  }
  std::uint64_t turns() const { return turns_; }
  Duration longest() const { return longest_; }

  // So many in a thousand lasted no longer than this; at most a quarter more than it was.
  Duration within(std::uint64_t permille) const {
    const std::uint64_t wanted = (turns_ * permille + 999) / 1000;
    std::uint64_t seen = 0;
    // The last class has no end.
    for (std::size_t index = 0; index + 1 < classes_.size(); ++index) {
      seen += classes_[index];
      if (seen >= wanted) return std::min(end_of(index), longest_);
    }
    return longest_;
  }

 private:
  static constexpr std::size_t quarters = 4, octaves = 30;  // up to a quarter of an hour

  static std::size_t class_of(Duration turn) {
    // Rounded up, so that a class ends where none of its turns is longer.
    const auto us =
        static_cast<std::uint64_t>(std::max<std::int64_t>((turn.count() + 999) / 1000, 1));
    const auto octave = static_cast<std::size_t>(std::bit_width(us) - 1);
    // The two bits behind the first.
    const std::uint64_t scaled = octave >= 2 ? us >> (octave - 2) : us << (2 - octave);
    return std::min(octave * quarters + static_cast<std::size_t>(scaled & 3),
                    quarters * octaves - 1);
  }
  static Duration end_of(std::size_t index) {
    const std::uint64_t us = std::uint64_t{1} << index / quarters;
    return std::chrono::microseconds(us + us * (index % quarters + 1) / quarters);
  }

  std::uint64_t turns_ = 0;
  Duration longest_ = Duration::zero();
  std::array<std::uint64_t, quarters * octaves> classes_ = {};
};

}  // namespace runnel::async
