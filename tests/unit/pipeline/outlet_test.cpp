// Goal: a put into several channels is all or nothing, whatever their policies and sizes.
// Method: two channels of different size and policy, filled past the end of the smaller.
#include "pipeline/outlet.hpp"

#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include "async/frame_arena.hpp"
#include "tests/support/manual_reactor.hpp"
#include "tests/unit/pipeline/channel_world.hpp"

using namespace runnel;
using namespace runnel::pipeline;

namespace {

struct Ring {
  Ring(async::Scheduler& scheduler, std::size_t capacity, WhenFull when_full)
      : memory(capacity + 64 * 1024) {
    const ChannelSettings settings{.capacity_bytes = capacity, .when_full = when_full};
    void* at = memory.data();
    std::size_t space = memory.size();
    std::align(Region::base_alignment, capacity + 32 * 1024, at, space);
    Region region = Region::over({static_cast<std::byte*>(at), capacity + 32 * 1024});
    channel = std::make_unique<Channel>(scheduler, "ring", settings,
                                        ChannelMemory::carve(region, settings));
    channel->subscribe("sink");
  }
  std::vector<std::byte> memory;
  std::unique_ptr<Channel> channel;
};

struct Both {
  Both(WhenFull first_policy, WhenFull second_policy)
      : first(scheduler, 256 * 1024, first_policy), second(scheduler, 64 * 1024, second_policy) {
    outlet.connect(*first.channel);
    outlet.connect(*second.channel);
  }
  // Appends until it is refused or `count` are in; returns how many.
  int fill(OutletPut& put, int count) {
    Event event;
    event.body = body;
    for (int each = 0; each < count; ++each)
      if (!put.append(event)) return each;
    return count;
  }
  test::ManualReactor reactor;
  async::Scheduler scheduler{reactor};
  Ring first, second;
  SourceCounters counters;
  Outlet outlet{7, counters};
  std::vector<std::byte> body = std::vector<std::byte>(1000);
};

}  // namespace

TEST_CASE("outlet: what one channel has no room for goes into none") {
  Both both(WhenFull::block, WhenFull::block);
  pipeline::Turn turn;
  OutletPut put = both.outlet.put(turn);
  const int taken = both.fill(put, 1000);
  CHECK(taken == 64 * 1024 / static_cast<int>(record_bytes(0, 1000)));
  put.commit();
  CHECK(both.first.channel->counters().put_events == static_cast<std::uint64_t>(taken));
  CHECK(both.second.channel->counters().put_events == static_cast<std::uint64_t>(taken));
}

TEST_CASE("outlet: a small ring that drops its oldest refuses only what its own put fills") {
  Both both(WhenFull::block, WhenFull::drop_oldest);
  for (int round = 0; round < 3; ++round) {
    pipeline::Turn turn;
    OutletPut put = both.outlet.put(turn);
    CHECK(both.fill(put, 60) == 60);
    const Receipt receipt = put.commit();
    CHECK(receipt.positions[0] == both.first.channel->head());
    CHECK_FALSE(both.outlet.in_custody(receipt));
  }
  CHECK(both.second.channel->counters().dropped_events > 0);
  CHECK(both.first.channel->counters().dropped_events == 0);
  pipeline::Turn turn;
  OutletPut put = both.outlet.put(turn);
  CHECK(both.fill(put, 1000) < 70);
  put.commit();
}

TEST_CASE("outlet: what is too large for any channel is rejected, counted, and put nowhere") {
  Both both(WhenFull::block, WhenFull::drop_newest);
  std::vector<std::byte> large(40 * 1024);
  Event event;
  event.body = large;
  pipeline::Turn turn;
  OutletPut put = both.outlet.put(turn);
  CHECK(put.append(event).ok());
  put.commit();
  CHECK(both.counters.rejected_events == 1);
  CHECK(both.counters.received_events == 0);
  CHECK(both.first.channel->used() == 0);
}

// With the turn given up in the one that was full, another took what had come free, again and
// again: one of them starved.
TEST_CASE("outlet: room in one of its channels goes round, though there is a second one") {
  std::vector<std::byte> frames(512 * 1024);
  const async::FrameArena arena{MutableBytes(frames)};
  Both both(WhenFull::block, WhenFull::block);
  // The first of their channels is the one that fills: it is the smaller.
  Outlet of_small(8, both.counters), of_large(9, both.counters);
  for (Outlet* each : {&of_small, &of_large}) {
    each->connect(*both.second.channel);
    each->connect(*both.first.channel);
  }
  struct Putter {
    static async::Task<void> put_on(Outlet& outlet, Bytes body, std::uint64_t& bytes) {
      Turn turn;
      while (true) {
        Event event;
        event.body = body;
        const Status room = co_await outlet.writable(record_bytes(event), turn);
        if (!room) co_return;
        OutletPut put = outlet.put(turn);
        while (put.append(event).ok()) bytes += body.size();
        put.commit();
      }
    }
  };
  std::uint64_t small = 0, large = 0;
  async::Scope scope(both.scheduler, "test");
  const Bytes body(both.body);
  scope.spawn(Putter::put_on(of_small, body.first(100), small));
  scope.spawn(Putter::put_on(of_large, body.first(1000), large));
  const auto settle = [&] {
    do both.scheduler.turn(both.reactor.now());
    while (!both.scheduler.idle());
  };
  settle();
  small = large = 0;
  for (int round = 0; round < 100; ++round) {
    for (Channel* channel : {both.first.channel.get(), both.second.channel.get()}) {
      test::Taken taken;
      async::Scope sink(both.scheduler, "sink");
      sink.spawn(test::take_one(channel->subscriptions()[0],
                                {.bytes_max = 5000, .linger = Duration::zero()}, taken));
      settle();
      REQUIRE(taken.batch.has_value());
      taken.batch->commit();
      taken.batch.reset();
      settle();
    }
  }
  CHECK(small > large / 8);
  CHECK(large > small / 8);
  scope.cancel();
  settle();
}
