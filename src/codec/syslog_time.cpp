#include "codec/syslog_time.hpp"

#include <optional>
#include <string_view>

#include "codec/civil.hpp"

namespace runnel::codec {
namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::int64_t seconds_per_day = 86'400;

// "hh:mm:ss" and an optional fraction of one to nine digits, in nanoseconds since midnight.
bool parse_clock(TextCursor& in, std::int64_t& ns_of_day) {
  std::uint32_t hour, minute, second;
  if (!in.digits(2, hour) || !in.take(':') || !in.digits(2, minute) || !in.take(':') ||
      !in.digits(2, second))
    return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  std::int64_t nanoseconds = 0;
  if (in.take('.')) {
    std::int64_t unit = ns_per_second;
    std::uint32_t digit;
    while (unit > 1 && in.digits(1, digit)) {
      unit /= 10;
      nanoseconds += digit * unit;
    }
    if (unit == ns_per_second) return false;
  }
  ns_of_day = (hour * 3600 + minute * 60 + second) * ns_per_second + nanoseconds;
  return true;
}

// Nanoseconds since 1970 must fit: the years 1677 and 2262 are only partly there.
bool parse_date(TextCursor& in, CivilDay& date) {
  std::uint32_t year;
  if (!in.digits(4, year) || !in.take('-') || !in.digits(2, date.month) || !in.take('-') ||
      !in.digits(2, date.day))
    return false;
  date.year = static_cast<std::int32_t>(year);
  return year >= 1678 && year <= 2261 && exists(date);
}

bool parse_offset(TextCursor& in, std::int64_t& seconds) {
  seconds = 0;
  if (in.take('Z')) return true;
  const bool west = in.peek() == '-';
  if (!in.take('-') && !in.take('+')) return false;
  std::uint32_t hours, minutes;
  if (!in.digits(2, hours) || !in.take(':') || !in.digits(2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  seconds = hours * 3600 + minutes * 60;
  if (west) seconds = -seconds;
  return true;
}

// Three letters as one number.
constexpr std::uint32_t packed(const char* letters) {
  std::uint32_t value = 0;
  for (int index = 0; index < 3; ++index)
    value = value << 8 | static_cast<unsigned char>(letters[index]);
  return value;
}

// 1 to 12, or 0. `name` has at least three bytes.
std::uint32_t month_of(std::string_view name) {
  constexpr std::uint32_t months[] = {packed("Jan"), packed("Feb"), packed("Mar"), packed("Apr"),
                                      packed("May"), packed("Jun"), packed("Jul"), packed("Aug"),
                                      packed("Sep"), packed("Oct"), packed("Nov"), packed("Dec")};
  const std::uint32_t wanted = packed(name.data());
  for (std::uint32_t index = 0; index < 12; ++index)
    if (months[index] == wanted) return index + 1;
  return 0;
}

// The year is that of now, the one before (December read in January) or the one after (a sender
// whose clock is ahead): whichever brings the time nearest to now. None: 29 February is not near.
std::optional<std::int64_t> nearest_year(std::uint32_t month, std::uint32_t day,
                                         std::int64_t ns_of_day, const SyslogClock& clock) {
  const std::int64_t offset_ns = clock.utc_offset_seconds * ns_per_second;
  const std::int32_t year = civil_from(wall_from_ns(clock.now_ns)).date.year;
  std::optional<std::int64_t> best;
  std::int64_t best_distance = INT64_MAX;
  for (std::int32_t candidate = year - 1; candidate <= year + 1; ++candidate) {
    const CivilDay date{candidate, month, day};
    if (candidate < 1678 || candidate > 2261 || !exists(date)) continue;
    const std::int64_t time =
        days_from_civil(date) * seconds_per_day * ns_per_second + ns_of_day - offset_ns;
    const std::int64_t distance = time < clock.now_ns ? clock.now_ns - time : time - clock.now_ns;
    if (distance >= best_distance) continue;
    best = time;
    best_distance = distance;
  }
  return best;
}

}  // namespace

bool parse_iso_time(TextCursor& in, std::int64_t& time_ns) {
  CivilDay date;
  std::int64_t ns_of_day, offset;
  if (!parse_date(in, date) || !in.take('T') || !parse_clock(in, ns_of_day) ||
      !parse_offset(in, offset))
    return false;
  time_ns = (days_from_civil(date) * seconds_per_day - offset) * ns_per_second + ns_of_day;
  return true;
}

bool parse_bsd_time(TextCursor& in, const SyslogClock& clock, std::int64_t& time_ns) {
  if (in.left() < 14) return false;
  const std::uint32_t month = month_of(in.rest());
  if (month == 0) return false;
  in.skip(3);
  std::uint32_t day;
  std::int64_t ns_of_day;
  if (!in.take(' ')) return false;
  in.take(' ');
  if (!in.digits(2, day) && !in.digits(1, day)) return false;
  if (!in.take(' ') || !parse_clock(in, ns_of_day)) return false;
  const auto time = nearest_year(month, day, ns_of_day, clock);
  if (!time) return false;
  time_ns = *time;
  return true;
}

}  // namespace runnel::codec
