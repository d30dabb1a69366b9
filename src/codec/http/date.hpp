// HTTP-date (RFC 9110 section 5.6.7) and Retry-After (section 10.2.3).
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace runnel::codec::http {

// All three forms that a recipient has to understand:
//   "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994".
// The name of the day is not compared with the date. The year of two digits is at most 50 years
// after `now`. A leap second is the second after it. `malformed`.
Result<WallTime> parse_date(std::string_view text, WallTime now);
// The first form. Years 1 to 9999.
void write_date(WallTime time, TextWriter& out);

// Nobody is told to wait for longer.
inline constexpr Duration retry_after_max = std::chrono::hours(24 * 7);
// How long to wait from `now` on: 0 if the time has passed. `value`: seconds or a date.
// `malformed`.
Result<Duration> retry_after(std::string_view value, WallTime now);

}  // namespace runnel::codec::http
