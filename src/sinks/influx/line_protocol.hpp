// The escapes of InfluxDB's line protocol, which differ by position:
//   measurement      comma, space
//   tag key, value   comma, equals sign, space
//   string field     quote, backslash
// each with a backslash in front. A line ends at its first newline outside of a string, and a
// backslash at the end of a name or tag would escape what comes behind it: in names and tags
// control characters become spaces and such a backslash is followed by one (escaped, as every
// space). Bytes that are not UTF-8 become U+FFFD.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace runnel::sinks {

enum class LinePosition : std::uint8_t { measurement, tag, string_field };

// The most that `size` bytes become, at any position.
inline constexpr std::size_t escaped_bytes_max(std::size_t size) { return 3 * size + 2; }
// Returns the number of sequences that were not UTF-8. What does not fit shows in `out.cut()`.
std::uint64_t write_escaped(TextWriter& out, LinePosition position, Bytes text);

}  // namespace runnel::sinks
