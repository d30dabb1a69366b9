// Goal: every event put is taken exactly once by every subscription, in order, or is counted in a
// gap; puts are all or nothing; custody never passes what was not acknowledged.
// Method: random sources and workers as tasks over one channel, checked against plain counters.
// Each body carries its number, so that any loss, repetition or reordering shows.
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "async/sleep.hpp"
#include "async/task.hpp"
#include "pipeline/channel.hpp"
#include "tests/unit/pipeline/channel_world.hpp"

using namespace runnel;
using namespace runnel::async;
using namespace runnel::pipeline;
using namespace runnel::test;

TEST_CASE("channel: random holds, settles and rewinds repeat what was not settled, in order") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    ChannelWorld world({.capacity_bytes = small_ring});
    Channel& channel = *world.channel;
    Subscription& subscription = channel.subscribe("sink");
    Scope scope(world.scheduler, "test");
    std::uint64_t put = 0, settled = 0, held = 0;
    std::optional<Taken> taken;
    const auto finish = [&] {
      if (!taken) return;
      REQUIRE(taken->batch.has_value());
      REQUIRE(taken->numbers.front() == held);
      held = taken->numbers.back() + 1;
      taken->batch->encoded();
      taken->batch->hold();
      taken.reset();
    };
    for (int step = 0; step < 5000; ++step) {
      std::vector<std::byte> body;
      switch (random() % 5) {
        case 0:
        case 1: {
          const std::size_t size = 8 + random() % 3000;
          if (!channel.fits(record_bytes(0, size))) break;
          put_all(channel, put, put + 1, size);
          ++put;
          break;
        }
        case 2:
          if (held == put) break;
          taken.emplace();
          scope.spawn(take_one(subscription, {.events_max = 4, .linger = 0ns}, *taken));
          world.settle();
          finish();
          break;
        case 3:
          subscription.settle(subscription.written());
          settled = held;
          break;
        default:
          if (random() % 4 != 0) break;
          REQUIRE(subscription.rewind_to_watermark());
          held = settled;
      }
    }
  }
}

namespace {

struct Model {
  std::mt19937 random;
  std::uint64_t put = 0;  // committed: numbers 0 .. put - 1
  std::uint64_t steps = 0;
  std::uint64_t steps_max = 0;
  bool sources_done = false;
  int chance(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); }
};

// What one subscription has seen.
struct Seen {
  std::vector<std::uint8_t> delivered;  // times, by number
  std::uint64_t gap_events = 0;
  std::uint64_t last = 0;
  bool ordered = true;
};

Task<void> random_source(Channel& channel, Model& model) {
  std::vector<std::byte> body;
  while (model.steps < model.steps_max) {
    const std::size_t size = static_cast<std::size_t>(
        model.chance(0, 50) == 0 ? model.chance(1000, 20'000) : model.chance(0, 400));
    {
      pipeline::Turn turn;
      const auto ready =
          co_await channel.writable(record_bytes(0, std::max<std::size_t>(size, 8)), turn);
      if (!ready) co_return;
      Put put = channel.put(turn);
      const int count = model.chance(1, 30);
      std::uint64_t next = model.put;
      for (int each = 0; each < count; ++each) {
        ++model.steps;
        if (!put.append(numbered(next, body, size))) break;
        ++next;
      }
      if (model.chance(0, 9) != 0) {
        put.commit();
        model.put = next;
      }
    }
    if (model.chance(0, 2) == 0) co_await yield();
  }
  model.sources_done = true;
  channel.close();
}

void note(const Batch& batch, Seen& seen) { seen.gap_events += batch.gap().events; }
void note_delivered(const std::vector<std::uint64_t>& numbers, Seen& seen) {
  for (const std::uint64_t number : numbers) {
    const auto index = static_cast<std::size_t>(number);
    if (seen.delivered.size() <= index) seen.delivered.resize(index + 1000);
    ++seen.delivered[index];
    seen.ordered = seen.ordered && (number >= seen.last);
    seen.last = number;
  }
}

struct Reading {
  std::vector<std::uint64_t> numbers;
  std::uint64_t gaps = 0;
};
Reading read_some(Batch& batch, Model& model, bool may_cut) {
  Reading reading;
  const int keep = may_cut && model.chance(0, 5) == 0 ? model.chance(1, 20) : 1 << 30;
  RecordReader reader(batch);
  for (int each = 0; reader.next(); ++each) {
    if (each == keep) {
      reader.cut_before();
      break;
    }
    if (reader.record().kind() == RecordKind::gap) {
      reading.gaps += reader.record().gap().events;
    } else {
      reading.numbers.push_back(load<std::uint64_t>(reader.record().body().data()));
    }
  }
  return reading;
}

Task<void> random_worker(Channel& channel, Subscription& subscription, Model& model, Seen& seen,
                         bool holds, bool alone) {
  for (;;) {
    Take take{.bytes_max = static_cast<std::size_t>(model.chance(200, 30'000)),
              .events_max = static_cast<std::uint32_t>(model.chance(1, 200)),
              .linger = Duration(model.chance(0, 3) * 1000)};
    auto taken = co_await subscription.next(take);
    if (!taken) co_return;
    Batch batch = std::move(*taken);
    ++model.steps;
    const Reading reading = read_some(batch, model, alone);
    if (model.chance(0, 9) == 0) continue;  // given back unread
    batch.encoded();
    for (int delay = model.chance(0, 3); delay > 0; --delay) co_await yield();
    if (model.chance(0, 9) == 0) continue;  // delivery failed
    note(batch, seen);
    seen.gap_events += reading.gaps;
    note_delivered(reading.numbers, seen);
    if (!holds) {
      batch.commit();
      continue;
    }
    batch.hold();
    if (model.chance(0, 3) == 0) subscription.settle(subscription.written());
    if (channel.closed() || subscription.settling_is_urgent())
      subscription.settle(subscription.written());
  }
}

Task<void> settle_under_pressure(Subscription& subscription) {
  for (;;) {
    const auto rang = co_await subscription.pressure().wait();
    if (!rang) co_return;
    co_await yield();
    // It also rings when a batch was held: only some of those are settled here.
    if (subscription.settling_is_urgent()) subscription.settle(subscription.written());
  }
}

void run_model(unsigned seed, WhenFull when_full, std::uint64_t steps) {
  INFO("seed " << seed << " policy " << static_cast<int>(when_full));
  ChannelWorld world(
      {.capacity_bytes = small_ring, .when_full = when_full, .subscriptions_max = 3});
  Channel& channel = *world.channel;
  Model model;
  model.random.seed(seed);
  model.steps_max = steps;
  Seen alone, crowd, holding;
  Subscription& first = channel.subscribe("alone");
  Subscription& second = channel.subscribe("crowd");
  Subscription& third = channel.subscribe("holding");
  Scope scope(world.scheduler, "model");
  scope.spawn(random_worker(channel, first, model, alone, false, true));
  for (int worker = 0; worker < 4; ++worker)
    scope.spawn(random_worker(channel, second, model, crowd, false, false));
  scope.spawn(random_worker(channel, third, model, holding, true, true));
  scope.spawn(random_source(channel, model));
  Scope syncer(world.scheduler, "syncer");
  syncer.spawn(settle_under_pressure(third));
  std::uint64_t turns = 0;
  while (scope.tasks() > 0) {
    world.scheduler.turn(world.reactor.now() + 1us);
    REQUIRE(++turns < steps * 100);
    REQUIRE(channel.used() <= channel.capacity());
    REQUIRE(channel.custody() <= channel.head());
  }
  syncer.cancel();
  world.settle();
  third.settle(third.written());
  for (const Seen* seen : {&alone, &crowd, &holding}) {
    std::uint64_t delivered = 0;
    for (std::size_t number = 0; number < seen->delivered.size(); ++number) {
      REQUIRE(seen->delivered[number] <= 1);
      delivered += seen->delivered[number];
    }
    if (when_full == WhenFull::block) {
      CHECK(seen->gap_events == 0);
      CHECK(delivered == model.put);
    } else {
      CHECK(delivered + seen->gap_events == model.put);
    }
  }
  CHECK(alone.ordered);
  CHECK(holding.ordered);
  CHECK(channel.drained());
}

std::uint64_t model_steps() {
  const char* text = std::getenv("RUNNEL_MODEL_STEPS");
  return text == nullptr ? 200'000 : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("channel model: block") {
  for (unsigned seed = 1; seed <= 5; ++seed) run_model(seed, WhenFull::block, model_steps());
}
TEST_CASE("channel model: drop_newest") {
  for (unsigned seed = 1; seed <= 5; ++seed) run_model(seed, WhenFull::drop_newest, model_steps());
}
TEST_CASE("channel model: drop_oldest") {
  for (unsigned seed = 1; seed <= 5; ++seed) run_model(seed, WhenFull::drop_oldest, model_steps());
}
