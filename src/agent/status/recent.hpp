// What went through every component over the last ten seconds: a few samples of their counters,
// taken by a timer, in planned memory. Between two samples a rate is over a little more than that.
#pragma once

#include <array>
#include <span>

#include "agent/status/view.hpp"
#include "base/region.hpp"

namespace runnel::agent {

class Recent {
 public:
  static constexpr Duration interval = std::chrono::seconds(2);
  static constexpr std::size_t samples_max = 6;  // five intervals

  struct Rate {
    Duration over = Duration::zero();  // zero: there is no sample yet
    Throughput went;
  };

  static Recent carve(Region& region, std::size_t components);
  void take(const StatusView& view);
  Rate rate(const StatusView& view, std::size_t component) const;

 private:
  std::span<Throughput> samples_;  // of each moment, one a component
  std::array<Instant, samples_max> taken_at_;
  std::size_t taken_ = 0;
  std::size_t components_ = 0;
};

}  // namespace runnel::agent
