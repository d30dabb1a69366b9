// A thin or costly way out, shared by the sinks that name it: how fast it may be filled, at which
// times of the day, and who goes first.
//
// The rate is that of bytes on the wire (headers of TLS included, those of TCP and IP not): in any
// stretch of time as many as the rate allows, and one second's worth more. What is sent is cut into
// pieces of at most a tenth of a second, each admitted by itself, so that who has priority waits
// for one piece of the others at most.
#pragma once

#include <array>
#include <cstdint>

#include "async/notice.hpp"
#include "async/scheduler.hpp"
#include "async/task.hpp"
#include "base/time.hpp"

namespace runnel::pipeline {

// A part of every day, in UTC; past midnight when it ends before it begins.
struct DayWindow {
  Duration from = Duration::zero();  // since midnight, less than a day
  Duration until = Duration::zero();

  bool always() const { return from == until; }
  bool is_open(WallTime at) const;
  // How long after `at` it opens; zero: it is open.
  Duration opens_in(WallTime at) const;
};

struct LinkSettings {
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes
  DayWindow window;
};

class SharedLink {
 public:
  static constexpr std::uint32_t priority_max = 9;  // goes first
  static constexpr Duration burst = std::chrono::seconds(1);

  SharedLink(const LinkSettings& settings, const async::Scheduler& scheduler)
      : settings_(settings), scheduler_(scheduler) {}

  const DayWindow& window() const { return settings_.window; }
  // The most that may be written between two admissions; `wanted` if there is no rate.
  std::size_t piece(std::size_t wanted) const;
  // Until `bytes` may go out; they are paid for then. Ok or cancelled.
  async::Task<Status> admit(std::size_t bytes, std::uint32_t priority);
  // What went out beside what was admitted: the next ones wait for it.
  void spend(std::size_t bytes);
  // Coroutine frames of one `admit`.
  static constexpr std::size_t frame_bytes = 512;

 private:
  bool outranked(std::uint32_t priority) const;

  LinkSettings settings_;
  const async::Scheduler& scheduler_;
  Instant paid_until_;  // for what has gone out, at the rate
  std::array<std::uint16_t, priority_max + 1> waiting_ = {};
  async::Notice changed_;
};

}  // namespace runnel::pipeline
