#include "pipeline/month_meter.hpp"

#include "codec/civil.hpp"

namespace runnel::pipeline {

std::int32_t MonthMeter::month_of(WallTime now) const {
  const codec::CivilDay day = codec::civil_from(now).date;
  const auto month = day.year * 12 + static_cast<std::int32_t>(day.month) - 1;
  return day.day < first_day_ ? month - 1 : month;
}

void MonthMeter::add(std::uint64_t bytes, WallTime now) {
  bytes_ = this->bytes(now) + bytes;
  if (is_set(now)) month_ = month_of(now);
}

void MonthMeter::restore(std::int32_t month, std::uint64_t bytes) {
  month_ = month;
  bytes_ = bytes;
}

std::uint64_t MonthMeter::bytes(WallTime now) const {
  // Before the first month that is known nothing can have passed.
  if (!is_set(now) || month_ == no_month || month_of(now) == month_) return bytes_;
  return 0;
}

Duration MonthMeter::ends_in(WallTime now) const {
  const std::int32_t next = month_of(now) + 1;
  const codec::CivilDay first{next / 12, static_cast<std::uint32_t>(next % 12) + 1, first_day_};
  return std::chrono::hours(24) * codec::days_from_civil(first) - now.time_since_epoch();
}

}  // namespace runnel::pipeline
