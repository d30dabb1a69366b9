// Goal: `tail` keeps its promises when there is more than it can take or nothing at all: full
// channels, more files than slots, a folder that tells no changes; under --once it ends, and when
// nothing happens it sleeps.
// Method: the real source in a simulated process on simulated files; turns of the scheduler are
// counted.
#include "tests/sim/tail_world.hpp"

using namespace runnel;
using namespace runnel::sim;

TEST_CASE("tail: a channel that is full holds the source back, and nothing is lost") {
  LogWorld world;
  world.append("/log/a.log", numbered(0, 20'000));
  TailRun tail(world.machine(), {}, false, 256 * 1024);
  tail.start(false);
  tail.process.run_for(20s);
  CHECK(tail.process.source_counters.received_events < 20'000);
  // It is not busy while it waits: once a checkpoint_interval it looks for custody.
  CHECK(tail.turns_in(60s) < 70);
  tail.process.record();
  tail.read(20'000);
  CHECK(tail.in_order(20'000));
  tail.end();
}

TEST_CASE("tail: a reader that lags by several rotations reads the files one after the other") {
  LogWorld world;
  constexpr int lines = 5000;
  int written = 0;
  const auto write = [&] {
    world.append("/log/a.log", numbered(written, written + lines));
    written += lines;
  };
  write();
  TailRun tail(world.machine(), {}, false, 64 * 1024);
  tail.start(false);  // the channel fills, and nothing is taken out
  for (int rotations = 1; rotations <= 3; ++rotations) {
    tail.process.run_for(5s);
    for (int older = rotations - 1; older > 0; --older) {
      const std::string from = "/log/a.log." + std::to_string(older);
      const std::string to = "/log/a.log." + std::to_string(older + 1);
      world.rename(from, to);
    }
    world.rename("/log/a.log", "/log/a.log.1");
    write();
  }
  tail.process.run_for(5s);
  tail.process.record();
  tail.read(static_cast<std::size_t>(written));
  CHECK(tail.in_order(written));
  tail.end();
}

TEST_CASE("tail: checkpoints are written while the channel is full") {
  LogWorld world;
  world.append("/log/a.log", numbered(0, 20'000));
  TailRun tail(world.machine(), {}, false, 256 * 1024);
  tail.start(false);
  tail.process.run_for(2s);
  // Some batches leave, then nothing more: the rest of the file stays out.
  bool taken = false;
  const auto take_one = [](pipeline::Subscription& from, bool& done) -> async::Task<void> {
    pipeline::Take take;
    auto got = co_await from.next(take);
    pipeline::Batch batch = std::move(*got);
    batch.commit();
    done = true;
  };
  while (tail.process.source_counters.received_events < 10'000) {
    taken = false;
    tail.process.spawn(take_one(*tail.process.subscription, taken));
    REQUIRE(tail.process.run_until([&] { return taken; }));
    tail.process.run_for(10ms);
  }
  tail.process.run_for(5s);
  CHECK(tail.process.source_counters.received_events < 20'000);
  const auto saved = world.files().text(checkpoint);
  REQUIRE(saved.has_value());
  CHECK(saved->find("/log/a.log") != std::string::npos);
  CHECK(saved->find(" 0 /log/a.log") == std::string::npos);
  tail.process.record();
  REQUIRE(tail.process.run_until(
      [&] { return tail.process.source_counters.received_events == 20'000; }));
  tail.end();
}

TEST_CASE("tail: --once reads to the size at start, flushes the partial line, and ends") {
  LogWorld world;
  world.append("/log/a.log", "1\n2\npartial");
  world.append("/log/empty.log", "");
  {
    TailRun tail(world.machine(), {}, true);
    tail.start();
    REQUIRE(tail.wait_for_end(10s));
    tail.read(3);
    CHECK(tail.bodies() == Bodies{"1", "2", "partial"});
    tail.end();
  }
  {
    TailRun tail(world.machine(), {}, true);
    tail.start();
    REQUIRE(tail.wait_for_end(10s));
    tail.process.run_for(1s);
    CHECK(tail.bodies().empty());
    tail.end();
  }
  // A file that grows for ever does not keep it from its end.
  TailRun tail(world.machine(), {}, true);
  const auto started = tail.try_start();
  REQUIRE(started.has_value());
  tail.process.record();
  std::function<void()> grow = [&] {
    world.append("/log/a.log", "more\n");
    world.append("/log/new.log", "more\n");
    if (!tail.ended) world.at(1ms, grow);
  };
  grow();
  tail.process.spawn(tail.run());
  CHECK(tail.wait_for_end(10s));
  tail.end();
}

TEST_CASE("tail: --once with nothing to read ends at once") {
  LogWorld world;
  TailRun tail(world.machine(), {{"paths", "/nowhere/*.log"}}, true);
  tail.start();
  CHECK(tail.wait_for_end(1s));
  tail.end();
}

TEST_CASE("tail: idle means asleep") {
  LogWorld world;
  for (int file = 0; file < 50; ++file)
    world.append("/log/" + std::to_string(file) + ".log", "x\n");
  TailRun tail(world.machine());
  tail.start_and_read(50);
  tail.process.run_for(6min);  // checkpoints are written, handles closed
  CHECK(tail.process.machine.open_handles() == 1);
  CHECK(tail.turns_in(24h) <= 2);
  world.append("/log/7.log", "awake\n");
  tail.read(51, 1s);
  CHECK(tail.bodies().back() == "awake");
  tail.end();
}

TEST_CASE("tail: where changes are not told it polls") {
  LogWorld world;
  world.machine().watching_works = false;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.start_and_read(1);
  world.append("/log/a.log", "2\n");
  tail.read(2, 2s);
  world.append("/log/a.log", "3\n");
  world.rename("/log/a.log", "/log/a.log.1");
  world.append("/log/a.log", "4\n");
  world.append("/log/b.log", "5\n");
  tail.read(5, 3s);
  world.put("/log/b.log", "6 and more than there was\n");
  tail.read(6, 3s);
  Bodies seen = tail.bodies();
  CHECK(std::find(seen.begin(), seen.end(), "3") < std::find(seen.begin(), seen.end(), "4"));
  tail.end();
}

TEST_CASE("tail: changes that the kernel dropped are made good") {
  SimOptions options = SimOptions::calm();
  options.watch_queue_max = 4;
  LogWorld world(1, options);
  TailRun tail(world.machine());
  tail.start();
  tail.process.run_for(1s);
  for (int file = 0; file < 100; ++file)
    world.append("/log/" + std::to_string(file) + ".log", "x\n");
  CHECK(tail.wait_for(100, 5s));
  tail.end();
}

TEST_CASE(
    "tail: more files than files_max: the most recently written ones, others when there is room") {
  LogWorld world;
  for (int file = 0; file < 6; ++file) {
    world.append("/log/" + std::to_string(file) + ".log", number(file) + "\n");
    world.world.run_for(1s);
  }
  TailRun tail(world.machine(), {{"files_max", "3"}});
  tail.start_and_read(3);
  tail.process.run_for(1s);
  CHECK(sorted(tail.bodies()) == Bodies{"line 3", "line 4", "line 5"});
  world.unlink("/log/4.log");
  tail.read(4, 10s);
  tail.end();
}

TEST_CASE("tail: a thousand files share the loop") {
  LogWorld world;
  std::string big;
  for (int line = 0; line < 100'000; ++line) big += "big line that is long enough to matter\n";
  world.append("/log/0big.log", big);
  for (int file = 0; file < 1000; ++file)
    world.append("/log/s" + std::to_string(file) + ".log", "small\n");
  TailRun tail(world.machine(), {{"files_max", "1100"}});
  tail.start();
  const auto small = [&] {
    return std::count_if(tail.process.seen.begin(), tail.process.seen.end(),
                         [](const SeenEvent& event) { return event.body == "small"; });
  };
  REQUIRE(tail.process.run_until([&] { return small() == 1000; }, 60s));
  // The big one has had its share, not more.
  CHECK(tail.process.seen.size() < 50'000);
  tail.read(101'000);
  tail.end();
}
