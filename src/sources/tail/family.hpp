// Which files are one log: what it has been renamed to by rotation, and what it is called now.
#pragma once

#include <cstdint>
#include <string_view>

namespace runnel::sources::tail {

// `path` without what rotation has put behind it: a separator (one of . - _) and a number or a
// date.
// "/var/log/app.log.2" and "/var/log/app.log-20260131" give "/var/log/app.log". Empty: what is left
// of the name has no letter ("10.0.0.1" is a host, not the rotated log of another).
std::string_view family_of(std::string_view path);
std::uint64_t hash_of_family(std::string_view path);  // 0: it has none

}  // namespace runnel::sources::tail
