// The two ways in which syslog writes a time. Both leave the cursor behind what they took; when
// they say false it is anywhere, so they are given a copy. Results are nanoseconds since 1970, UTC.
//
// Messages that follow each other state the same day for a whole day: the last date of each way is
// remembered, so that the calendar is asked once and only the clock is read of every message.
#pragma once

#include <cstdint>

#include "codec/text_cursor.hpp"

namespace runnel::codec {

// What RFC 3164 leaves out of a time: the year is chosen so that the time is nearest to now, and
// the offset is that of the senders' local time, east of Greenwich positive.
struct SyslogClock {
  std::int64_t now_ns = 0;  // since 1970, UTC
  std::int32_t utc_offset_seconds = 0;
};

class SyslogTimes {
 public:
  explicit SyslogTimes(const SyslogClock& clock = {}) : clock_(clock) {}
  void set_clock(const SyslogClock& clock) {
    clock_ = clock;
    bsd_date_ = no_text;
  }

  // "2026-11-22T11:42:18.003Z": RFC 3339 as RFC 5424 section 6.2.3 narrows it, up to nine digits of
  // a second. Years 1678 to 2261, which are whole in 64 bits of nanoseconds.
  bool parse_iso(TextCursor& in, std::int64_t& time_ns);

  // "Nov 22 11:42:18", "Nov  2 11:42:18" and, against the letter of RFC 3164, "Nov 2 11:42:18" and
  // a fraction behind the second.
  bool parse_bsd(TextCursor& in, std::int64_t& time_ns);

 private:
  bool parse_iso_date(TextCursor& in);
  bool parse_new_bsd(TextCursor& in, std::int64_t& time_ns);

  // At first, what no text packs to: an eighth byte, and two views that differ where they overlap.
  static constexpr std::uint64_t no_text = ~std::uint64_t{0};

  SyslogClock clock_;
  // "2026-11-22T" as its first and its last eight bytes, and when that day began in UTC.
  std::uint64_t iso_date_begin_ = 0;
  std::uint64_t iso_date_end_ = no_text;
  std::int64_t iso_midnight_ns_ = 0;
  // "Nov 22 " in seven bytes, and when that day began for the senders.
  std::uint64_t bsd_date_ = no_text;
  std::int64_t bsd_midnight_ns_ = 0;
};

}  // namespace runnel::codec
