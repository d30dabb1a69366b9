// max_bytes_written_per_day: how much a journal may still write. A bucket that holds a quarter of a
// day's bytes and is made up for at three quarters a day, so no 24 hours see more than all of it,
// wherever they begin; what a stop has to write may overdraw it, and is made up for afterwards.
// When half of the bucket is spent, syncs are put off more and more, so that what is written comes
// in fewer and fuller blocks; when all of it is, nothing is written until there is enough again.
// Pure: the caller says what time it is.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace runnel::channels::journal {

class WriteBudget {
 public:
  static constexpr Duration stretch_longest = std::chrono::minutes(10);
  // Of a day's bytes.
  static constexpr std::uint64_t burst_part = 4;

  // 0: there is no limit, and nothing is counted.
  explicit WriteBudget(std::uint64_t bytes_per_day) : bytes_per_day_(bytes_per_day) {}

  bool limited() const { return bytes_per_day_ > 0; }
  std::uint64_t bytes_per_day() const { return bytes_per_day_; }
  // What can be spent at once.
  std::uint64_t burst() const { return bytes_per_day_ / burst_part; }

  // Goes on where an earlier process was: `spent` as it said, `ago`.
  void begin(std::uint64_t spent, Duration ago, Instant now);
  void spend(std::uint64_t bytes, Instant now);
  // Not made up for yet. More than `burst()`: overdrawn.
  std::uint64_t spent(Instant now) const;

  // When so many bytes may be written; not after `now`: at once. What is larger than the bucket
  // waits for all of it.
  Instant allows(std::uint64_t bytes, Instant now) const;
  // How long what is ready is put off: 0 to stretch_longest.
  Duration stretch(Instant now) const;

 private:
  double made_up(Duration in) const;

  std::uint64_t bytes_per_day_;
  double spent_ = 0;
  Instant spent_at_ = Instant::min();
};

}  // namespace runnel::channels::journal
