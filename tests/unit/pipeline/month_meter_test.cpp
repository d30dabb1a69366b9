// Goal: bytes belong to the month in which they went out, whatever day it begins on, and a clock
// that is not set or was wrong neither loses what was counted nor keeps it for ever.
#include "pipeline/month_meter.hpp"

#include <doctest/doctest.h>

#include "codec/civil.hpp"

using namespace runnel;
using namespace runnel::pipeline;

namespace {

WallTime at(std::int32_t year, std::uint32_t month, std::uint32_t day, Duration later = {}) {
  return WallTime(std::chrono::hours(24) * codec::days_from_civil({year, month, day}) + later);
}

constexpr WallTime unset = WallTime(Duration(5s));

}  // namespace

TEST_CASE("month: counts until the month ends, then anew") {
  MonthMeter meter;
  CHECK(meter.bytes(at(2026, 11, 1)) == 0);
  meter.add(100, at(2026, 11, 1));
  meter.add(20, at(2026, 11, 30, 24h - 1ns));
  CHECK(meter.bytes(at(2026, 11, 15)) == 120);
  CHECK(meter.bytes(at(2026, 12, 1)) == 0);
  meter.add(3, at(2026, 12, 1));
  CHECK(meter.bytes(at(2026, 12, 31)) == 3);
  CHECK(meter.bytes(at(2027, 1, 1)) == 0);
  CHECK(meter.ends_in(at(2026, 11, 30, 23h)) == 1h);
  CHECK(meter.ends_in(at(2026, 12, 31)) == 24h);
  CHECK(meter.ends_in(at(2028, 2, 1)) == 29 * 24h);
}

TEST_CASE("month: may begin on another day") {
  MonthMeter meter(15);
  meter.add(100, at(2026, 11, 15));
  CHECK(meter.bytes(at(2026, 12, 14, 23h)) == 100);
  CHECK(meter.bytes(at(2026, 12, 15)) == 0);
  CHECK(meter.bytes(at(2026, 11, 14)) == 0);
  CHECK(meter.ends_in(at(2026, 11, 14)) == 24h);
  CHECK(meter.ends_in(at(2026, 12, 15)) == 31 * 24h);
  CHECK(meter.ends_in(at(2027, 1, 1)) == 14 * 24h);
}

TEST_CASE("month: what goes out before the clock is set belongs to the month known last") {
  MonthMeter meter;
  meter.add(5, unset);
  CHECK(meter.bytes(unset) == 5);
  CHECK(meter.bytes(at(2026, 11, 3)) == 5);
  meter.add(5, at(2026, 11, 3));
  CHECK(meter.bytes(unset) == 10);
  meter.add(5, unset);
  CHECK(meter.bytes(at(2026, 11, 3)) == 15);

  MonthMeter after_a_start;
  after_a_start.restore(meter.month(), meter.bytes());
  after_a_start.add(1, unset);
  CHECK(after_a_start.bytes(at(2026, 11, 30)) == 16);
  CHECK(after_a_start.bytes(at(2026, 12, 1)) == 0);
}

TEST_CASE("month: looking at the clock is enough to know the month") {
  MonthMeter meter;
  meter.add(5, unset);
  meter.add(0, unset);
  CHECK(meter.bytes(at(2026, 12, 3)) == 5);
  meter.add(0, at(2026, 11, 3));
  CHECK(meter.bytes(at(2026, 11, 30)) == 5);
  CHECK(meter.bytes(at(2026, 12, 1)) == 0);
}

TEST_CASE("month: a clock that was far ahead does not stop the counting") {
  MonthMeter meter;
  meter.add(100, at(2099, 1, 1));
  CHECK(meter.bytes(at(2026, 11, 3)) == 0);
  meter.add(7, at(2026, 11, 3));
  CHECK(meter.bytes(at(2026, 11, 4)) == 7);
}
