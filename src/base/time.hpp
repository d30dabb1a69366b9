// The three times of Runnel, in nanoseconds, as types that cannot be mixed up.
// Nothing here reads a clock: `Instant`s come from the reactor, `WallTime`s from the system.
#pragma once

#include <chrono>
#include <cstdint>

namespace runnel {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

struct BootClock {  // counts from boot, also while suspended; never steps
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
};
struct WallClock {  // since 1970-01-01T00:00:00Z; may step, may be unset on devices without an RTC
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
};

using Instant = std::chrono::time_point<BootClock, Duration>;
using WallTime = std::chrono::time_point<WallClock, Duration>;

inline constexpr Instant never = Instant::max();

inline constexpr Instant instant_from_ns(std::int64_t ns) { return Instant(Duration(ns)); }
inline constexpr WallTime wall_from_ns(std::int64_t ns) { return WallTime(Duration(ns)); }

// Whether this is a time at all: a device without a battery for its clock boots in 1970, and Runnel
// is younger than 50 years after it.
inline constexpr bool is_set(WallTime wall) {
  return wall.time_since_epoch() >= std::chrono::hours(24 * 365 * 50);
}

// Later by `by`, without overflow past `never`.
inline constexpr Instant after(Instant from, Duration by) {
  return by >= never - from ? never : from + by;
}

}  // namespace runnel
