// What `runnel rehearse` was asked to go through: an outage, what comes meanwhile, and the link
// that comes back.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace runnel::agent {

struct RehearseRequest {
  struct Rate {
    std::uint64_t events = 0;  // at least one
    Duration per = 1s;         // 1s, 1min, 1h or 1d

    double per_second() const {
      return static_cast<double>(events) * 1e9 / static_cast<double>(per.count());
    }
  };

  static constexpr Duration outage_shortest = 1s, outage_longest = 24h * 3650;
  static constexpr std::uint64_t event_bytes_max = 16u << 20;
  static constexpr std::uint32_t ratio_percent_min = 100, ratio_percent_max = 100'000;

  Duration outage = Duration::zero();      // outage_shortest to outage_longest
  Rate rate;                               // into each channel
  std::uint64_t event_bytes = 0;           // 1 to event_bytes_max: a body with its headers
  std::uint64_t link_bits_per_second = 0;  // at least one
  // How many times zstd shrinks the events, in hundredths.
  std::uint32_t ratio_percent = 500;

  double ratio() const { return ratio_percent / 100.0; }
};

}  // namespace runnel::agent
