// Where every choice of the simulator comes from: xoshiro256** (Blackman and Vigna, 2018), its
// state filled from the seed by splitmix64. The same seed gives the same numbers on every machine:
// no floating point. `fork` makes an independent stream, so that leaving out one kind of fault does
// not reshuffle everything else.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/time.hpp"

namespace runnel::sim {

// A closed range of durations; `max < min` never holds.
struct Range {
  Duration min = Duration::zero();
  Duration max = Duration::zero();
};

// How often something happens: of a million chances, this many.
using PerMillion = std::uint32_t;

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) word = split_mix(seed);
  }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  // 0 .. limit - 1. The bias of the remainder is below 2^-32 for every limit that is used here.
  std::uint64_t below(std::uint64_t limit) {
    RUNNEL_ASSERT(limit > 0);
    return next() % limit;
  }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    RUNNEL_ASSERT(least <= most);
    return least + below(most - least + 1);
  }
  // The same draws for sizes and indexes, where those have 32 bits.
  template <std::same_as<std::size_t> T>
  T below(T limit) {
    return static_cast<T>(below(std::uint64_t{limit}));
  }
  template <std::same_as<std::size_t> T>
  T between(std::type_identity_t<T> least, T most) {
    return static_cast<T>(between(std::uint64_t{least}, std::uint64_t{most}));
  }
  Duration between(Range range) {
    if (range.min >= range.max) return range.min;
    const auto width = static_cast<std::uint64_t>((range.max - range.min).count());
    return range.min + Duration(static_cast<std::int64_t>(between(0, width)));
  }
  // Draws nothing when the rate is zero: switching a fault off keeps the rest of the stream.
  bool chance(PerMillion rate) { return rate > 0 && below(1'000'000) < rate; }
  void fill(MutableBytes into) {
    for (auto& each : into) each = static_cast<std::byte>(next() >> 56);
  }
  Random fork() { return Random(next()); }

 private:
  static std::uint64_t rotate(std::uint64_t value, int by) {
    return value << by | value >> (64 - by);
  }
  static std::uint64_t split_mix(std::uint64_t& seed) {
    seed += 0x9E3779B97F4A7C15;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
    return mixed ^ mixed >> 31;
  }

  std::uint64_t state_[4];
};

}  // namespace runnel::sim
