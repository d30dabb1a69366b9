// A thin or costly way out, shared by the sinks that name it: how fast it may be filled, at which
// times of the day, how much of it in a month, and who goes first.
//
// The rate is that of bytes on the wire (headers of TLS included, those of TCP and IP not): in any
// stretch of time as many as the rate allows, and one second's worth more. What is sent is cut into
// pieces of at most a tenth of a second, each admitted by itself, so that who has priority waits
// for one piece of the others at most.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "async/notice.hpp"
#include "async/scheduler.hpp"
#include "async/task.hpp"
#include "base/time.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/month_meter.hpp"

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
  std::uint64_t month_bytes = 0;      // what may go out in a month; 0: nobody counts
  std::uint32_t month_first_day = 1;  // when the month begins, 1 to MonthMeter::first_day_max
  std::uint32_t month_warning_percent = 100;  // of them: when somebody is told
  bool waits_for_month = true;                // when all of it has gone out; false: it is only told
};

class SharedLink {
 public:
  static constexpr std::uint32_t priority_max = 9;  // goes first
  static constexpr Duration burst = std::chrono::seconds(1);

  // `clock` is kept fresh by whoever asks for the time of day.
  SharedLink(const LinkSettings& settings, const async::Scheduler& scheduler,
             const pipeline::Clock& clock)
      : settings_(settings),
        scheduler_(scheduler),
        clock_(clock),
        meter_(settings.month_first_day) {}

  // Whether batches can ever have to wait for a better time.
  bool always_open() const {
    return settings_.window.always() && (settings_.month_bytes == 0 || !settings_.waits_for_month);
  }
  // How long until batches may begin to go out, as far as anybody knows now; zero: they may.
  Duration opens_in();
  // It has carried what it may in a month, and waits for the next.
  bool waits_for_next_month() const { return settings_.waits_for_month && is_used_up(); }
  bool is_used_up() const {
    return settings_.month_bytes > 0 && meter_.bytes(clock_.now()) >= settings_.month_bytes;
  }

  const LinkSettings& settings() const { return settings_; }
  // How many hundredths of what a month may carry `bytes` are: how finely it is told and kept.
  std::uint64_t hundredths(std::uint64_t bytes) const {
    return bytes / std::max<std::uint64_t>(settings_.month_bytes / 100, 1);
  }
  const MonthMeter& meter() const { return meter_; }
  std::uint64_t bytes_this_month() const { return meter_.bytes(clock_.now()); }
  void restore_month(std::int32_t month, std::uint64_t bytes) { meter_.restore(month, bytes); }
  // Rings at every further hundredth of what may go out in a month.
  async::Notice& metered() { return metered_; }
  // The most that may be written between two admissions; `wanted` if there is no rate.
  std::size_t piece(std::size_t wanted) const;
  // Until `bytes` may go out; they are paid for then. Ok or cancelled.
  async::Task<Status> admit(std::size_t bytes, std::uint32_t priority);
  // What went out beside what was admitted: it counts, and the next ones wait for it.
  void spend(std::size_t bytes);
  // Coroutine frames of one `admit`.
  static constexpr std::size_t frame_bytes = 512;

 private:
  bool outranked(std::uint32_t priority) const;
  void count(std::size_t bytes);

  LinkSettings settings_;
  const async::Scheduler& scheduler_;
  const pipeline::Clock& clock_;
  MonthMeter meter_;
  async::Notice metered_;
  Instant paid_until_;  // for what has gone out, at the rate
  std::array<std::uint16_t, priority_max + 1> waiting_ = {};
  async::Notice changed_;
};

}  // namespace runnel::pipeline
