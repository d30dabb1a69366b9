// The wall clock of event times. Refreshed once a batch, so that times since boot follow a clock
// that is set late or stepped.
#pragma once

#include "async/scheduler.hpp"
#include "io/system.hpp"
#include "pipeline/event.hpp"

namespace runnel::pipeline {

class Clock {
 public:
  Clock(const io::System& system, const async::Scheduler& scheduler)
      : system_(system), scheduler_(scheduler) {
    refresh();
  }
  void refresh() {
    wall_ = system_.wall_clock();
    boot_to_wall_ = wall_.time_since_epoch() - scheduler_.reactor().now().time_since_epoch();
  }
  WallTime at(Time time) const {
    return WallTime(Duration(time.ns) + (time.since_boot ? boot_to_wall_ : Duration::zero()));
  }
  bool is_set() const { return runnel::is_set(wall_); }
  // Wall clock minus time since boot.
  std::int64_t boot_to_wall_ns() const { return boot_to_wall_.count(); }
  WallTime now() const { return WallTime(scheduler_.now().time_since_epoch() + boot_to_wall_); }

 private:
  const io::System& system_;
  const async::Scheduler& scheduler_;
  WallTime wall_;
  Duration boot_to_wall_ = Duration::zero();
};

}  // namespace runnel::pipeline
