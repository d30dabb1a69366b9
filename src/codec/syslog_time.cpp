#include "codec/syslog_time.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "codec/civil.hpp"

namespace runnel::codec {
namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::int64_t seconds_per_day = 86'400;

constexpr std::int64_t ns_per_day = seconds_per_day * ns_per_second;

std::uint64_t eight_bytes(const char* at) {
  std::uint64_t eight;
  std::memcpy(&eight, at, sizeof(eight));
  return eight;
}

// "hh:mm:ss" in eight bytes, all at once: without '0' and ':' each byte is a digit or zero, and no
// larger than its place in a clock allows. `seconds` since midnight.
bool read_clock(const char* at, std::uint32_t& seconds) {
  // First byte lowest: "00:00:00", and 0x7f less the largest digit of "29:59:59" (the colons are
  // zero): a larger one carries into the top bit of its byte.
  constexpr std::uint64_t zeros = 0x30303a30303a3030;
  constexpr std::uint64_t limits = 0x767a7f767a7f767d;
  constexpr std::uint64_t top_bits = 0x8080808080808080;
  const std::uint64_t digits = eight_bytes(at) ^ zeros;
  if (((digits | (digits + limits)) & top_bits) != 0) return false;
  const std::uint64_t pairs = digits * 10 + (digits >> 8);
  const auto hour = static_cast<std::uint32_t>(pairs & 0xff);
  const auto minute = static_cast<std::uint32_t>(pairs >> 24 & 0xff);
  const auto second = static_cast<std::uint32_t>(pairs >> 48 & 0xff);
  seconds = hour * 3600 + minute * 60 + second;
  return hour <= 23;
}

// "hh:mm:ss" and an optional fraction of one to nine digits, in nanoseconds since midnight.
bool parse_clock(TextCursor& in, std::int64_t& ns_of_day) {
  constexpr std::uint32_t units[] = {1'000'000'000, 100'000'000, 10'000'000, 1'000'000, 100'000,
                                     10'000,        1'000,       100,        10,        1};
  constexpr std::size_t clock_bytes = 8;
  constexpr std::size_t fraction_digits_max = 9;
  std::uint32_t seconds;
  if (in.left() < clock_bytes || !read_clock(in.place(), seconds)) return false;
  in.skip(clock_bytes);
  std::uint32_t nanoseconds = 0;
  if (in.take('.')) {
    const std::string_view rest = in.rest();
    const std::size_t most = std::min(rest.size(), fraction_digits_max);
    std::size_t count = 0;
    for (; count < most; ++count) {
      const auto digit = static_cast<std::uint32_t>(rest[count] - '0');
      if (digit > 9) break;
      nanoseconds = nanoseconds * 10 + digit;
    }
    if (count == 0) return false;
    in.skip(count);
    nanoseconds *= units[count];
  }
  ns_of_day = seconds * ns_per_second + nanoseconds;
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

struct Midnight {
  std::int64_t ns = 0;   // of the day in the senders' zone, since 1970
  bool all_day = false;  // no other year is nearer at any time of that day
};

// The year is that of now, the one before (December read in January) or the one after (a sender
// whose clock is ahead): whichever brings the time nearest to now. None: 29 February is not near.
std::optional<Midnight> nearest_year(std::uint32_t month, std::uint32_t day, std::int64_t ns_of_day,
                                     const SyslogClock& clock) {
  const std::int64_t offset_ns = clock.utc_offset_seconds * ns_per_second;
  const std::int32_t year = civil_from(wall_from_ns(clock.now_ns)).date.year;
  std::optional<Midnight> best;
  std::int64_t best_distance = INT64_MAX;
  for (std::int32_t candidate = year - 1; candidate <= year + 1; ++candidate) {
    const CivilDay date{candidate, month, day};
    if (candidate < 1678 || candidate > 2261 || !exists(date)) continue;
    const std::int64_t midnight = days_from_civil(date) * ns_per_day - offset_ns;
    const std::int64_t time = midnight + ns_of_day;
    const std::int64_t distance = time < clock.now_ns ? clock.now_ns - time : time - clock.now_ns;
    if (distance >= best_distance) continue;
    // Two candidates are at least 365 days apart, so another one is 184 days away or more.
    best = Midnight{midnight, distance <= 180 * ns_per_day};
    best_distance = distance;
  }
  return best;
}

// "Nov 22 "; the byte behind it is there, and left out.
std::uint64_t packed_bsd_date(const char* at) { return eight_bytes(at) & 0x00ffffffffffffff; }
constexpr std::ptrdiff_t bsd_date_bytes = 7;

constexpr std::size_t iso_date_bytes = 11;

}  // namespace

bool SyslogTimes::parse_iso(TextCursor& in, std::int64_t& time_ns) {
  std::int64_t ns_of_day, offset;
  if (!parse_iso_date(in) || !parse_clock(in, ns_of_day) || !parse_offset(in, offset)) return false;
  time_ns = iso_midnight_ns_ - offset * ns_per_second + ns_of_day;
  return true;
}

// "2026-11-22T" into `iso_midnight_ns_`.
bool SyslogTimes::parse_iso_date(TextCursor& in) {
  if (in.left() < iso_date_bytes) return false;
  const std::uint64_t begin = eight_bytes(in.place());
  const std::uint64_t end = eight_bytes(in.place() + iso_date_bytes - 8);
  if (begin == iso_date_begin_ && end == iso_date_end_) [[likely]] {
    in.skip(iso_date_bytes);
    return true;
  }
  CivilDay date;
  if (!parse_date(in, date) || !in.take('T')) return false;
  iso_date_begin_ = begin;
  iso_date_end_ = end;
  iso_midnight_ns_ = days_from_civil(date) * ns_per_day;
  return true;
}

bool SyslogTimes::parse_bsd(TextCursor& in, std::int64_t& time_ns) {
  if (in.left() < 14) return false;
  if (packed_bsd_date(in.place()) != bsd_date_) [[unlikely]]
    return parse_new_bsd(in, time_ns);
  in.skip(bsd_date_bytes);
  std::int64_t ns_of_day;
  if (!parse_clock(in, ns_of_day)) return false;
  time_ns = bsd_midnight_ns_ + ns_of_day;
  return true;
}

bool SyslogTimes::parse_new_bsd(TextCursor& in, std::int64_t& time_ns) {
  const char* start = in.place();
  const std::uint64_t date = packed_bsd_date(start);
  const std::uint32_t month = month_of(in.rest());
  if (month == 0) return false;
  in.skip(3);
  std::uint32_t day;
  std::int64_t ns_of_day;
  if (!in.take(' ')) return false;
  in.take(' ');
  if (!in.digits(2, day) && !in.digits(1, day)) return false;
  if (!in.take(' ')) return false;
  const bool has_usual_size = in.place() - start == bsd_date_bytes;
  if (!parse_clock(in, ns_of_day)) return false;
  const auto midnight = nearest_year(month, day, ns_of_day, clock_);
  if (!midnight) return false;
  time_ns = midnight->ns + ns_of_day;
  // A day half a year away belongs to one year in the morning and to another in the evening.
  if (has_usual_size && midnight->all_day) {
    bsd_date_ = date;
    bsd_midnight_ns_ = midnight->ns;
  }
  return true;
}

}  // namespace runnel::codec
