#include "pipeline/shared_link.hpp"

#include <algorithm>

namespace runnel::pipeline {
namespace {

constexpr Duration day = std::chrono::hours(24);
constexpr std::size_t piece_bytes_min = 256;
constexpr std::uint64_t pieces_per_second = 10;

Duration time_of_day(WallTime at) { return at.time_since_epoch() % day; }

}  // namespace

bool DayWindow::is_open(WallTime at) const { return opens_in(at) == Duration::zero(); }

Duration DayWindow::opens_in(WallTime at) const {
  if (always()) return Duration::zero();
  const Duration now = time_of_day(at);
  const bool open = from < until ? now >= from && now < until : now >= from || now < until;
  if (open) return Duration::zero();
  return now < from ? from - now : from + day - now;
}

// A clock that is not set does not know the time of day. The month it does not know is taken for
// the one that was paid for last: waiting costs nothing.
Duration SharedLink::opens_in() {
  // What was counted before the clock was set belongs to the month that it shows first.
  if (settings_.month_bytes > 0) meter_.add(0, clock_.now());
  constexpr Duration until_the_clock_is_set = std::chrono::minutes(1);
  const bool waits = waits_for_next_month();
  if (!clock_.is_set()) return waits ? until_the_clock_is_set : Duration::zero();
  const Duration window = settings_.window.opens_in(clock_.now());
  return waits ? std::max(window, meter_.ends_in(clock_.now())) : window;
}

std::size_t SharedLink::piece(std::size_t wanted) const {
  if (settings_.bytes_per_second == 0) return wanted;
  const auto piece = static_cast<std::size_t>(settings_.bytes_per_second / pieces_per_second);
  return std::min(wanted, std::max(piece, piece_bytes_min));
}

bool SharedLink::outranked(std::uint32_t priority) const {
  return std::any_of(waiting_.begin() + priority + 1, waiting_.end(),
                     [](std::uint16_t count) { return count > 0; });
}

async::Task<Status> SharedLink::admit(std::size_t bytes, std::uint32_t priority) {
  Status status;
  ++waiting_[priority];
  while (status && settings_.bytes_per_second > 0) {
    const bool waits_for_others = outranked(priority);
    if (!waits_for_others && scheduler_.now() >= paid_until_) break;
    status = co_await changed_.wait(waits_for_others ? never : paid_until_);
    if (status.error() == Error::timed_out) status = Status();
  }
  --waiting_[priority];
  if (status) spend(bytes);
  changed_.ring();
  co_return status;
}

void SharedLink::count(std::size_t bytes) {
  if (settings_.month_bytes == 0) return;
  const std::uint64_t before = bytes_this_month();
  meter_.add(bytes, clock_.now());
  if (hundredths(meter_.bytes()) != hundredths(before)) metered_.ring();
}

void SharedLink::spend(std::size_t bytes) {
  count(bytes);
  if (settings_.bytes_per_second == 0) return;
  const double seconds =
      static_cast<double>(bytes) / static_cast<double>(settings_.bytes_per_second);
  const Instant now = scheduler_.now();
  const Instant unused = now.time_since_epoch() > burst ? now - burst : Instant();
  paid_until_ = std::max(paid_until_, unused) + Duration(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace runnel::pipeline
