// Goal: `tail` loses no line and repeats none that it need not: through rotation, truncation, long
// and partial lines, full channels, restarts, kills and power cuts; and it sleeps when nothing
// happens.
// Method: the real source in a simulated process on simulated files; the test is the writer of the
// logs and the reader of the channel.
#include "sources/tail/tail.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include "tests/sim/pipeline_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

using Bodies = std::vector<std::string>;

// One run of the source: options, process, source.
struct TailRun {
  using Options = std::map<std::string, std::string>;

  explicit TailRun(SimMachine& machine, const Options& chosen = {}, bool once = false,
                   std::size_t capacity = 1u << 20)
      : owned(std::make_unique<PipelineProcess>(machine, channel_settings(capacity), once)),
        process(*owned) {
    pipeline::OptionValues values;
    values.set("paths", Bodies{"/log/*.log"});
    for (const auto& [name, text] : chosen) {
      const auto& table = sources::tail_type.options;
      const auto option =
          std::find_if(table.begin(), table.end(),
                       [&, key = name](const auto& each) { return each.name == key; });
      REQUIRE(option != table.end());
      auto value = pipeline::parse_option(*option, text);
      REQUIRE(value.has_value());
      values.set(name, *value);
    }
    pipeline::fill_standard(sources::tail_type.options, values);
    auto made = sources::tail_type.plan(values);
    REQUIRE(made.has_value());
    plan = std::move(*made);
    source = process.build(*plan, *process.source_context);
  }
  ~TailRun() {
    if (!killed) source->~Source();
  }
  static pipeline::ChannelSettings channel_settings(std::size_t capacity) {
    pipeline::ChannelSettings settings;
    settings.capacity_bytes = capacity;
    return settings;
  }

  pipeline::Started try_start() { return process.complete(source->start()); }
  TailRun& start(bool record = true) {
    const auto started = try_start();
    REQUIRE(started.has_value());
    if (record) process.record();
    process.spawn(run());
    return *this;
  }
  async::Task<void> run() {
    co_await source->run();
    ended = true;
  }
  bool wait_for(std::size_t events, Duration limit = 30s) {
    return process.run_until([&] { return process.seen.size() >= events; }, limit);
  }
  void end() {
    process.stop_request.request();
    REQUIRE(process.run_until([&] { return ended; }, 5s));
    process.run_for(10ms);
    process.complete(source->finish());
    process.channel->close();
    process.stop();
    CHECK(process.machine.open_handles() == 0);
  }
  void kill(bool power_loss = false) {
    static auto& buried = *new std::vector<PipelineProcess*>;
    process.kill(power_loss);
    process.bury();
    buried.push_back(owned.release());
    killed = true;
  }
  Bodies bodies() const { return process.bodies(); }
  std::uint64_t turns_in(Duration time) {
    const auto before = process.scheduler->turns();
    process.run_for(time);
    return process.scheduler->turns() - before;
  }

  std::unique_ptr<PipelineProcess> owned;
  PipelineProcess& process;
  std::unique_ptr<pipeline::SourcePlan> plan;
  pipeline::Source* source = nullptr;
  bool ended = false;
  bool killed = false;
};

struct LogWorld {
  explicit LogWorld(std::uint64_t seed = 1, const SimOptions& options = SimOptions::calm())
      : world(seed, options) {
    REQUIRE(files().make_folders("/log").ok());
    REQUIRE(files().make_folders("/state").ok());
  }
  SimMachine& machine() { return world.machine(); }
  SimFiles& files() { return machine().files(); }
  void append(const char* path, std::string_view text) { REQUIRE(files().append(path, text).ok()); }
  void rename(const char* from, const char* to) { REQUIRE(files().rename(from, to, false).ok()); }
  void at(Duration later, std::function<void()> deed) {
    world.at(after(world.now(), later), std::move(deed));
  }

  SimWorld world;
};

constexpr const char* checkpoint = "/state/tail-test.checkpoint";

std::string number(int n) { return "line " + std::to_string(n); }

}  // namespace

TEST_CASE("tail: lines come in order, with their file, empty ones too, bytes as they are") {
  LogWorld world;
  const std::string binary("a\0b\xff\r\n", 6);
  world.append("/log/a.log", "one\n\n\ntwo\n" + binary);
  world.append("/log/other.txt", "not for us\n");
  TailRun tail(world.machine());
  tail.start();
  REQUIRE(tail.wait_for(5));
  CHECK(tail.bodies() == Bodies{"one", "", "", "two", std::string("a\0b\xff\r", 5)});
  CHECK(tail.process.seen[0].header("file") == "/log/a.log");
  world.append("/log/a.log", "three\nfou");
  world.append("/log/b.log", "new\n");
  REQUIRE(tail.wait_for(7));
  world.append("/log/a.log", "r\n");
  REQUIRE(tail.wait_for(8));
  CHECK(tail.bodies().back() == "four");
  CHECK(tail.process.source_counters.received_events == 8);
  tail.end();
}

TEST_CASE("tail: no header when none is wanted") {
  LogWorld world;
  world.append("/log/a.log", "one\n");
  TailRun tail(world.machine(), {{"header", ""}});
  tail.start();
  REQUIRE(tail.wait_for(1));
  CHECK(tail.process.seen[0].headers.empty());
  tail.end();
}

TEST_CASE("tail: rotation by rename reads the rest of the old file before the new one") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.start();
  REQUIRE(tail.wait_for(1));
  // All within one moment: the source sees it afterwards.
  world.append("/log/a.log", "2\n");
  world.rename("/log/a.log", "/log/a.log.1");
  world.append("/log/a.log", "4\n");
  world.append("/log/a.log.1", "3\n");
  REQUIRE(tail.wait_for(4));
  CHECK(tail.bodies() == Bodies{"1", "2", "3", "4"});
  CHECK(tail.process.seen[2].header("file") == "/log/a.log");
  // A writer that has not opened the new file yet.
  world.append("/log/a.log.1", "late\n");
  REQUIRE(tail.wait_for(5));
  CHECK(tail.process.seen[4].header("file") == "/log/a.log");
  tail.process.run_for(10min);
  CHECK(tail.process.machine.open_handles() <= 2);
  tail.end();
}

TEST_CASE("tail: a rotated file whose new name matches too is not read again") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine(), {{"paths", "/log/a.log*"}});
  tail.start();
  REQUIRE(tail.wait_for(1));
  for (int round = 2; round < 30; ++round) {
    world.append("/log/a.log", std::to_string(round) + "\n");
    if (round % 3 == 0) {
      if (world.files().exists("/log/a.log.1")) world.rename("/log/a.log.1", "/log/a.log.2");
      world.rename("/log/a.log", "/log/a.log.1");
    }
    if (round % 2 == 0) tail.process.run_for(5ms);
  }
  tail.process.run_for(1s);
  Bodies seen = tail.bodies();
  Bodies wanted;
  for (int line = 1; line < 30; ++line) wanted.push_back(std::to_string(line));
  std::sort(seen.begin(), seen.end());
  std::sort(wanted.begin(), wanted.end());
  CHECK(seen == wanted);
  tail.end();
}

TEST_CASE("tail: copytruncate, also when the file is longer again than before") {
  LogWorld world;
  world.append("/log/a.log", "1 old\n2 old\n");
  TailRun tail(world.machine());
  tail.start();
  REQUIRE(tail.wait_for(2));
  REQUIRE(world.files().put("/log/a.log", "3\n").ok());
  REQUIRE(tail.wait_for(3));
  REQUIRE(world.files().put("/log/a.log", "4 this is longer than anything before\n5\n").ok());
  REQUIRE(tail.wait_for(5));
  CHECK(tail.bodies() ==
        Bodies{"1 old", "2 old", "3", "4 this is longer than anything before", "5"});
  tail.end();
}

TEST_CASE("tail: a deleted file is read to its end, also its last partial line, then let go") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.start();
  REQUIRE(tail.wait_for(1));
  world.append("/log/a.log", "2\npartial");
  REQUIRE(world.files().unlink("/log/a.log").ok());
  REQUIRE(tail.wait_for(3));
  CHECK(tail.bodies() == Bodies{"1", "2", "partial"});
  tail.process.run_for(10s);
  CHECK(tail.process.machine.open_handles() == 1);  // the watcher
  world.append("/log/a.log", "again\n");
  REQUIRE(tail.wait_for(4));
  tail.end();
}

TEST_CASE("tail: patterns of folders, and folders that appear and go") {
  LogWorld world;
  TailRun tail(world.machine(), {{"paths", "/app/*/log/*.log, /deep/**/x.log"}});
  tail.start();
  tail.process.run_for(1s);
  REQUIRE(world.files().make_folders("/app/one/log").ok());
  world.append("/app/one/log/a.log", "1\n");
  REQUIRE(tail.wait_for(1));
  REQUIRE(world.files().make_folders("/app/two").ok());
  tail.process.run_for(1s);
  REQUIRE(world.files().make_folders("/app/two/log").ok());
  tail.process.run_for(1s);
  world.append("/app/two/log/a.log", "2\n");
  REQUIRE(tail.wait_for(2));
  REQUIRE(world.files().make_folders("/deep/a/b/c").ok());
  world.append("/deep/a/b/c/x.log", "3\n");
  world.append("/deep/a/b/c/y.log", "not for us\n");
  REQUIRE(tail.wait_for(3));
  world.append("/deep/x.log", "4\n");
  REQUIRE(tail.wait_for(4));
  CHECK(tail.bodies() == Bodies{"1", "2", "3", "4"});
  // The folder goes and comes back.
  REQUIRE(world.files().unlink("/app/one/log/a.log").ok());
  REQUIRE(world.files().remove_folder("/app/one/log").ok());
  tail.process.run_for(10s);
  REQUIRE(world.files().make_folders("/app/one/log").ok());
  world.append("/app/one/log/a.log", "5\n");
  REQUIRE(tail.wait_for(5));
  tail.end();
}

TEST_CASE("tail: long lines are cut, marked and counted, in bounded memory") {
  LogWorld world;
  const TailRun::Options small{{"event_bytes_max", "1KiB"}, {"read_bytes", "4KiB"}};
  TailRun tail(world.machine(), small);
  world.append("/log/a.log", std::string(1024, 'e') + "\n");              // exactly
  world.append("/log/a.log", std::string(1025, 'f') + "\n");              // one over
  world.append("/log/a.log", std::string(5'000'000, 'g') + "\nafter\n");  // far over the buffer
  tail.start();
  REQUIRE(tail.wait_for(4));
  const auto& seen = tail.process.seen;
  CHECK(seen[0].body == std::string(1024, 'e'));
  CHECK(seen[0].header("cut_bytes").empty());
  CHECK(seen[1].body == std::string(1024, 'f'));
  CHECK(seen[1].header("cut_bytes") == "1");
  CHECK(seen[2].body == std::string(1024, 'g'));
  CHECK(seen[2].header("cut_bytes") == std::to_string(5'000'000 - 1024));
  CHECK(seen[2].header("file") == "/log/a.log");
  CHECK(seen[3].body == "after");
  CHECK(tail.process.source_counters.cut_events == 2);
  // One that grows slowly.
  for (int piece = 0; piece < 10; ++piece) {
    world.append("/log/a.log", std::string(700, 'h'));
    tail.process.run_for(50ms);
  }
  CHECK(seen.size() == 4);
  world.append("/log/a.log", "\n");
  REQUIRE(tail.wait_for(5));
  CHECK(seen[4].header("cut_bytes") == std::to_string(7000 - 1024));
  tail.end();
}

TEST_CASE("tail: a partial line waits for its newline, or for flush_partial_after") {
  LogWorld world;
  {
    TailRun tail(world.machine());
    world.append("/log/a.log", "one\ntw");
    tail.start();
    tail.process.run_for(1h);
    CHECK(tail.bodies() == Bodies{"one"});
    world.append("/log/a.log", "o\n");
    REQUIRE(tail.wait_for(2));
    CHECK(tail.bodies().back() == "two");
    tail.end();
  }
  TailRun tail(world.machine(), {{"flush_partial_after", "5s"}});
  tail.start();
  world.append("/log/a.log", "thr");
  tail.process.run_for(4s);
  CHECK(tail.bodies().empty());
  REQUIRE(tail.wait_for(1, 2s));
  CHECK(tail.bodies().back() == "thr");
  world.append("/log/a.log", "ee\nfour\n");
  REQUIRE(tail.wait_for(3));
  CHECK(tail.bodies() == Bodies{"thr", "ee", "four"});
  tail.end();
}

TEST_CASE("tail: a restart goes on where custody ended, rotated files first") {
  LogWorld world;
  world.append("/log/a.log", "1\n2\n");
  {
    TailRun tail(world.machine());
    tail.start();
    REQUIRE(tail.wait_for(2));
    tail.end();
  }
  world.append("/log/a.log", "3\n");
  world.rename("/log/a.log", "/log/a.log.1");
  world.append("/log/a.log", "4\n");
  world.append("/log/b.log", "b\n");
  {
    TailRun tail(world.machine());
    tail.start();
    REQUIRE(tail.wait_for(3));
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
  {
    TailRun tail(world.machine());
    tail.start();
    REQUIRE(tail.wait_for(2));
    tail.end();
  }
  REQUIRE(world.files().unlink("/log/a.log").ok());
  world.files().sync_all();
  world.append("/log/a.log", "new one, and longer than the old file was\n");
  CHECK(world.files().find("/log/a.log") == inode);
  TailRun tail(world.machine());
  tail.start();
  REQUIRE(tail.wait_for(1));
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
    REQUIRE(tail.wait_for(1));
    CHECK(tail.bodies() == Bodies{"later file"});
    tail.end();
  }
  world.append("/log/a.log", "read\n");
  world.append("/log/c.log", "appeared meanwhile\n");
  TailRun tail(world.machine(), at_end);
  tail.start();
  REQUIRE(tail.wait_for(2));
  Bodies seen = tail.bodies();
  std::sort(seen.begin(), seen.end());
  CHECK(seen == Bodies{"appeared meanwhile", "read"});
  tail.end();
}

TEST_CASE("tail: the checkpoint moves only behind custody") {
  LogWorld world;
  world.append("/log/a.log", "1\n2\n");
  {
    TailRun tail(world.machine());
    tail.start(false);
    tail.process.record(false);
    REQUIRE(tail.wait_for(2));
    tail.process.run_for(10s);
    tail.kill();
  }
  {
    TailRun tail(world.machine());
    tail.start();
    REQUIRE(tail.wait_for(2));
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

TEST_CASE("tail: a channel that is full holds the source back, and nothing is lost") {
  LogWorld world;
  std::string text;
  for (int line = 0; line < 20'000; ++line) text += number(line) + "\n";
  world.append("/log/a.log", text);
  TailRun tail(world.machine(), {}, false, 256 * 1024);
  tail.start(false);
  tail.process.run_for(20s);
  CHECK(tail.process.source_counters.received_events < 20'000);
  // It is not busy while it waits: once a checkpoint_interval it looks for custody.
  CHECK(tail.turns_in(60s) < 70);
  tail.process.record();
  REQUIRE(tail.wait_for(20'000));
  bool in_order = true;
  for (int line = 0; line < 20'000; ++line)
    in_order &= tail.process.seen[static_cast<std::size_t>(line)].body == number(line);
  CHECK(in_order);
  tail.end();
}

TEST_CASE("tail: a reader that lags by several rotations reads the files one after the other") {
  LogWorld world;
  constexpr int lines = 5000;
  int written = 0;
  const auto write = [&] {
    std::string text;
    for (int line = 0; line < lines; ++line) text += number(written++) + "\n";
    world.append("/log/a.log", text);
  };
  write();
  TailRun tail(world.machine(), {}, false, 64 * 1024);
  tail.start(false);  // the channel fills, and nothing is taken out
  for (int rotations = 1; rotations <= 3; ++rotations) {
    tail.process.run_for(5s);
    for (int older = rotations - 1; older > 0; --older) {
      const std::string from = "/log/a.log." + std::to_string(older);
      const std::string to = "/log/a.log." + std::to_string(older + 1);
      world.rename(from.c_str(), to.c_str());
    }
    world.rename("/log/a.log", "/log/a.log.1");
    write();
  }
  tail.process.run_for(5s);
  tail.process.record();
  REQUIRE(tail.wait_for(static_cast<std::size_t>(written)));
  bool in_order = true;
  for (int line = 0; line < written; ++line)
    in_order &= tail.process.seen[static_cast<std::size_t>(line)].body == number(line);
  CHECK(in_order);
  tail.end();
}

TEST_CASE("tail: checkpoints are written while the channel is full") {
  LogWorld world;
  std::string text;
  for (int line = 0; line < 20'000; ++line) text += number(line) + "\n";
  world.append("/log/a.log", text);
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
    REQUIRE(tail.process.run_until([&] { return tail.ended; }, 10s));
    REQUIRE(tail.wait_for(3));
    CHECK(tail.bodies() == Bodies{"1", "2", "partial"});
    tail.end();
  }
  {
    TailRun tail(world.machine(), {}, true);
    tail.start();
    REQUIRE(tail.process.run_until([&] { return tail.ended; }, 10s));
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
  CHECK(tail.process.run_until([&] { return tail.ended; }, 10s));
  tail.end();
}

TEST_CASE("tail: --once with nothing to read ends at once") {
  LogWorld world;
  TailRun tail(world.machine(), {{"paths", "/nowhere/*.log"}}, true);
  tail.start();
  CHECK(tail.process.run_until([&] { return tail.ended; }, 1s));
  tail.end();
}

TEST_CASE("tail: idle means asleep") {
  LogWorld world;
  for (int file = 0; file < 50; ++file)
    world.append(("/log/" + std::to_string(file) + ".log").c_str(), "x\n");
  TailRun tail(world.machine());
  tail.start();
  REQUIRE(tail.wait_for(50));
  tail.process.run_for(6min);  // checkpoints are written, handles closed
  CHECK(tail.process.machine.open_handles() == 1);
  CHECK(tail.turns_in(24h) <= 2);
  world.append("/log/7.log", "awake\n");
  REQUIRE(tail.wait_for(51, 1s));
  CHECK(tail.bodies().back() == "awake");
  tail.end();
}

TEST_CASE("tail: where changes are not told it polls") {
  LogWorld world;
  world.machine().watching_works = false;
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.start();
  REQUIRE(tail.wait_for(1));
  world.append("/log/a.log", "2\n");
  REQUIRE(tail.wait_for(2, 2s));
  world.append("/log/a.log", "3\n");
  world.rename("/log/a.log", "/log/a.log.1");
  world.append("/log/a.log", "4\n");
  world.append("/log/b.log", "5\n");
  REQUIRE(tail.wait_for(5, 3s));
  REQUIRE(world.files().put("/log/b.log", "6 and more than there was\n").ok());
  REQUIRE(tail.wait_for(6, 3s));
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
    world.append(("/log/" + std::to_string(file) + ".log").c_str(), "x\n");
  CHECK(tail.wait_for(100, 5s));
  tail.end();
}

TEST_CASE(
    "tail: more files than files_max: the most recently written ones, others when there is room") {
  LogWorld world;
  for (int file = 0; file < 6; ++file) {
    world.append(("/log/" + std::to_string(file) + ".log").c_str(), number(file) + "\n");
    world.world.run_for(1s);
  }
  TailRun tail(world.machine(), {{"files_max", "3"}});
  tail.start();
  REQUIRE(tail.wait_for(3));
  tail.process.run_for(1s);
  Bodies seen = tail.bodies();
  std::sort(seen.begin(), seen.end());
  CHECK(seen == Bodies{"line 3", "line 4", "line 5"});
  REQUIRE(world.files().unlink("/log/4.log").ok());
  REQUIRE(tail.wait_for(4, 10s));
  tail.end();
}

TEST_CASE("tail: a thousand files share the loop") {
  LogWorld world;
  std::string big;
  for (int line = 0; line < 100'000; ++line) big += "big line that is long enough to matter\n";
  world.append("/log/0big.log", big);
  for (int file = 0; file < 1000; ++file)
    world.append(("/log/s" + std::to_string(file) + ".log").c_str(), "small\n");
  TailRun tail(world.machine(), {{"files_max", "1100"}});
  tail.start();
  const auto small = [&] {
    return std::count_if(tail.process.seen.begin(), tail.process.seen.end(),
                         [](const SeenEvent& event) { return event.body == "small"; });
  };
  REQUIRE(tail.process.run_until([&] { return small() == 1000; }, 60s));
  // The big one has had its share, not more.
  CHECK(tail.process.seen.size() < 50'000);
  REQUIRE(tail.wait_for(101'000));
  tail.end();
}

TEST_CASE("tail: files that this agent writes are not read") {
  LogWorld world;
  world.append("/log/mine.log", "written by a sink\n");
  world.append("/log/yours.log", "fine\n");
  TailRun tail(world.machine(), {{"paths", "/log/*, /state/*"}});
  const auto info = world.files().info("/log/mine.log");
  tail.process.own_files.add(info->device, info->inode);
  tail.start();
  tail.process.run_for(5s);
  CHECK(tail.bodies() == Bodies{"fine"});
  tail.end();
}

TEST_CASE("tail: a folder where a file is expected, and a file that cannot be opened at first") {
  LogWorld world;
  REQUIRE(world.files().make_folders("/log/folder.log").ok());
  world.append("/log/a.log", "1\n");
  TailRun tail(world.machine());
  tail.process.reactor.fail_next(io::Verb::open, Error::access);
  tail.start();
  tail.process.run_for(30s);
  CHECK(tail.bodies().empty());
  CHECK(tail.process.source_counters.errors == 1);
  CHECK(tail.wait_for(1, 40s));
  tail.end();
}

TEST_CASE("tail: a checkpoint that is damaged is kept aside, one of a later version refused") {
  LogWorld world;
  world.append("/log/a.log", "1\n");
  {
    TailRun tail(world.machine());
    tail.start();
    REQUIRE(tail.wait_for(1));
    tail.end();
  }
  const std::string good = *world.files().text(checkpoint);
  std::string bad = good;
  bad[bad.size() / 2] ^= 1;
  REQUIRE(world.files().put(checkpoint, bad).ok());
  REQUIRE(world.files().put("/state/tail-test.checkpoint.damaged-1", "an earlier one").ok());
  {
    TailRun tail(world.machine(), {{"start_at", "end"}});
    tail.start();
    REQUIRE(tail.wait_for(1));
    tail.end();
  }
  CHECK(*world.files().text("/state/tail-test.checkpoint.damaged-1") == "an earlier one");
  CHECK(*world.files().text("/state/tail-test.checkpoint.damaged-2") == bad);

  const std::string later = "runnel tail checkpoint 2\nwho knows\n";
  REQUIRE(world.files().put(checkpoint, later).ok());
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
        world.rename("/log/a.log", ("/log/a.log." + std::to_string(++rotations)).c_str());
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
  tail.start();
  REQUIRE(tail.wait_for(1));
  tail.process.run_for(10s);
  CHECK(tail.process.source_counters.errors == 3);
  const auto saved = world.files().text(checkpoint);
  REQUIRE(saved.has_value());
  CHECK(saved->find(" 2 /log/a.log") != std::string::npos);
  tail.end();
}
