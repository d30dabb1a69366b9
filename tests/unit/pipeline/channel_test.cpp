// Goal: each rule of a channel by itself: when a batch is due, what becomes of one that is given
// back, held or settled, and what each overflow policy drops and says of it.
// Method: one channel whose scheduler the test turns by hand. channel_model_test.cpp has the random
// runs.
#include "pipeline/channel.hpp"

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "async/sleep.hpp"
#include "async/task.hpp"
#include "tests/unit/pipeline/channel_world.hpp"

using namespace runnel;
using namespace runnel::async;
using namespace runnel::pipeline;
using namespace runnel::test;

TEST_CASE("channel: a put that is not committed never happened") {
  ChannelWorld world({.capacity_bytes = small_ring});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  std::vector<std::byte> body;
  {
    Put put = channel.put();
    REQUIRE(put.append(numbered(1, body, 100)).ok());
  }
  CHECK(channel.used() == 0);
  put_all(channel, 5, 7);
  Scope scope(world.scheduler, "test");
  Taken taken;
  scope.spawn(take_one(subscription, {.linger = 0ns}, taken));
  world.settle();
  CHECK(taken.numbers == std::vector<std::uint64_t>{5, 6});
  CHECK(channel.custody() < channel.head());
  taken.batch->commit();
  CHECK(channel.drained());
}

TEST_CASE("channel: linger, event limit and byte limit decide when a batch is due") {
  ChannelWorld world({.capacity_bytes = small_ring});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  Scope scope(world.scheduler, "test");
  Taken taken;
  const Instant start = world.reactor.now();
  SUBCASE("linger counts from the first event, and without events nothing wakes") {
    scope.spawn(take_one(subscription, {.linger = 2s}, taken));
    world.settle();
    CHECK(world.scheduler.timers().nearest() == never);
    put_all(channel, 0, 1);
    world.settle();
    CHECK_FALSE(taken.done);
    world.scheduler.turn(start + 1s);
    put_all(channel, 1, 2);
    while (!taken.done) world.scheduler.turn();
    CHECK(world.reactor.now() == start + 2s);
    CHECK(taken.numbers == std::vector<std::uint64_t>{0, 1});
  }
  SUBCASE("events") {
    scope.spawn(take_one(subscription, {.events_max = 3, .linger = 1h}, taken));
    put_all(channel, 0, 2);
    world.settle();
    CHECK_FALSE(taken.done);
    put_all(channel, 2, 7);
    world.settle();
    CHECK(taken.numbers == std::vector<std::uint64_t>{0, 1, 2});
  }
  SUBCASE("bytes: exactly filled, and the next record waits") {
    const std::size_t each = record_bytes(0, 100);
    scope.spawn(take_one(subscription, {.bytes_max = 3 * each, .linger = 1h}, taken));
    put_all(channel, 0, 4);
    world.settle();
    CHECK(taken.numbers == std::vector<std::uint64_t>{0, 1, 2});
    CHECK(taken.batch->last() - taken.batch->first() == 3 * each);
  }
  SUBCASE("closed: the rest at once, then the end") {
    scope.spawn(take_one(subscription, {.linger = 1h}, taken));
    put_all(channel, 0, 1);
    channel.close();
    world.settle();
    CHECK(taken.numbers.size() == 1);
    Taken end;
    scope.spawn(take_one(subscription, {.linger = 1h}, end));
    world.settle();
    CHECK(end.error == Error::closed);
  }
  SUBCASE("cancelled") {
    scope.spawn(take_one(subscription, {.linger = 1h}, taken));
    world.settle();
    scope.cancel();
    world.settle();
    CHECK(taken.error == Error::cancelled);
  }
  world.settle();
  if (taken.batch) taken.batch->commit();
  taken.batch.reset();
}

TEST_CASE("channel: a batch given back comes again as it was, before anything newer") {
  ChannelWorld world({.capacity_bytes = small_ring});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  Scope scope(world.scheduler, "test");
  put_all(channel, 0, 3);
  Taken first, second, again;
  scope.spawn(take_one(subscription, {.linger = 0ns}, first));
  world.settle();
  put_all(channel, 3, 5);
  const auto sequence = first.batch->sequence();
  first.batch.reset();
  scope.spawn(take_one(subscription, {.linger = 0ns}, again));
  scope.spawn(take_one(subscription, {.linger = 0ns}, second));
  world.settle();
  CHECK(again.numbers == first.numbers);
  CHECK(again.batch->sequence() == sequence);
  CHECK(second.numbers == std::vector<std::uint64_t>{3, 4});
  second.batch->commit();
  CHECK(channel.custody() == again.batch->first());
  again.batch->commit();
  CHECK(channel.drained());
}

TEST_CASE("channel: held batches settle up to what is durable") {
  ChannelWorld world({.capacity_bytes = small_ring});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  Scope scope(world.scheduler, "test");
  put_all(channel, 0, 1);
  Taken first, second;
  scope.spawn(take_one(subscription, {.linger = 0ns}, first));
  world.settle();
  put_all(channel, 1, 2);
  scope.spawn(take_one(subscription, {.linger = 0ns}, second));
  world.settle();
  const Position middle = first.batch->last();
  first.batch->hold();
  second.batch->hold();
  CHECK(channel.custody() == 0);
  CHECK(subscription.unsettled_bytes() == channel.used());
  subscription.settle(middle);
  CHECK(channel.custody() == middle);
  subscription.settle(subscription.written());
  CHECK(channel.drained());
}

TEST_CASE("channel: a record too large for the ring is refused, the largest fits anywhere") {
  ChannelWorld world({.capacity_bytes = small_ring});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  Scope scope(world.scheduler, "test");
  std::vector<std::byte> body;
  const std::size_t largest = channel.record_bytes_max() - sizeof(RecordHeader);
  {
    Put put = channel.put();
    CHECK(put.append(numbered(0, body, largest + 1)).error() == Error::too_large);
  }
  for (std::uint64_t number = 0; number < 50; ++number) {
    put_all(channel, number, number + 1, largest);
    Taken taken;
    scope.spawn(take_one(subscription, {.linger = 0ns}, taken));
    world.settle();
    CHECK(taken.numbers == std::vector<std::uint64_t>{number});
    taken.batch->commit();
  }
}

TEST_CASE("channel: drop_newest leaves its gap where the events were") {
  ChannelWorld world({.capacity_bytes = small_ring, .when_full = WhenFull::drop_newest});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  Scope scope(world.scheduler, "test");
  put_all(channel, 0, 1000);
  const auto dropped = channel.counters().dropped_events;
  CHECK(dropped > 0);
  CHECK(channel.counters().dropped_bytes == dropped * 100);
  Taken taken;
  scope.spawn(take_one(subscription, {.bytes_max = small_ring}, taken));
  world.settle();
  CHECK(taken.numbers.size() == 1000 - dropped);
  taken.batch->commit();
  put_all(channel, 1000, 1001);
  taken.batch.reset();
  scope.spawn(take_one(subscription, {.linger = 0ns}, taken));
  world.settle();
  RecordReader reader(*taken.batch);
  REQUIRE(reader.next());
  REQUIRE(reader.record().kind() == RecordKind::gap);
  const Gap gap = reader.record().gap();
  CHECK(gap.events == dropped);
  CHECK(gap.bytes == dropped * 100);
  CHECK(gap.first.ns == static_cast<std::int64_t>(1000 - dropped));
  CHECK(gap.last.ns == 999);
  CHECK(taken.numbers == std::vector<std::uint64_t>{1000});
  taken.batch->commit();
  taken.batch.reset();
}

TEST_CASE("channel: drop_oldest takes from those who lag, whatever their batch is doing") {
  ChannelWorld world({.capacity_bytes = small_ring, .when_full = WhenFull::drop_oldest});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  Scope scope(world.scheduler, "test");
  put_all(channel, 0, 100);
  Taken encoded, returned;
  scope.spawn(take_one(subscription, {.linger = 0ns}, encoded));
  world.settle();
  encoded.batch->encoded();
  put_all(channel, 100, 200);
  scope.spawn(take_one(subscription, {.linger = 0ns}, returned));
  world.settle();
  returned.batch.reset();
  for (std::uint64_t from = 200; from < 2000; from += 100) put_all(channel, from, from + 100);
  SUBCASE("the copy on the wire is acknowledged") {
    encoded.batch->commit();
    encoded.batch.reset();
  }
  SUBCASE("the copy on the wire fails") { encoded.batch.reset(); }
  const auto dropped = channel.counters().dropped_events;
  Taken rest;
  scope.spawn(take_one(subscription, {.bytes_max = small_ring, .linger = 0ns}, rest));
  world.settle();
  CHECK(rest.batch->gap().events == dropped);
  const auto kept = rest.numbers.size();
  CHECK(rest.numbers.back() == 1999);
  CHECK((kept + dropped == 2000 || kept + dropped == 1900));
  rest.batch->commit();
  rest.batch.reset();
  CHECK(channel.drained());
}

// --- the model ---------------------------------------------------------------------------------

TEST_CASE(
    "channel: after a rewind everything unsettled is taken again, what is in hand counts not") {
  ChannelWorld world({.capacity_bytes = small_ring});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  Scope scope(world.scheduler, "test");
  put_all(channel, 0, 6);
  const Take two = {.events_max = 2, .linger = 0ns};
  const auto take = [&](Taken& taken) {
    scope.spawn(take_one(subscription, two, taken));
    world.settle();
    REQUIRE(taken.batch.has_value());
  };
  Taken settled, held, in_hand, again, rest;
  take(settled);
  settled.batch->hold();
  subscription.settle(subscription.written());
  take(held);
  held.batch->hold();
  take(in_hand);
  in_hand.batch->encoded();
  CHECK(subscription.unsettled_bytes() > 0);
  REQUIRE(subscription.rewind_to_watermark());
  CHECK(subscription.unsettled_bytes() == 0);
  // The worker's own batch ends without effect, whichever way it ends.
  SUBCASE("held") { in_hand.batch->hold(); }
  SUBCASE("given up") { in_hand.batch.reset(); }
  take(again);
  CHECK(again.numbers == held.numbers);
  again.batch->hold();
  take(rest);
  CHECK(rest.numbers == in_hand.numbers);
  rest.batch->hold();
  subscription.settle(subscription.written());
  CHECK(channel.drained());
  CHECK(channel.counters().dropped_events == 0);
}

TEST_CASE("channel: a rewind is refused when the channel has dropped a part of what was written") {
  ChannelWorld world({.capacity_bytes = small_ring, .when_full = WhenFull::drop_oldest});
  Channel& channel = *world.channel;
  Subscription& subscription = channel.subscribe("sink");
  Scope scope(world.scheduler, "test");
  put_all(channel, 0, 100, 500);
  Taken held;
  scope.spawn(take_one(subscription, {.linger = 0ns}, held));
  world.settle();
  held.batch->hold();
  put_all(channel, 100, 140, 500);
  REQUIRE(subscription.watermark() > 0);
  REQUIRE(subscription.unsettled_bytes() > 0);
  CHECK_FALSE(subscription.rewind_to_watermark());
  subscription.settle(subscription.written());
  CHECK(subscription.rewind_to_watermark());
}
