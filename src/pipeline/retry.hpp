// Capped exponential back-off with full jitter: the n-th wait is a random share of
// min(longest, first x 2^n).
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace runnel::pipeline {

struct RetrySettings {
  Duration first = std::chrono::milliseconds(100);
  Duration longest = std::chrono::seconds(30);
};

class Backoff {
 public:
  // `seed` from System::entropy, so that a fleet does not come back in step.
  Backoff(const RetrySettings& settings, std::uint64_t seed) : settings_(settings), state_(seed) {}

  Duration next() {
    Duration cap = settings_.first;
    for (std::uint32_t each = 0; each < attempts_ && cap < settings_.longest; ++each) cap *= 2;
    cap = std::min(cap, settings_.longest);
    ++attempts_;
    // At least a quarter: a wait of nothing would only knock again at once.
    const auto spread = static_cast<std::uint64_t>((cap - cap / 4).count());
    return cap / 4 + Duration(static_cast<std::int64_t>(random() % (spread + 1)));
  }
  void succeeded() { attempts_ = 0; }
  std::uint32_t attempts() const { return attempts_; }

 private:
  // xorshift64* (Vigna 2016): any quality will do here, but it must not be the same everywhere.
  std::uint64_t random() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Dull;
  }
  RetrySettings settings_;
  std::uint64_t state_;
  std::uint32_t attempts_ = 0;
};

}  // namespace runnel::pipeline
