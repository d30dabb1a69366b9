// Goal: what the swarm has found stays found: each of these was a failing seed.
// Method: the shortest way to the same state, with the real components in a simulated process.
#include <algorithm>
#include <set>

#include "sources/tail/tail.hpp"
#include "tests/sim/source_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

std::vector<std::string> sorted(std::vector<std::string> bodies) {
  std::sort(bodies.begin(), bodies.end());
  return bodies;
}

void end(SourceProcess& process) {
  CHECK(process.stop_source(5s));
  process.complete(process.source->finish());
  process.stop();
}

}  // namespace

TEST_CASE("tail: a file that is rotated between being met and being opened is read once") {
  SimOptions options;
  options.entry_latency = {50ms, 50ms};
  SimWorld world(1, options);
  SimFiles& files = world.machine().files();
  REQUIRE(files.make_folders("/log").ok());
  REQUIRE(files.put("/log/a.log", "one\n").ok());
  SourceProcess process(world.machine(), sources::tail_type, {{"paths", "/log/*.log*"}});
  process.run();
  process.record();
  // It is being opened now.
  process.run_for(10ms);
  REQUIRE(files.rename("/log/a.log", "/log/a.log.1", false).ok());
  REQUIRE(files.put("/log/a.log", "two\n").ok());
  process.run_for(5s);
  REQUIRE(files.append("/log/a.log", "three\n").ok());
  process.run_for(5s);
  CHECK(sorted(process.bodies()) == std::vector<std::string>{"one", "three", "two"});
  end(process);
}

TEST_CASE("tail: the rest of a rotated file survives an error of the disk") {
  SimWorld world(1);
  SimFiles& files = world.machine().files();
  REQUIRE(files.make_folders("/log").ok());
  REQUIRE(files.put("/log/a.log", "one\n").ok());
  for (const bool deleted : {false, true}) {
    CAPTURE(deleted);
    SourceProcess process(world.machine(), sources::tail_type, {{"paths", "/log/*.log"}});
    process.run();
    process.record();
    REQUIRE(process.run_until([&] { return process.seen.size() == 1; }));
    process.reactor.fail_next(io::Verb::read, Error::io);
    REQUIRE(files.append("/log/a.log", "two\n").ok());
    if (deleted)
      REQUIRE(files.unlink("/log/a.log").ok());
    else
      REQUIRE(files.rename("/log/a.log", "/log/a.old", false).ok());
    process.run_for(3min);
    CHECK(process.bodies() == std::vector<std::string>{"one", "two"});
    end(process);
    REQUIRE(files.put("/log/a.log", "one\n").ok());
  }
}

TEST_CASE("tail: after a start the files of a log are read in the order of their writing") {
  for (const bool known : {false, true}) {
    CAPTURE(known);
    SimWorld world(1);
    SimFiles& files = world.machine().files();
    REQUIRE(files.make_folders("/log").ok());
    REQUIRE(files.make_folders("/state").ok());
    const OptionTexts values = {{"paths", "/log/*.log*"}, {"read_bytes", "4KiB"}};
    const auto lines = [](int from) {
      std::string text;
      for (int number = from; number < from + 1000; ++number)
        text += "line " + std::to_string(number) + "\n";
      return text;
    };
    REQUIRE(files.put("/log/a.log", lines(1000)).ok());
    if (known) {
      // It had been met, and nothing more.
      SourceProcess before(world.machine(), sources::tail_type, values);
      before.run();
      before.run_for(5s);
      end(before);
    }
    // Rotated twice while nobody looked. What lies last in the folder was written first.
    for (int number = 2; number < 4; ++number) {
      world.run_for(1s);
      if (number == 3) REQUIRE(files.rename("/log/a.log.1", "/log/a.log.2", false).ok());
      REQUIRE(files.rename("/log/a.log", "/log/a.log.1", false).ok());
      REQUIRE(files.put("/log/a.log", lines(number * 1000)).ok());
    }
    SourceProcess process(world.machine(), sources::tail_type, values);
    process.run();
    process.record();
    REQUIRE(process.run_until([&] { return process.seen.size() == 3000; }, 60s));
    const auto bodies = process.bodies();
    CHECK(std::is_sorted(bodies.begin(), bodies.end()));
    end(process);
  }
}

TEST_CASE("channel: what was dropped last is said although nothing is left to read") {
  SimWorld world(1);
  pipeline::ChannelSettings settings;
  settings.capacity_bytes = pipeline::channel_capacity_min;
  settings.when_full = pipeline::WhenFull::drop_newest;
  PipelineProcess process(world.machine(), settings);
  // Taken and written, but not durable: the ring is full, and there is nothing unread.
  process.record(false);
  const std::string body(1000, 'x');
  while (process.channel->counters().dropped_events == 0) {
    process.put(body);
    process.run_for(2ms);
  }
  process.channel->close();
  process.run_for(10ms);
  CHECK(process.tasks() == 0);
  CHECK(process.gap_events == process.channel->counters().dropped_events);
  process.acknowledge_all();
  process.stop();
}

TEST_CASE("subscription: a batch in hand is told that it was withdrawn by a rewind") {
  SimWorld world(1);
  PipelineProcess process(world.machine());
  process.record(false);
  process.put("one");
  process.run_for(10ms);
  const std::uint64_t before = process.subscription->rewinds();
  CHECK(process.subscription->rewind_to_watermark());
  CHECK(process.subscription->rewinds() == before + 1);
  process.run_for(10ms);
  CHECK(process.bodies() == std::vector<std::string>{"one", "one"});
  process.acknowledge_all();
  process.stop();
}

// What was looked at was nothing, what was read was one content, and the next one was taken for it.
TEST_CASE("tail: a file that is emptied and filled twice between two looks is read anew") {
  SimOptions options;
  options.read_latency = {50ms, 50ms};
  const auto lines = [](char of, int count) {
    std::string text;
    for (int number = 0; number < count; ++number)
      text += std::string(1, of) + " line " + std::to_string(100 + number) + "\n";
    return text;
  };
  for (int first = 1; first < 120; first += 12) {
    for (int second = 1; second < 180; second += 12) {
      CAPTURE(first);
      CAPTURE(second);
      SimWorld world(1, options);
      SimFiles& files = world.machine().files();
      REQUIRE(files.make_folders("/log").ok());
      REQUIRE(files.put("/log/a.log", lines('a', 20)).ok());
      SourceProcess process(world.machine(), sources::tail_type, {{"paths", "/log/*.log"}});
      process.run();
      process.record();
      process.run_for(2s);
      REQUIRE(files.append("/log/a.log", "a line more\n").ok());
      process.run_for(first * 1ms);
      const Inode inode = files.find("/log/a.log").value();
      REQUIRE(files.truncate(inode, 0).ok());
      process.run_for(second * 500us);
      REQUIRE(files.append("/log/a.log", lines('b', 10)).ok());
      process.run_for(second * 500us);
      REQUIRE(files.truncate(inode, 0).ok());
      REQUIRE(files.append("/log/a.log", lines('c', 30)).ok());
      process.run_for(5s);
      // Some may come twice: what was read in the middle was read before anybody looked.
      std::set<std::string> of_c;
      for (const std::string& body : process.bodies())
        if (body.size() == 10 && body.starts_with("c line ")) of_c.insert(body);
      CHECK(of_c.size() == 30);
      end(process);
    }
  }
}

// Both positions were kept, and when the file was rotated the wrong one was taken up.
TEST_CASE("tail: the position of a file that is gone makes way for its inode's next owner") {
  SimWorld world(1);
  SimFiles& files = world.machine().files();
  REQUIRE(files.make_folders("/log").ok());
  REQUIRE(files.make_folders("/state").ok());
  const auto live = [&](std::vector<std::string> expected) {
    SourceProcess process(world.machine(), sources::tail_type,
                          {{"paths", "/log/*.log"}, {"close_idle_after", "1s"}});
    process.run();
    process.record();
    process.run_for(5s);
    CHECK(sorted(process.bodies()) == expected);
    end(process);
  };
  REQUIRE(files.put("/log/a.log", "one\ntwo\n").ok());
  live({"one", "two"});
  const Inode before = files.find("/log/a.log").value();
  REQUIRE(files.unlink("/log/a.log").ok());
  const Inode folder = files.find("/log").value();
  files.finish_sync(folder, files.begin_sync(folder));
  REQUIRE(files.put("/log/a.log", "three\n").ok());
  REQUIRE(files.find("/log/a.log").value() == before);
  live({"three"});
  REQUIRE(files.append("/log/a.log", "four\n").ok());
  REQUIRE(files.rename("/log/a.log", "/log/a.log.1", false).ok());
  REQUIRE(files.put("/log/a.log", "five\n").ok());
  live({"five", "four"});
}
