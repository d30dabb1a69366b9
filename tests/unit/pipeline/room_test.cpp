// Goal: whoever waits for room gets some, whatever the others do; and no way of not using it leaves
// those who come next waiting.
// Method: putters as tasks over one small ring whose sink takes one batch when the test says so.
#include <cstdint>
#include <vector>

#include "async/sleep.hpp"
#include "tests/unit/pipeline/channel_world.hpp"

using namespace runnel;
using namespace runnel::async;
using namespace runnel::pipeline;
using namespace runnel::test;

namespace {

constexpr std::size_t body_bytes = 1000;

// A full ring, and a sink that empties a part of it.
struct FullRing {
  FullRing() : subscription(channel.subscribe("sink")) { fill(); }
  void fill() {
    std::vector<std::byte> body;
    Put put = channel.put();
    while (put.append(numbered(0, body, body_bytes)).ok()) {
    }
    put.commit();
  }
  void make_room(std::uint32_t events) {
    Scope taking(world.scheduler, "sink");
    Taken taken;
    taking.spawn(take_one(subscription, {.events_max = events, .linger = 0ns}, taken));
    world.settle();
    REQUIRE(taken.batch.has_value());
    taken.batch->commit();
    taken.batch.reset();
    world.settle();
  }
  ChannelWorld world{{.capacity_bytes = small_ring}};
  Channel& channel = *world.channel;
  Subscription& subscription;
};

struct Putter {
  std::size_t bytes = body_bytes;
  bool puts = true;  // false: gives its turn up unused
  bool lingers = false;
  Error ended = Error::none;
  std::uint64_t times_woken = 0;
  std::uint64_t events = 0;
};

Status put_what_fits(Channel& channel, const Turn& turn, Putter& putter) {
  std::vector<std::byte> body;
  Put put = channel.put(turn);
  Status status;
  while ((status = put.append(numbered(0, body, putter.bytes))).ok()) ++putter.events;
  put.commit();
  return status;
}

// Waits, puts what fits, and waits again.
Task<void> wait_and_put(Channel& channel, Putter& putter) {
  while (true) {
    Turn turn;
    const Status room = co_await channel.writable(record_bytes(0, putter.bytes), turn);
    if (!room) {
      putter.ended = room.error();
      co_return;
    }
    ++putter.times_woken;
    // Between its being woken and its putting, others run.
    if (putter.lingers) co_await yield();
    if (putter.puts) (void)put_what_fits(channel, turn, putter);
    turn.give_up();
    if (!putter.puts) co_return;
  }
}

}  // namespace

TEST_CASE("room: a source that never waits takes nothing from those who do") {
  FullRing ring;
  Scope scope(ring.world.scheduler, "test");
  Putter slow{.lingers = true};
  scope.spawn(wait_and_put(ring.channel, slow));
  ring.world.settle();
  Putter greedy;
  for (int round = 1; round <= 20; ++round) {
    CHECK(put_what_fits(ring.channel, Turn(), greedy).error() == Error::no_room);
    ring.make_room(8);
    CHECK(slow.events >= 8u * static_cast<unsigned>(round));
  }
  CHECK(greedy.events == 0);
  scope.cancel();
  ring.world.settle();
  // Nobody waits any more.
  ring.make_room(8);
  (void)put_what_fits(ring.channel, Turn(), greedy);
  CHECK(greedy.events >= 8);
}

TEST_CASE("room: it goes round among those who wait") {
  FullRing ring;
  Scope scope(ring.world.scheduler, "test");
  Putter putters[3];
  putters[1].lingers = true;
  for (Putter& each : putters) scope.spawn(wait_and_put(ring.channel, each));
  ring.world.settle();
  for (int round = 0; round < 30; ++round) ring.make_room(6);
  for (const Putter& each : putters) CHECK(each.times_woken == 10);
  scope.cancel();
  ring.world.settle();
}

TEST_CASE("room: a turn that is given up unused goes to the next") {
  FullRing ring;
  Scope scope(ring.world.scheduler, "test");
  Putter idle{.puts = false}, busy;
  scope.spawn(wait_and_put(ring.channel, idle));
  scope.spawn(wait_and_put(ring.channel, busy));
  ring.world.settle();
  ring.make_room(4);
  CHECK(idle.times_woken == 1);
  CHECK(busy.events >= 4);
  scope.cancel();
  ring.world.settle();
}

TEST_CASE("room: one that wants much and gives up lets those behind it go") {
  FullRing ring;
  Scope first(ring.world.scheduler, "first"), second(ring.world.scheduler, "second");
  Putter large{.bytes = 20'000}, small;
  first.spawn(wait_and_put(ring.channel, large));
  ring.world.settle();
  second.spawn(wait_and_put(ring.channel, small));
  ring.make_room(4);
  CHECK(small.events == 0);
  first.cancel();
  ring.world.settle();
  CHECK(large.ended == Error::cancelled);
  CHECK(small.events >= 4);
  second.cancel();
  ring.world.settle();
}

TEST_CASE("room: all who wait in one scope can be cancelled at once") {
  FullRing ring;
  Scope scope(ring.world.scheduler, "test");
  Putter large{.bytes = 20'000}, small[3];
  scope.spawn(wait_and_put(ring.channel, large));
  ring.world.settle();
  for (Putter& each : small) scope.spawn(wait_and_put(ring.channel, each));
  ring.world.settle();
  ring.make_room(4);
  // The end of the first wait wakes the second, in the middle of their being cancelled.
  scope.cancel();
  ring.world.settle();
  CHECK(large.ended == Error::cancelled);
  for (const Putter& each : small) CHECK(each.ended == Error::cancelled);
}
