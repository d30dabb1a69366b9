#include "codec/civil.hpp"

#include <cstring>

#include "base/assert.hpp"

namespace runnel::codec {
namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::int64_t seconds_per_day = 86'400;
constexpr std::int64_t days_per_400_years = 146'097;
// From 0000-03-01 to 1970-01-01. Years are counted from March: the leap day is then the last of its
// year, and the lengths of the months before it follow one line, (153 * month + 2) / 5.
constexpr std::int64_t days_before_1970 = 719'468;

struct Split {
  std::int64_t quotient;
  std::int64_t remainder;  // never negative
};
constexpr Split split(std::int64_t value, std::int64_t by) {
  const std::int64_t remainder = value % by;
  return remainder < 0 ? Split{value / by - 1, remainder + by} : Split{value / by, remainder};
}

constexpr bool is_leap(std::int32_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

void put_digits(char* at, std::uint32_t value, int count) {
  for (int index = count - 1; index >= 0; --index, value /= 10)
    at[index] = static_cast<char>('0' + value % 10);
}

// Below 100.
void put_pair(char* at, std::uint32_t value) {
  at[0] = static_cast<char>('0' + value / 10);
  at[1] = static_cast<char>('0' + value % 10);
}

void append_digits(TextWriter& out, std::uint32_t value, int count) {
  char digits[10];
  put_digits(digits, value, count);
  out << std::string_view(digits, static_cast<std::size_t>(count));
}

}  // namespace

bool exists(CivilDay date) {
  constexpr std::uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12) return false;
  const bool leap_day = date.month == 2 && is_leap(date.year);
  return date.day >= 1 && date.day <= days[date.month - 1] + (leap_day ? 1u : 0u);
}

std::int64_t days_from_civil(CivilDay date) {
  RUNNEL_ASSERT(date.month >= 1 && date.month <= 12);
  const bool before_march = date.month < 3;
  const std::int64_t month = static_cast<std::int64_t>(date.month) + (before_march ? 9 : -3);
  const auto [era, year] = split(date.year - (before_march ? 1 : 0), 400);
  const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era = year * 365 + year / 4 - year / 100 + day_of_year;
  return era * days_per_400_years + day_of_era - days_before_1970;
}

CivilDay civil_from_days(std::int64_t days) {
  const auto [era, day_of_era] = split(days + days_before_1970, days_per_400_years);
  // Take out the leap days that lie behind, then years are 365 days each.
  const std::int64_t year =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  const bool next_year = month >= 10;
  return {static_cast<std::int32_t>(era * 400 + year + (next_year ? 1 : 0)),
          static_cast<std::uint32_t>(next_year ? month - 9 : month + 3),
          static_cast<std::uint32_t>(day_of_year - (153 * month + 2) / 5 + 1)};
}

CivilTime civil_from(WallTime time) {
  const auto [seconds, nanoseconds] = split(time.time_since_epoch().count(), ns_per_second);
  const auto [days, in_day] = split(seconds, seconds_per_day);
  const auto second_of_day = static_cast<std::uint32_t>(in_day);
  return {civil_from_days(days),
          second_of_day / 3600,
          second_of_day / 60 % 60,
          second_of_day % 60,
          static_cast<std::uint32_t>(nanoseconds),
          days};
}

std::string_view Rfc3339::text(WallTime time) {
  const auto [second, rest] = split(time.time_since_epoch().count(), ns_per_second);
  const auto nanoseconds = static_cast<std::uint32_t>(rest);
  if (second != second_) write_second(second);
  char* fraction = text_ + 20;
  const auto digits = static_cast<std::size_t>(fraction_);
  if (nanoseconds == 0) {
    std::memset(fraction, '0', 9);
  } else {
    const std::uint32_t microseconds = nanoseconds / 1000;
    put_pair(fraction, microseconds / 10'000);
    put_pair(fraction + 2, microseconds / 100 % 100);
    put_pair(fraction + 4, microseconds % 100);
    if (fraction_ == Fraction::nanoseconds) put_digits(fraction + 6, nanoseconds % 1000, 3);
  }
  fraction[digits] = 'Z';
  return {text_, 21 + digits};
}

void Rfc3339::write_second(std::int64_t second) {
  const bool same_day =
      second_ != INT64_MIN && second >= midnight_ && second - midnight_ < seconds_per_day;
  if (!same_day) write_day(second);
  const auto second_of_day = static_cast<std::uint32_t>(second - midnight_);
  put_pair(text_ + 11, second_of_day / 3600);
  put_pair(text_ + 14, second_of_day / 60 % 60);
  put_pair(text_ + 17, second_of_day % 60);
  second_ = second;
}

void Rfc3339::write_day(std::int64_t second) {
  const std::int64_t days = split(second, seconds_per_day).quotient;
  midnight_ = days * seconds_per_day;
  const CivilDay date = civil_from_days(days);
  put_digits(text_, static_cast<std::uint32_t>(date.year), 4);
  put_digits(text_ + 5, date.month, 2);
  put_digits(text_ + 8, date.day, 2);
  text_[4] = text_[7] = '-';
  text_[10] = 'T';
  text_[13] = text_[16] = ':';
  text_[19] = '.';
}

Status check_time_pattern(std::string_view pattern) {
  constexpr std::string_view letters = "YmdHMSj%";
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '%') continue;
    ++at;
    if (at == pattern.size() || letters.find(pattern[at]) == std::string_view::npos)
      return Error::malformed;
  }
  return {};
}

void write_time_pattern(std::string_view pattern, WallTime time, TextWriter& out) {
  const CivilTime civil = civil_from(time);
  while (!pattern.empty()) {
    const std::size_t percent = pattern.find('%');
    out << pattern.substr(0, percent);
    if (percent == std::string_view::npos) return;
    RUNNEL_ASSERT(percent + 1 < pattern.size());
    const char letter = pattern[percent + 1];
    pattern.remove_prefix(percent + 2);
    switch (letter) {
      case 'Y':
        append_digits(out, static_cast<std::uint32_t>(civil.date.year), 4);
        break;
      case 'm':
        append_digits(out, civil.date.month, 2);
        break;
      case 'd':
        append_digits(out, civil.date.day, 2);
        break;
      case 'H':
        append_digits(out, civil.hour, 2);
        break;
      case 'M':
        append_digits(out, civil.minute, 2);
        break;
      case 'S':
        append_digits(out, civil.second, 2);
        break;
      case 'j': {
        const std::int64_t first = days_from_civil({civil.date.year, 1, 1});
        append_digits(out, static_cast<std::uint32_t>(civil.days - first + 1), 3);
        break;
      }
      default:
        RUNNEL_ASSERT(letter == '%');
        out << '%';
    }
  }
}

}  // namespace runnel::codec
