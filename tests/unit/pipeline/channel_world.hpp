// One channel with a scheduler that a test turns by hand, and what tests of it put and take.
#pragma once

#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "async/frame_arena.hpp"
#include "async/scope.hpp"
#include "async/task.hpp"
#include "pipeline/channel.hpp"
#include "tests/support/manual_reactor.hpp"

namespace runnel::test {

using async::Scheduler;
using async::Task;
using namespace pipeline;

inline constexpr std::size_t small_ring = 64 * 1024;

struct ChannelWorld {
  explicit ChannelWorld(const ChannelSettings& settings) : memory(4u << 20) {
    void* at = memory.data();
    std::size_t space = memory.size();
    std::align(Region::base_alignment, 2u << 20, at, space);
    Region region = Region::over({static_cast<std::byte*>(at), 2u << 20});
    carved = ChannelMemory::carve(region, settings);
    channel.emplace(scheduler, "main", settings, carved);
  }
  void settle() {
    do scheduler.turn(reactor.now());
    while (!scheduler.idle());
  }
  std::vector<std::byte> memory;
  alignas(std::max_align_t) std::byte frames[512 * 1024];
  async::FrameArena arena{MutableBytes(frames)};
  ManualReactor reactor;
  Scheduler scheduler{reactor};
  ChannelMemory carved;
  std::optional<Channel> channel;
};

inline Event numbered(std::uint64_t number, std::vector<std::byte>& body, std::size_t size) {
  body.resize(std::max<std::size_t>(size, 8));
  store(body.data(), number);
  Event event;
  event.time = Time{static_cast<std::int64_t>(number), true};
  event.body = body;
  return event;
}

inline std::vector<std::uint64_t> numbers_in(const Batch& batch) {
  std::vector<std::uint64_t> numbers;
  RecordReader reader(batch);
  while (reader.next())
    if (reader.record().kind() == RecordKind::event)
      numbers.push_back(load<std::uint64_t>(reader.record().body().data()));
  return numbers;
}

inline void put_all(Channel& channel, std::uint64_t from, std::uint64_t until,
                    std::size_t size = 100) {
  std::vector<std::byte> body;
  Put put = channel.put();
  for (std::uint64_t number = from; number < until; ++number)
    REQUIRE(put.append(numbered(number, body, size)).ok());
  put.commit();
}

struct Taken {
  bool done = false;
  Error error = Error::none;
  std::vector<std::uint64_t> numbers;
  std::optional<Batch> batch;
};
inline Task<void> take_one(Subscription& subscription, Take take, Taken& taken) {
  auto batch = co_await subscription.next(take);
  taken.done = true;
  if (!batch) {
    taken.error = batch.error();
    co_return;
  }
  taken.numbers = numbers_in(*batch);
  taken.batch.emplace(std::move(*batch));
}

}  // namespace runnel::test
