#include "channels/journal/write_budget.hpp"

#include <algorithm>

namespace runnel::channels::journal {
namespace {

constexpr double day_ns = 86'400e9;
constexpr double longest_wait_ns = 10 * day_ns;

}  // namespace

double WriteBudget::made_up(Duration in) const {
  const double a_day = static_cast<double>(bytes_per_day_ - burst());
  return a_day * static_cast<double>(std::max<std::int64_t>(in.count(), 0)) / day_ns;
}

void WriteBudget::begin(std::uint64_t spent, Duration ago, Instant now) {
  if (!limited()) return;
  // A part of a page that a clock has carried far away may say anything.
  const double most = static_cast<double>(bytes_per_day_) * 2;
  spent_ = std::clamp(static_cast<double>(spent) - made_up(ago), 0.0, most);
  spent_at_ = now;
}

void WriteBudget::spend(std::uint64_t bytes, Instant now) {
  if (!limited()) return;
  spent_ = static_cast<double>(spent(now)) + static_cast<double>(bytes);
  spent_at_ = now;
}

std::uint64_t WriteBudget::spent(Instant now) const {
  if (!limited() || spent_at_ == Instant::min()) return 0;
  return static_cast<std::uint64_t>(std::max(spent_ - made_up(now - spent_at_), 0.0));
}

Instant WriteBudget::allows(std::uint64_t bytes, Instant now) const {
  if (!limited()) return now;
  const std::uint64_t wanted = std::min(bytes, burst());
  const std::uint64_t all = spent(now) + wanted;
  if (all <= burst()) return now;
  const double short_of = static_cast<double>(all - burst());
  const double wait_ns = short_of / made_up(Duration(1'000'000'000)) * 1e9;
  return after(now, Duration(static_cast<std::int64_t>(std::min(wait_ns + 1, longest_wait_ns))));
}

Duration WriteBudget::stretch(Instant now) const {
  if (!limited()) return Duration::zero();
  const double half = static_cast<double>(burst()) / 2;
  const double over = static_cast<double>(spent(now)) - half;
  if (over <= 0) return Duration::zero();
  // Gently at first: little is to be spared where little is too much.
  const double part = std::min(over / half, 1.0);
  return Duration(
      static_cast<std::int64_t>(static_cast<double>(stretch_longest.count()) * part * part));
}

}  // namespace runnel::channels::journal
