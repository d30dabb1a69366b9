// Bytes of a month: what a contract for a link counts by. Months are those of the calendar in UTC,
// and may begin on another day than the first.
//
// A clock that is not set knows no month: what is added then belongs to the month it had last. When
// the clock says another month, later or (it was wrong) earlier, counting begins anew.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace runnel::pipeline {

class MonthMeter {
 public:
  static constexpr std::uint32_t first_day_max = 28;  // every month has it
  // 1 to first_day_max.
  explicit MonthMeter(std::uint32_t first_day = 1) : first_day_(first_day) {}

  void add(std::uint64_t bytes, WallTime now);
  // What an earlier run has counted.
  void restore(std::int32_t month, std::uint64_t bytes);

  // Of the month that `now` is in.
  std::uint64_t bytes(WallTime now) const;
  // Until the next one begins; only if the clock is set.
  Duration ends_in(WallTime now) const;

  // For whoever keeps them: months since year 0, and what belongs to that one.
  static constexpr std::int32_t no_month = 0;
  std::int32_t month() const { return month_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::int32_t month_of(WallTime now) const;

  std::uint32_t first_day_;
  std::int32_t month_ = no_month;
  std::uint64_t bytes_ = 0;
};

}  // namespace runnel::pipeline
