// The two ways in which syslog writes a time. Both leave the cursor behind what they took; when
// they say false it is anywhere, so they are given a copy. Results are nanoseconds since 1970, UTC.
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

// "2026-11-22T11:42:18.003Z": RFC 3339 as RFC 5424 section 6.2.3 narrows it, up to nine digits of a
// second. Years 1678 to 2261, which are whole in 64 bits of nanoseconds.
bool parse_iso_time(TextCursor& in, std::int64_t& time_ns);

// "Nov 22 11:42:18", "Nov  2 11:42:18" and, against the letter of RFC 3164, "Nov 2 11:42:18" and a
// fraction behind the second.
bool parse_bsd_time(TextCursor& in, const SyslogClock& clock, std::int64_t& time_ns);

}  // namespace runnel::codec
