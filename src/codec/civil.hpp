// The Gregorian calendar without libc: no locale, no time zone files, no allocation. All times are
// UTC; whoever wants local time adds the offset first. Years 1 to 9999.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"

namespace runnel::codec {

struct CivilDay {
  std::int32_t year;
  std::uint32_t month;  // 1 to 12
  std::uint32_t day;    // 1 to 31
  bool operator==(const CivilDay&) const = default;
};
struct CivilTime {
  CivilDay date;
  std::uint32_t hour, minute, second, nanosecond;
  std::int64_t days;  // since 1970-01-01
};

// Days since 1970-01-01. The date must exist: `exists` says so.
std::int64_t days_from_civil(CivilDay date);
CivilDay civil_from_days(std::int64_t days);
bool exists(CivilDay date);
CivilTime civil_from(WallTime time);

// RFC 3339 in UTC, "2026-11-22T11:42:18.123456Z". Keeps its last text: of times that follow each
// other, as events do, only what differs is written, the clock or just its fraction.
class Rfc3339 {
 public:
  enum class Fraction : std::uint8_t { microseconds = 6, nanoseconds = 9 };
  explicit Rfc3339(Fraction fraction = Fraction::microseconds) : fraction_(fraction) {}
  // Valid until the next call.
  std::string_view text(WallTime time);

 private:
  void write_second(std::int64_t second);
  void write_day(std::int64_t second);

  std::int64_t second_ = INT64_MIN;  // what text_ says; INT64_MIN: nothing yet
  std::int64_t midnight_ = 0;        // the second at which that day began
  Fraction fraction_;
  char text_[32];
};

// Path templates: %Y %m %d %H %M %S %j (day of the year, 001 to 366) and %%; the rest stands for
// itself. `malformed`: another letter, or a % at the end.
Status check_time_pattern(std::string_view pattern);
// The pattern must have passed the check. A buffer that is too small shows in `out.cut()`.
void write_time_pattern(std::string_view pattern, WallTime time, TextWriter& out);

}  // namespace runnel::codec
