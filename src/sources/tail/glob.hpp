// Patterns of paths, as a shell has them: `*` and `?` (never a slash), `[a-z]`, `[!a-z]`, a
// backslash in front of a byte that means itself, and `**` as a whole part for any number of
// folders (last: `**/*`). A name that begins with a dot is matched only by a pattern that begins
// with one, and `**` does not enter such folders. Paths and patterns are absolute. Pure functions
// that work in time proportional to pattern x path.
#pragma once

#include <string_view>

namespace runnel::sources::tail {

inline constexpr std::size_t path_bytes_max = 1023;  // and the zero behind it
inline constexpr std::size_t pattern_parts_max = 32;

// One part of a path against one part of a pattern.
bool name_matches(std::string_view pattern, std::string_view name);
bool path_matches(std::string_view pattern, std::string_view path);
// Something below `folder` could match.
bool may_lead_to(std::string_view pattern, std::string_view folder);
// It can only match itself.
bool is_literal(std::string_view part);

// What is wrong with a configured pattern, as the end of a sentence; empty: nothing.
std::string_view pattern_problem(std::string_view pattern);

// Takes the first part off `path` ("/var/log" gives "var" and leaves "/log"); empty: there is none.
std::string_view take_part(std::string_view& path);
// "/var/log/a" -> "/var/log"; "/a" -> "/".
std::string_view folder_of(std::string_view path);

}  // namespace runnel::sources::tail
