// The figures that `runnel rehearse` is given. All fail with `malformed`, or `too_large` past their
// limit, which RehearseRequest has; none takes blanks or signs.
#pragma once

#include <string_view>

#include "agent/rehearse/request.hpp"
#include "base/error.hpp"

namespace runnel::agent::rehearse {

Result<Duration> parse_outage(std::string_view text);            // "72h"
Result<std::uint64_t> parse_event_bytes(std::string_view text);  // "180", "1KiB"
// "200/s", "12000/m", "5/h", "1/d": 1 to 10^9 events a unit.
Result<RehearseRequest::Rate> parse_rate(std::string_view text);
// "500bit", "32kbit", "1mbit", "1gbit" (powers of 1000, also Mbit and Gbit, with or without "/s"),
// or a size of bytes with "/s": "64KiB/s". Bits a second, 1 to 10^12.
Result<std::uint64_t> parse_link(std::string_view text);
// "5", "4.5", "12.25": 1 to 1000, in hundredths.
Result<std::uint32_t> parse_ratio(std::string_view text);

}  // namespace runnel::agent::rehearse
