// Goal: tasks, scopes, deadlines and cancellation keep their promises in every order of events.
// Method: a reactor whose time and completions the test decides; logs of what ran when.
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "async/frame_arena.hpp"
#include "async/notice.hpp"
#include "async/operations.hpp"
#include "async/recv_stream.hpp"
#include "async/sleep.hpp"
#include "async/task.hpp"
#include "tests/support/manual_reactor.hpp"

using namespace runnel;
using namespace runnel::async;

namespace {

struct World {
  alignas(std::max_align_t) std::byte frames[256 * 1024];
  FrameArena arena{MutableBytes(frames)};
  test::ManualReactor reactor;
  Scheduler scheduler{reactor};

  // Until nothing is ready; time stands still.
  void settle() {
    do scheduler.turn(reactor.now());
    while (!scheduler.idle());
  }
};

using Log = std::vector<std::string>;

Task<int> answer(int value) { co_return value; }
Task<int> add_slowly(Log& log, int a, int b) {
  co_await yield();
  log.push_back("adding");
  const int first = co_await answer(a);
  const int second = co_await answer(b);
  co_return first + second;
}
Task<void> sum_into(Log& log, int& into) {
  into = co_await add_slowly(log, 2, 3);
  log.push_back("done");
}
Task<void> many_answers(int count, std::int64_t& sum) {
  for (int each = 0; each < count; ++each) {
    const int value = co_await answer(each);
    sum += value;
  }
}
Task<void> read_once(io::Handle handle, Instant deadline, Result<std::uint32_t>& into) {
  static std::byte buffer[16];
  into = co_await recv(handle, buffer, deadline);
}
Task<void> sleep_once(Instant due, Status& into, bool& done) {
  into = co_await sleep_until(due);
  done = true;
}
Task<void> note_turn(Log& log, std::string name, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    log.push_back(name);
    co_await yield();
  }
}
Task<void> wait_for(Notice& notice, Instant deadline, Status& into, bool& done) {
  into = co_await notice.wait(deadline);
  done = true;
}
Task<void> cancel_other(Scope& other, bool& joined) {
  other.cancel();
  co_await other.join();
  joined = true;
}

}  // namespace

TEST_CASE("task: nested, synchronous and not") {
  World world;
  Scope scope(world.scheduler, "test");
  Log log;
  int sum = 0;
  std::int64_t total = 0;
  scope.spawn(sum_into(log, sum));
  scope.spawn(many_answers(100'000, total));  // no stack grows: each ends in place
  CHECK(log.empty());
  world.settle();
  CHECK(sum == 5);
  CHECK(total == 100'000LL * 99'999 / 2);
  CHECK(log == Log{"adding", "done"});
  CHECK(scope.tasks() == 0);
}

TEST_CASE("frame arena: frames are reused by class") {
  World world;
  Scope scope(world.scheduler, "test");
  std::int64_t total = 0;
  scope.spawn(many_answers(10, total));
  world.settle();
  const auto carved = world.arena.carved_bytes();
  for (int round = 0; round < 100; ++round) {
    scope.spawn(many_answers(10, total));
    world.settle();
  }
  CHECK(world.arena.carved_bytes() == carved);
}

TEST_CASE("scheduler: everybody ready gets one go a turn") {
  World world;
  Scope scope(world.scheduler, "test");
  Log log;
  scope.spawn(note_turn(log, "a", 3));
  scope.spawn(note_turn(log, "b", 3));
  world.settle();
  CHECK(log == Log{"a", "b", "a", "b", "a", "b"});
}

TEST_CASE("operation: completes, times out, or completes while being cancelled") {
  World world;
  Scope scope(world.scheduler, "test");
  Result<std::uint32_t> got = fail(Error::unexpected);
  const Instant deadline = world.reactor.now() + 5s;
  scope.spawn(read_once(io::Handle{7}, deadline, got));
  world.scheduler.turn(world.reactor.now());
  REQUIRE(world.reactor.submitted.size() == 1);
  io::Operation& operation = *world.reactor.submitted[0];
  CHECK(operation.verb == io::Verb::recv);

  SUBCASE("completes") {
    world.reactor.finish(operation, 12);
    world.settle();
    CHECK(got == 12);
    CHECK(world.scheduler.timers().nearest() == never);
  }
  SUBCASE("its deadline passes; the reactor agrees") {
    world.scheduler.turn();
    CHECK(world.reactor.now() == deadline);
    REQUIRE(world.reactor.cancelled.size() == 1);
    world.reactor.finish(operation, 0, Error::cancelled);
    world.settle();
    CHECK(got == fail(Error::timed_out));
  }
  SUBCASE("its deadline passes; the bytes were faster") {
    world.scheduler.turn();
    world.reactor.finish(operation, 3);
    world.settle();
    CHECK(got == 3);
  }
  SUBCASE("cancelled after the deadline in the same turn: one cause, one end") {
    world.scheduler.turn();
    scope.cancel();
    CHECK(world.reactor.cancelled.size() == 1);
    world.reactor.finish(operation, 0, Error::cancelled);
    world.settle();
    CHECK(got == fail(Error::timed_out));
  }
  SUBCASE("completed and cancelled in the same turn") {
    world.reactor.finish(operation, 5);
    world.scheduler.turn(world.reactor.now());
    scope.cancel();
    CHECK(world.reactor.cancelled.empty());
    world.settle();
    CHECK(got == 5);
  }
  CHECK(scope.tasks() == 0);
}

TEST_CASE("scope: cancel ends every wait, and those begun later") {
  World world;
  Scope scope(world.scheduler, "inner");
  Scope owner(world.scheduler, "owner");
  Notice notice;
  Status slept, rang, late;
  bool slept_done = false, rang_done = false, late_done = false, joined = false;
  scope.spawn(sleep_once(world.reactor.now() + 1h, slept, slept_done));
  scope.spawn(wait_for(notice, never, rang, rang_done));
  world.settle();
  owner.spawn(cancel_other(scope, joined));
  scope.spawn(sleep_once(world.reactor.now() + 1h, late, late_done));
  world.settle();
  CHECK(joined);
  CHECK(slept.error() == Error::cancelled);
  CHECK(rang.error() == Error::cancelled);
  CHECK(late.error() == Error::cancelled);
  CHECK((slept_done && rang_done && late_done));
  CHECK_FALSE(notice.awaited());
}

TEST_CASE("notice: rings for those who wait now") {
  World world;
  Scope scope(world.scheduler, "test");
  Notice notice;
  Status first, second;
  bool first_done = false, second_done = false;
  notice.ring();
  scope.spawn(wait_for(notice, never, first, first_done));
  scope.spawn(wait_for(notice, world.reactor.now() + 1s, second, second_done));
  world.settle();
  CHECK_FALSE(first_done);
  notice.ring();
  world.settle();
  CHECK((first_done && first.ok() && second_done && second.ok()));
  CHECK(world.scheduler.timers().nearest() == never);
}

TEST_CASE("timers: any order of adding, removing and firing") {
  struct Due : TimerNode {
    std::int64_t at = 0;
  };
  std::mt19937 random(7);
  Timers timers;
  std::vector<Due> nodes(500);
  for (int round = 0; round < 50; ++round) {
    std::size_t armed = 0;
    for (Due& node : nodes) {
      node.at = static_cast<std::int64_t>(random() % 1000);
      timers.add(node, instant_from_ns(node.at));
      ++armed;
    }
    for (std::size_t removals = 0; removals < 200; ++removals) {
      Due& node = nodes[random() % nodes.size()];
      armed -= node.armed() ? 1u : 0u;
      timers.remove(node);
    }
    std::int64_t last = -1;
    while (timers.nearest() != never) {
      const Instant now = timers.nearest();
      auto* due = static_cast<Due*>(timers.take_due(now));
      REQUIRE(due != nullptr);
      CHECK(due->at >= last);
      last = due->at;
      --armed;
    }
    CHECK(armed == 0);
  }
}

namespace {

struct StreamEnd {
  std::vector<std::string> got;
  Error error = Error::none;
};
Task<void> drain_stream(io::BufferPool& pool, Instant deadline, StreamEnd& end) {
  RecvStream stream(io::Verb::recv_stream, io::Handle{3}, pool);
  for (;;) {
    auto lease = co_await stream.next(deadline);
    if (!lease) {
      end.error = lease.error();
      break;
    }
    end.got.emplace_back(as_text((*lease)->bytes()));
  }
  co_await stream.stop();
}
void fill(io::StreamOperation& stream, std::size_t index, std::string_view text) {
  io::Buffer& buffer = stream.pool->buffers()[index];
  buffer.data = buffer.memory;
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(buffer.memory));
  buffer.size = static_cast<std::uint32_t>(text.size());
  buffer.state = io::Buffer::State::filled;
  stream.filled->push_back(buffer);
}

}  // namespace

TEST_CASE("recv stream: buffers in order, then why it ended; every buffer goes back") {
  World world;
  alignas(4096) static std::byte memory[64 * 1024];
  std::fill(std::begin(memory), std::end(memory), std::byte{});
  Region region = Region::over(memory);
  io::BufferPool pool = io::BufferPool::carve(region, 4, 1024, "buffers");
  Scope scope(world.scheduler, "test");
  StreamEnd end;
  scope.spawn(drain_stream(pool, world.reactor.now() + 10s, end));
  world.settle();
  REQUIRE(world.reactor.submitted.size() == 1);
  auto& stream = static_cast<io::StreamOperation&>(*world.reactor.submitted[0]);
  fill(stream, 0, "one");
  fill(stream, 1, "two");
  world.reactor.yielded(stream);
  world.settle();
  CHECK(end.got == std::vector<std::string>{"one", "two"});
  CHECK(world.reactor.recycled == 2);

  SUBCASE("the peer closes behind a last buffer") {
    fill(stream, 2, "three");
    world.reactor.finish(stream, 0, Error::closed);
    world.settle();
    CHECK(end.got.back() == "three");
    CHECK(end.error == Error::closed);
    CHECK(world.reactor.recycled == 3);
  }
  SUBCASE("idle for too long: stop waits until the reactor lets go, late buffers go back") {
    world.scheduler.turn();
    world.settle();
    CHECK(end.error == Error::timed_out);
    CHECK(scope.tasks() == 1);
    REQUIRE(world.reactor.cancelled.size() == 1);
    fill(stream, 3, "late");
    world.reactor.finish(stream, 0, Error::cancelled);
    world.settle();
    CHECK(end.got.size() == 2);
    CHECK(world.reactor.recycled == 3);
  }
  CHECK(scope.tasks() == 0);
}
