// Goal: `tail` loses no line and repeats none that it need not over restarts, kills, power cuts and
// failing disks, and says so when its checkpoint cannot be used.
// Method: several processes with the real source, one after the other, on one simulated machine;
// the test writes the logs in between.
#include "tests/sim/tail_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

// A process that reads so many lines and ends in order.
void read_in_one_life(LogWorld& world, std::size_t events) {
  TailRun tail(world.machine());
  tail.start_and_read(events);
  tail.end();
}

}  // namespace

TEST_CASE("tail: a restart goes on where custody ended, rotated files first") {
  LogWorld world;
  world.append("/log/a.log", "1\n2\n");
  read_in_one_life(world, 2);
  world.append("/log/a.log", "3\n");
  world.rename("/log/a.log", "/log/a.log.1");
  world.append("/log/a.log", "4\n");
  world.append("/log/b.log", "b\n");
  {
    TailRun tail(world.machine());
    tail.start_and_read(3);
    tail.process.run_for(1s);
    Bodies a;
    for (const auto& event : tail.process.seen)
      if (event.header("file") == "/log/a.log") a.push_back(event.body);
    CHECK(a == Bodies{"3", "4"});
    CHECK(tail.process.seen.size() == 3);
    tail.end();
  }
  TailRun tail(world.machine());
  tail.start();
  tail.process.run_for(5s);
  CHECK(tail.bodies().empty());
  tail.end();
}

TEST_CASE("tail: a new file with an old inode number is not taken for the old one") {
  LogWorld world;
  world.append("/log/a.log", "old one\nold two\n");
  const auto inode = world.files().find("/log/a.log");
  read_in_one_life(world, 2);
  world.unlink("/log/a.log");
  world.files().sync_all();
  world.append("/log/a.log", "new one, and longer than the old file was\n");
  CHECK(world.files().find("/log/a.log") == inode);
  TailRun tail(world.machine());
  tail.start_and_read(1);
  CHECK(tail.bodies() == Bodies{"new one, and longer than the old file was"});
  tail.end();
}

TEST_CASE("tail: start_at = end skips only what is there at the very first start") {
  LogWorld world;
  world.append("/log/a.log", "skipped\n");
  const TailRun::Options at_end{{"start_at", "end"}};
  {
    TailRun tail(world.machine(), at_end);
    tail.start();
    tail.process.run_for(2s);
    world.append("/log/b.log", "later file\n");
    tail.read(1);
    CHECK(tail.bodies() == Bodies{"later file"});
    tail.end();
  }
  world.append("/log/a.log", "read\n");
  world.append("/log/c.log", "appeared meanwhile\n");
  TailRun tail(world.machine(), at_end);
  tail.start_and_read(2);
  CHECK(sorted(tail.bodies()) == Bodies{"appeared meanwhile", "read"});
  tail.end();
}

TEST_CASE("tail: the checkpoint moves only behind custody") {
  LogWorld world;
  world.append("/log/a.log", "1\n2\n");
  {
    TailRun tail(world.machine());
    tail.start(false);
    tail.process.record(false);
    tail.read(2);
    tail.process.run_for(10s);
    tail.kill();
  }
  {
    TailRun tail(world.machine());
    tail.start_and_read(2);
    CHECK(tail.bodies() == Bodies{"1", "2"});
    tail.process.run_for(3s);
    tail.kill();
  }
  TailRun tail(world.machine());
  tail.start();
  tail.process.run_for(3s);
  CHECK(tail.bodies().empty());
  tail.end();
}

TEST_CASE("tail: a checkpoint that is damaged is kept aside, one of a later version refused") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  read_in_one_life(world, 1);
  const std::string good = *world.files().text(checkpoint);
  std::string bad = good;
  bad[bad.size() / 2] ^= 1;
  world.put(checkpoint, bad);
  world.put("/state/tail-test.checkpoint.damaged-1", "an earlier one");
  {
    TailRun tail(world.machine(), {{"start_at", "end"}});
    tail.start_and_read(1);
    tail.end();
  }
  CHECK(*world.files().text("/state/tail-test.checkpoint.damaged-1") == "an earlier one");
  CHECK(*world.files().text("/state/tail-test.checkpoint.damaged-2") == bad);

  const std::string later = "runnel tail checkpoint 2\nwho knows\n";
  world.put(checkpoint, later);
  {
    TailRun tail(world.machine());
    const auto started = tail.try_start();
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().text.find("later Runnel") != std::string::npos);
    tail.process.stop();
  }
  CHECK(*world.files().text(checkpoint) == later);
}

TEST_CASE("tail: killed or cut off at any moment, every line arrives, repeats are bounded") {
  int repeated = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    LogWorld world(seed, seed % 2 == 0 ? SimOptions::rough() : SimOptions::calm());
    Random random(seed);
    // What a destination would have after all runs: what was acknowledged, and maybe more.
    std::map<std::string, int> arrived;
    int written = 0;
    int rotations = 0;
    std::function<void()> write = [&] {
      const int lines = static_cast<int>(random.below(20));
      for (int line = 0; line < lines; ++line) world.append("/log/a.log", number(written++) + "\n");
      if (random.below(10) == 0 && lines > 0) {
        world.rename("/log/a.log", "/log/a.log." + std::to_string(++rotations));
        world.append("/log/a.log", number(written++) + "\n");
      }
      if (written < 2000) world.at(Duration(1ms) * static_cast<int>(1 + random.below(60)), write);
    };
    write();
    for (int run = 0; run < 6; ++run) {
      // The log itself survives, whatever happens to Runnel: what is in question is its state.
      TailRun tail(world.machine(), {{"checkpoint_interval", "100ms"}, {"paths", "/log/a.log*"}});
      tail.start();
      tail.process.run_for(Duration(1ms) * static_cast<int>(random.below(900)));
      const auto acknowledged = tail.bodies();
      tail.kill(false);
      for (const auto& body : acknowledged) ++arrived[body];
    }
    TailRun tail(world.machine(), {{"paths", "/log/a.log*"}});
    tail.start();
    REQUIRE(tail.process.run_until([&] { return written >= 2000; }, 200s));
    tail.process.run_for(5s);
    for (const auto& body : tail.bodies()) ++arrived[body];
    tail.end();
    int missing = 0;
    for (int line = 0; line < written; ++line) missing += arrived[number(line)] == 0 ? 1 : 0;
    CHECK(missing == 0);
    for (const auto& [body, times] : arrived) repeated += times > 1 ? 1 : 0;
  }
  CHECK(repeated > 0);
}

TEST_CASE("tail: a power cut at any moment leaves a whole checkpoint, or the one before") {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    LogWorld world(seed, SimOptions::rough());
    Random random(seed);
    world.append("/log/a.log", "first\n");
    world.files().sync_all();
    for (int life = 0; life < 3; ++life) {
      TailRun tail(world.machine(), {{"checkpoint_interval", "10ms"}});
      tail.start();
      for (int line = 0; line < 10; ++line) {
        world.append("/log/a.log", number(line) + "\n");
        tail.process.run_for(Duration(1ms) * static_cast<int>(random.below(30)));
      }
      tail.kill(true);
      found += world.files().exists(checkpoint) ? 1 : 0;
    }
    TailRun tail(world.machine());
    tail.start();
    tail.process.run_for(2s);
    CHECK_FALSE(world.files().exists("/state/tail-test.checkpoint.damaged-1"));
    tail.end();
  }
  CHECK(found > 20);
}

TEST_CASE("tail: a disk that is full or failing keeps no line from arriving") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.process.reactor.fail_next(io::Verb::write, Error::no_space, 3);
  tail.start_and_read(1);
  tail.process.run_for(10s);
  CHECK(tail.process.source_counters.errors == 3);
  const auto saved = world.files().text(checkpoint);
  REQUIRE(saved.has_value());
  CHECK(saved->find(" 2 /log/a.log") != std::string::npos);
  tail.end();
}

TEST_CASE("tail: a checkpoint whose folder cannot be synced is tried again and keeps no handle") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine(), {{"checkpoint_interval", "100ms"}});
  tail.start_and_read(1);
  tail.process.run_for(1s);
  const auto handles = tail.process.machine.open_handles();
  constexpr std::uint64_t failures = 100;
  for (std::uint64_t failed = 1; failed <= failures; ++failed) {
    world.append("/log/a.log", "more\n");
    // The file's own sync passes; what fails is that of its folder behind it.
    tail.process.reactor.fail_next(io::Verb::sync, Error::io, 1, 1);
    REQUIRE(
        tail.process.run_until([&] { return tail.process.source_counters.errors == failed; }, 10s));
  }
  CHECK(tail.process.machine.open_handles() == handles);
  // Every one of them had come as far as the rename, and the next save goes through.
  tail.process.run_for(1s);
  CHECK(tail.process.source_counters.errors == failures);
  CHECK(world.files().text(checkpoint)->find(concat(" ", 2 + failures * 5, " /log/a.log")) !=
        std::string::npos);
  tail.end();
}
