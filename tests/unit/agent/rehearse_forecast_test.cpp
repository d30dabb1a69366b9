// Goal: figures of `runnel rehearse` are read as they are meant and wrong ones refused, and its
// arithmetic is right where it can be done by hand. Whether it is what happens,
// tests/sim/rehearse_test.cpp says. Method: tables; channels small enough to count.
#include <doctest/doctest.h>

#include "agent/rehearse/forecast.hpp"
#include "agent/rehearse/units.hpp"

using namespace runnel;
using namespace runnel::agent;
using namespace runnel::agent::rehearse;
using channels::journal::Mode;
using channels::journal::Sync;
using pipeline::WhenFull;

TEST_CASE("rehearse: rates") {
  CHECK(parse_rate("200/s")->events == 200);
  CHECK(parse_rate("200/s")->per == 1s);
  CHECK(parse_rate("12000/m")->per_second() == doctest::Approx(200));
  CHECK(parse_rate("5/h")->per == 1h);
  CHECK(parse_rate("1/d")->per == 24h);
  CHECK(parse_rate("1000000000/s").has_value());
  for (const char* wrong :
       {"", "200", "/s", "200/", "200/x", "200 /s", "-1/s", "+1/s", "1.5/s", "0/s", "200/ms", "s"})
    CHECK_MESSAGE(parse_rate(wrong).error() == Error::malformed, wrong);
  CHECK(parse_rate("1000000001/s").error() == Error::too_large);
  CHECK(parse_rate("99999999999999999999/s").error() == Error::too_large);
}

TEST_CASE("rehearse: links") {
  CHECK(parse_link("500bit") == 500);
  CHECK(parse_link("32kbit") == 32'000);
  CHECK(parse_link("32kbit/s") == 32'000);
  CHECK(parse_link("1mbit") == 1'000'000);
  CHECK(parse_link("1Mbit") == 1'000'000);
  CHECK(parse_link("2gbit") == 2'000'000'000);
  CHECK(parse_link("1000gbit") == 1'000'000'000'000);
  CHECK(parse_link("64KiB/s") == 64 * 1024 * 8);
  CHECK(parse_link("1B/s") == 8);
  CHECK(parse_link("10kB/s") == 80'000);
  for (const char* wrong : {"", "32", "32/s", "kbit", "0kbit", "0B/s", "64KiB", "1.5mbit", "-1bit",
                            "32 kbit", "32kib", "32Kbit", "1tbit", "32kbit/m", "bit/s", "B/s"})
    CHECK_MESSAGE(parse_link(wrong).error() == Error::malformed, wrong);
  for (const char* large :
       {"1001gbit", "99999999999999999999bit", "1000GiB/s", "18446744073709552kbit"})
    CHECK_MESSAGE(parse_link(large).error() == Error::too_large, large);
}

TEST_CASE("rehearse: ratios, outages, sizes of events") {
  CHECK(parse_ratio("1") == 100);
  CHECK(parse_ratio("5") == 500);
  CHECK(parse_ratio("4.5") == 450);
  CHECK(parse_ratio("12.05") == 1205);
  CHECK(parse_ratio("1000") == 100'000);
  for (const char* wrong : {"", "0", "0.99", "x", "5.", ".5", "5.123", "5,5", "-5", "5x", "5.-1"})
    CHECK_MESSAGE(parse_ratio(wrong).error() == Error::malformed, wrong);
  for (const char* large : {"1001", "1000.01", "99999999999999999999"})
    CHECK_MESSAGE(parse_ratio(large).error() == Error::too_large, large);
  CHECK(parse_outage("72h") == 72h);
  CHECK(parse_outage("1s") == 1s);
  CHECK(parse_outage("3650d") == 24h * 3650);
  CHECK(parse_outage("999ms").error() == Error::malformed);
  CHECK(parse_outage("72").error() == Error::malformed);
  CHECK(parse_outage("3651d").error() == Error::too_large);
  CHECK(parse_event_bytes("180") == 180);
  CHECK(parse_event_bytes("1KiB") == 1024);
  CHECK(parse_event_bytes("16MiB") == (16u << 20));
  CHECK(parse_event_bytes("0").error() == Error::malformed);
  CHECK(parse_event_bytes("16777217").error() == Error::too_large);
}

namespace {

RehearseRequest load(Duration outage, RehearseRequest::Rate rate) {
  RehearseRequest request;
  request.outage = outage;
  request.rate = rate;
  request.event_bytes = 40;  // a record of 64
  request.link_bits_per_second = 8000;
  request.ratio_percent = 400;
  return request;
}

// Eight segments of 128 KiB less a page or so; blocks of 256 records, 4096 + 128 bytes: two pages.
JournalFacts small_journal() {
  JournalFacts facts;
  facts.segment_used_percent = 0;
  facts.settings.file_bytes = 1 << 20;
  facts.settings.memory_bytes = 256 * 1024;
  facts.settings.block_bytes = 16 * 1024;
  facts.settings.block_age = 1s;
  facts.settings.cursor_interval = 10s;
  facts.settings.when_full = WhenFull::drop_oldest;
  return facts;
}

}  // namespace

TEST_CASE("rehearse: a ring in memory") {
  const MemoryFacts facts{64 * 1024, WhenFull::block};
  const auto exact = forecast(facts, load(1024s, {1, 1s}));
  CHECK(exact.record_bytes == 64);
  CHECK(exact.kept_events == 1024);
  CHECK(exact.filled_bytes == 64 * 1024);
  CHECK_FALSE(exact.full_after.has_value());
  CHECK(exact.held_back_events == 0);
  const auto one_over = forecast(facts, load(1025s, {1, 1s}));
  CHECK(one_over.full_after == 1024s);
  CHECK(one_over.held_back_events == 1);
  const auto oldest = forecast(MemoryFacts{64 * 1024, WhenFull::drop_oldest}, load(1h, {1, 1s}));
  CHECK(oldest.dropped_events == 3600 - 1024);
  CHECK(oldest.oldest_age == 1024s);
  const auto newest = forecast(MemoryFacts{64 * 1024, WhenFull::drop_newest}, load(1h, {1, 1s}));
  CHECK(newest.dropped_events == 3600 - 1024);
  CHECK(newest.oldest_age == 1h);
}

TEST_CASE("rehearse: a journal by hand") {
  const JournalFacts facts = small_journal();
  // A block a second has 256 records when 255 follow the first one in it.
  const auto part = forecast(facts, load(100s, {1000, 1s}));
  REQUIRE(part.disk.has_value());
  CHECK(part.disk->segments == 8);
  CHECK(part.disk->segment_bytes == 126'976);
  CHECK(part.disk->block_events == 256);
  CHECK(part.disk->block_bytes == 8192);
  // 30 pages: 15 blocks, of 256 events.
  CHECK(part.dropped_at_a_time == 15 * 256);
  CHECK(part.capacity_bytes == 8 * 126'976);
  // 100000 events: 390 blocks, of which 8 segments hold 120; 18 segments are given up.
  CHECK(part.full_after.has_value());
  CHECK(part.dropped_events == 18 * 15 * 256);
  CHECK(part.kept_events == 100'000 - part.dropped_events);
  CHECK(part.disk->outage.bytes == 390 * 8192 + (26 + 18) * 4096);
  CHECK(part.disk->outage.syncs == 390 + 18);

  // A block of few, because it has waited: a page each.
  const auto slow = forecast(facts, load(40min, {6, 1min}));
  CHECK(slow.disk->block_events == 1);
  CHECK(slow.disk->block_bytes == 4096);
  CHECK_FALSE(slow.full_after.has_value());
  CHECK(slow.filled_bytes == slow.capacity_bytes);
  CHECK(slow.disk->outage.bytes == (240 + 8) * 4096);
  const auto longer = forecast(facts, load(1h, {6, 1min}));
  CHECK(longer.full_after == 40min);
  CHECK(longer.dropped_events == 120);
  CHECK(longer.oldest_age == 40min);
  CHECK(longer.disk->outage.bytes == (360 + 12 + 4) * 4096);
}

TEST_CASE("rehearse: how a journal is told to write decides what it writes") {
  JournalFacts facts = small_journal();
  const RehearseRequest day = load(24h, {1, 1s});
  facts.settings.block_age = 100ms;
  const auto always = forecast(facts, day);
  CHECK(always.disk->outage_day.syncs > 86'400);
  facts.settings.sync = Sync::interval;
  facts.settings.sync_interval = 1min;
  const auto by_time = forecast(facts, day);
  CHECK_FALSE(by_time.disk->pressed);
  CHECK(by_time.disk->block_events == 61);
  CHECK(by_time.disk->outage_day.bytes * 20 < always.disk->outage_day.bytes);
  // While the sinks keep up only their places are written.
  CHECK(by_time.disk->quiet_day.syncs == 1416);
  facts.settings.sync_interval = 2h;
  const auto pressed = forecast(facts, day);
  CHECK(pressed.disk->pressed);
  CHECK(pressed.disk->block_events == 256);
  facts.settings.mode = Mode::overflow;
  const auto overflow = forecast(facts, load(50min, {1, 1s}));
  // Three quarters of the ring, 3072 records, are never written.
  CHECK(overflow.disk->outage.bytes == 0);
  CHECK(overflow.filled_bytes == 0);
  CHECK(overflow.disk->memory_filled_bytes == 3000 * 64);
  facts.settings.sync = Sync::never;
  // Before a segment is given up, its readers' places: 86400 events are 22 segments and a half.
  CHECK(forecast(facts, day).disk->outage_day.syncs == 22);
  facts.settings.when_full = WhenFull::block;
  CHECK(forecast(facts, day).disk->outage_day.syncs == 0);
}

TEST_CASE("rehearse: absurd figures stay figures") {
  RehearseRequest most = load(RehearseRequest::outage_longest, {1'000'000'000, 1s});
  most.event_bytes = 1;
  most.ratio_percent = RehearseRequest::ratio_percent_max;
  for (const WhenFull policy : {WhenFull::block, WhenFull::drop_newest, WhenFull::drop_oldest}) {
    JournalFacts facts = small_journal();
    facts.settings.when_full = policy;
    const auto all = forecast(facts, most);
    CHECK(all.kept_events + all.dropped_events + all.held_back_events == all.events);
    CHECK(all.filled_bytes <= all.capacity_bytes);
  }
  RehearseRequest least = load(1s, {1, 24h});
  least.event_bytes = 16 * 1024 - 24;
  const auto none = forecast(small_journal(), least);
  CHECK(none.events == 0);
  CHECK(none.filled_bytes == 0);
  CHECK(none.disk->outage.bytes == 0);
  CHECK(forecast_drain(none, 1, least).drained_after == 0s);
}

TEST_CASE("rehearse: the link") {
  using pipeline::Encoding;
  RehearseRequest request = load(1h, {10, 1s});
  CHECK(wire_bytes(Encoding::none, false, 0, request) == doctest::Approx(40));
  CHECK(wire_bytes(Encoding::text, false, 0, request) == doctest::Approx(41));
  CHECK(wire_bytes(Encoding::text, true, 0, request) == doctest::Approx(41 / 4.0));
  // {"time":"2026-11-22T11:42:18.123456Z","source":"applog","body":"..."}
  CHECK(wire_bytes(Encoding::json, false, 6, request) == doctest::Approx(40 + 60 + 6 + 1));
  ChannelForecast channel;
  channel.kept_events = 9000;
  // 8000 bits a second are 100 events of 10 bytes; 10 of them come.
  const auto drained = forecast_drain(channel, 10, request);
  CHECK(drained.needed_bits_per_second == 800);
  CHECK(drained.drained_after == 100s);
  CHECK_FALSE(drained.drained_with_held_back.has_value());
  channel.held_back_events = 900;
  CHECK(forecast_drain(channel, 10, request).drained_with_held_back == 110s);
  CHECK_FALSE(forecast_drain(channel, 100, request).drained_after.has_value());
  CHECK_FALSE(forecast_drain(channel, 101, request).drained_after.has_value());
  CHECK(forecast_drain(channel, 99, request).drained_after.has_value());
}
