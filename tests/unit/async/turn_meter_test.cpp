// Goal: the longest turn is exact, the others are known to a quarter. Method: turns of every
// length.
#include "async/turn_meter.hpp"

#include <doctest/doctest.h>

using namespace runnel;
using async::TurnMeter;

TEST_CASE("turn meter: nothing measured is nothing") {
  TurnMeter meter;
  CHECK(meter.turns() == 0);
  CHECK(meter.longest() == Duration::zero());
  CHECK(meter.within(999) == Duration::zero());
}

TEST_CASE("turn meter: each turn is known to a quarter of its length") {
  for (Duration turn = 1us; turn < 10min; turn = turn * 9 / 8 + 1us) {
    CAPTURE(turn.count());
    TurnMeter meter;
    meter.note(turn);
    meter.note(20min);
    CHECK(meter.within(500) >= turn);
    CHECK(meter.within(500) <= turn * 5 / 4 + 2us);
    CHECK(meter.longest() == 20min);
    CHECK(meter.within(1000) == meter.longest());
  }
}

TEST_CASE("turn meter: one long turn in a thousand is not the usual one") {
  TurnMeter meter;
  for (int each = 0; each < 999; ++each) meter.note(100us);
  meter.note(50ms);
  CHECK(meter.turns() == 1000);
  CHECK(meter.within(999) <= 128us);
  CHECK(meter.longest() == 50ms);
  meter.note(50ms);
  CHECK(meter.within(999) == 50ms);
  meter.note(Duration(-5));  // a clock that no driver has
  CHECK(meter.longest() == 50ms);
}
