#include "codec/http/date.hpp"

#include <algorithm>

#include "codec/civil.hpp"
#include "codec/http/grammar.hpp"
#include "codec/text_cursor.hpp"

namespace runnel::codec::http {
namespace {

constexpr std::string_view day_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                          "Friday", "Saturday", "Sunday"};
constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::size_t short_name = 3;

bool take(TextCursor& cursor, std::string_view wanted) {
  if (!cursor.rest().starts_with(wanted)) return false;
  cursor.skip(wanted.size());
  return true;
}

bool take_day_name(TextCursor& cursor, bool whole) {
  for (const std::string_view name : day_names)
    if (take(cursor, whole ? name : name.substr(0, short_name))) return true;
  return false;
}

bool take_month(TextCursor& cursor, std::uint32_t& month) {
  for (month = 1; month <= 12; ++month)
    if (take(cursor, month_names.substr((month - 1) * short_name, short_name))) return true;
  return false;
}

struct Clock {
  std::uint32_t hour, minute, second;
};
bool take_clock(TextCursor& cursor, Clock& clock) {
  return cursor.digits(2, clock.hour) && cursor.take(':') && cursor.digits(2, clock.minute) &&
         cursor.take(':') && cursor.digits(2, clock.second) && clock.hour < 24 &&
         clock.minute < 60 && clock.second <= 60;
}

struct Parts {
  CivilDay date{};
  Clock clock{};
};

// The year is not checked here.
bool take_year(TextCursor& cursor, unsigned digits, CivilDay& date) {
  std::uint32_t year = 0;
  if (!cursor.digits(digits, year)) return false;
  date.year = static_cast<std::int32_t>(year);
  return true;
}

bool imf_date(TextCursor cursor, Parts& parts) {
  return take_day_name(cursor, false) && take(cursor, ", ") && cursor.digits(2, parts.date.day) &&
         cursor.take(' ') && take_month(cursor, parts.date.month) && cursor.take(' ') &&
         take_year(cursor, 4, parts.date) && cursor.take(' ') && take_clock(cursor, parts.clock) &&
         take(cursor, " GMT") && cursor.at_end();
}

bool rfc850_date(TextCursor cursor, WallTime now, Parts& parts) {
  const bool read = take_day_name(cursor, true) && take(cursor, ", ") &&
                    cursor.digits(2, parts.date.day) && cursor.take('-') &&
                    take_month(cursor, parts.date.month) && cursor.take('-') &&
                    take_year(cursor, 2, parts.date) && cursor.take(' ') &&
                    take_clock(cursor, parts.clock) && take(cursor, " GMT") && cursor.at_end();
  if (!read) return false;
  const std::int32_t latest = civil_from(now).date.year + 50;
  parts.date.year += latest / 100 * 100;
  if (parts.date.year > latest) parts.date.year -= 100;
  return true;
}

bool asctime_date(TextCursor cursor, Parts& parts) {
  if (!take_day_name(cursor, false) || !cursor.take(' ') || !take_month(cursor, parts.date.month) ||
      !cursor.take(' '))
    return false;
  const unsigned digits = cursor.take(' ') ? 1 : 2;
  return cursor.digits(digits, parts.date.day) && cursor.take(' ') &&
         take_clock(cursor, parts.clock) && cursor.take(' ') && take_year(cursor, 4, parts.date) &&
         cursor.at_end();
}

void write_pair(TextWriter& out, std::uint32_t value) {
  out << static_cast<char>('0' + value / 10) << static_cast<char>('0' + value % 10);
}

}  // namespace

Result<WallTime> parse_date(std::string_view text, WallTime now) {
  const TextCursor cursor(text);
  Parts parts;
  if (!imf_date(cursor, parts) && !rfc850_date(cursor, now, parts) && !asctime_date(cursor, parts))
    return fail(Error::malformed);
  // What nanoseconds since 1970 in 64 bits can say, with a margin.
  if (!exists(parts.date) || parts.date.year < 1700 || parts.date.year > 2200)
    return fail(Error::malformed);
  const std::int64_t seconds = days_from_civil(parts.date) * 86'400 + parts.clock.hour * 3600 +
                               parts.clock.minute * 60 + parts.clock.second;
  return WallTime(std::chrono::seconds(seconds));
}

void write_date(WallTime time, TextWriter& out) {
  const CivilTime civil = civil_from(time);
  // 1970-01-01 was a Thursday.
  const std::int64_t day = ((civil.days + 3) % 7 + 7) % 7;
  out << day_names[static_cast<std::size_t>(day)].substr(0, short_name) << ", ";
  write_pair(out, civil.date.day);
  out << ' ' << month_names.substr((civil.date.month - 1) * short_name, short_name) << ' ';
  const auto year = static_cast<std::uint32_t>(civil.date.year);
  write_pair(out, year / 100);
  write_pair(out, year % 100);
  out << ' ';
  write_pair(out, civil.hour);
  out << ':';
  write_pair(out, civil.minute);
  out << ':';
  write_pair(out, civil.second);
  out << " GMT";
}

Result<Duration> retry_after(std::string_view value, WallTime now) {
  if (!value.empty() && is_digit(static_cast<std::uint8_t>(value.front()))) {
    const auto seconds = parse_number(value);
    if (!seconds && seconds.error() != Error::too_large) return fail(seconds.error());
    constexpr auto longest = static_cast<std::uint64_t>(retry_after_max / 1s);
    return std::chrono::seconds(std::min(seconds.value_or(longest), longest));
  }
  const auto time = parse_date(value, now);
  if (!time) return fail(time.error());
  if (*time <= now) return Duration(0);
  return std::min<Duration>(*time - now, retry_after_max);
}

}  // namespace runnel::codec::http
