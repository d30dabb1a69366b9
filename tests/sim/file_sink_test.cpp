// Goal: the file sink rolls at each of its limits, never replaces a file, acknowledges nothing that
// a power loss could take, survives full and failing disks, and finishes what a crash left behind.
// Method: the real sink under its real runner on a simulated disk. Every event carries its number;
// the files on the disk are read back and compared with what was put and with what was settled.
#include <algorithm>
#include <set>

#include "codec/compressor.hpp"
#include "codec/whole_frames.hpp"
#include "pipeline/sink_runner.hpp"
#include "sinks/console/console.hpp"
#include "sinks/file/file.hpp"
#include "sinks/null/null.hpp"
#include "tests/sim/pipeline_world.hpp"

using namespace runnel;
using namespace runnel::sim;
using namespace runnel::pipeline;

namespace {

using Given = std::vector<std::pair<std::string_view, std::string_view>>;

// 2026-11-22T23:59:00Z
constexpr WallTime late_evening = wall_from_ns(1'795'391'940'000'000'000);
constexpr std::string_view source_names[] = {"test"};

// A sink of this type with its runner, built on both kinds of region.
struct SinkUnderTest {
  std::unique_ptr<SinkPlan> plan;
  Sink* sink = nullptr;
  SinkRunner* runner = nullptr;

  SinkUnderTest(const SinkType& type, const Given& given) {
    OptionValues values;
    const std::span<const Option> none;
    const auto tables = {type.options, delivery_options(),
                         type.encodes ? encoding_options() : none};
    for (const auto& [name, text] : given) {
      bool known = false;
      for (const auto& table : tables) {
        for (const Option& option : table) {
          if (option.name != name) continue;
          values.set(name, *parse_option(option, text));
          known = true;
        }
      }
      REQUIRE(known);
    }
    for (const auto& table : tables) fill_standard(table, values);
    auto made = type.plan(values);
    REQUIRE(made.has_value());
    plan = std::move(*made);
    const bool partitions = plan->delivery.partitions;
    const auto delivery = delivery_settings(values, type.encodes);
    REQUIRE(delivery.has_value());
    plan->delivery = *delivery;
    plan->delivery.partitions = partitions;
  }
  SinkRunner* build(Region& region, SinkContext* context) {
    sink = plan->build(region, context);
    const DeliveryMemory memory = DeliveryMemory::carve(region, plan->delivery);
    void* place = region.bytes(sizeof(SinkRunner), "runner", alignof(SinkRunner)).data();
    if (region.is_measuring()) return nullptr;
    return new (place) SinkRunner(*context, *sink, plan->delivery, memory, source_names);
  }
  Started start(PipelineProcess& process) {
    runner = process.build(*this, *process.sink_context);
    return process.complete(sink->start());
  }
  void run(PipelineProcess& process) {
    const Started started = start(process);
    REQUIRE_MESSAGE(started.has_value(), started.error().text);
    process.spawn(runner->run());
  }
};

SinkUnderTest file_sink(Given given) {
  const auto add = [&](std::string_view name, std::string_view text) {
    const bool there = std::any_of(given.begin(), given.end(),
                                   [&](const auto& each) { return each.first == name; });
    if (!there) given.emplace_back(name, text);
  };
  add("path", "/data/all.log");
  add("batch.linger", "1ms");
  return SinkUnderTest(sinks::file_type, given);
}

std::string body(std::uint64_t number, std::size_t size = 100) {
  std::string text = "event " + std::to_string(number) + " ";
  while (text.size() < size) text += 'x';
  return text;
}
void put(PipelineProcess& process, std::uint64_t from, std::uint64_t until,
         std::size_t size = 100) {
  for (std::uint64_t number = from; number < until; ++number) {
    const std::string text = body(number, size);
    REQUIRE(
        process.run_until([&] { return process.channel->fits(record_bytes(0, text.size())); }, 1h));
    process.put(text);
  }
}
bool drain(PipelineProcess& process, Duration limit = 60s) {
  return process.run_until([&] { return process.channel->drained(); }, limit);
}
// A process dies between two completions: what is ready to run has run.
void die(PipelineProcess& process, bool power_loss = false) {
  while (!process.scheduler->idle()) process.scheduler->turn(process.scheduler->now());
  process.kill(power_loss);
}
// Closes the channel and lets the runner end by itself.
void finish(PipelineProcess& process) {
  process.channel->close();
  REQUIRE(process.run_until([&] { return process.tasks() == 0; }, 1h));
}

std::vector<std::string> names(SimMachine& machine, const char* folder = "/data") {
  std::vector<std::string> all;
  const Status listed = machine.files().list(folder, [&](const io::FolderEntry& entry) {
    if (entry.kind == io::FolderEntry::Kind::regular) all.emplace_back(entry.name);
    return true;
  });
  CHECK(listed.ok());
  std::sort(all.begin(), all.end());
  return all;
}
using Names = std::vector<std::string>;

// Text has no checksum: after a power loss what was never promised may be anything.
std::set<std::uint64_t> readable_numbers(std::string_view text) {
  std::set<std::uint64_t> numbers;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with("event ")) continue;
    const auto number = parse_number(line.substr(6, line.find(' ', 6) - 6));
    if (number && line == body(*number, line.size())) numbers.insert(*number);
  }
  return numbers;
}
std::vector<std::uint64_t> numbers_in(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  while (!text.empty()) {
    const auto end = text.find('\n');
    REQUIRE(end != std::string_view::npos);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    REQUIRE(line.starts_with("event "));
    const auto number = parse_number(line.substr(6, line.find(' ', 6) - 6));
    REQUIRE(number.has_value());
    REQUIRE(line == body(*number, line.size()));
    numbers.push_back(*number);
  }
  return numbers;
}
std::string text_of(SimMachine& machine, const std::string& path) {
  const auto text = machine.files().text(path);
  REQUIRE_MESSAGE(text.has_value(), path);
  return *text;
}
// Of all files in /data, as a set and counted.
struct Found {
  std::set<std::uint64_t> numbers;
  std::uint64_t lines = 0;
};
Found found_in(SimMachine& machine) {
  Found found;
  for (const std::string& name : names(machine)) {
    for (const std::uint64_t number : numbers_in(text_of(machine, "/data/" + name))) {
      found.numbers.insert(number);
      ++found.lines;
    }
  }
  return found;
}
std::set<std::uint64_t> readable_in(SimMachine& machine) {
  std::set<std::uint64_t> all;
  for (const std::string& name : names(machine))
    all.merge(readable_numbers(text_of(machine, "/data/" + name)));
  return all;
}
bool has_all(const Found& found, std::uint64_t until) {
  return found.numbers.size() == until && (until == 0 || *found.numbers.rbegin() == until - 1);
}

struct Disk {
  explicit Disk(std::uint64_t seed = 1, const SimOptions& options = SimOptions::calm())
      : world(seed, options), machine(world.machine()) {
    world.set_wall_clock(late_evening);
  }
  SimWorld world;
  SimMachine& machine;
};

}  // namespace

TEST_CASE("file sink: unfinished until closed, then under its name; a name that is taken is kept") {
  Disk disk;
  REQUIRE(disk.machine.files().make_folders("/data").ok());
  REQUIRE(disk.machine.files().put("/data/2026-11-22.log", "event 900 \n").ok());
  PipelineProcess process(disk.machine);
  SinkUnderTest sink = file_sink({{"path", "/data/%Y-%m-%d.log"}});
  sink.run(process);
  put(process, 0, 10);
  REQUIRE(drain(process));
  CHECK(names(disk.machine) == Names{"2026-11-22.log", "2026-11-22.log.tmp"});
  const auto info = disk.machine.files().info("/data/2026-11-22.log.tmp");
  CHECK(process.own_files.contains(info->device, info->inode));
  finish(process);
  CHECK(names(disk.machine) == Names{"2026-11-22-1.log", "2026-11-22.log"});
  CHECK(process.own_files.contains(info->device, info->inode));
  CHECK(text_of(disk.machine, "/data/2026-11-22.log") == "event 900 \n");
  CHECK(numbers_in(text_of(disk.machine, "/data/2026-11-22-1.log")).size() == 10);
  CHECK(disk.machine.files().durable_text("/data/2026-11-22-1.log")->size() > 0);
  CHECK(process.sink_counters.sent_events == 10);
  CHECK(disk.machine.open_handles() == 0);
}

TEST_CASE("file sink: rolls by bytes, events, age, idleness and by the time in its path") {
  Disk disk;
  PipelineProcess process(disk.machine);
  SUBCASE("bytes: no file is larger, no frame is split") {
    SinkUnderTest sink = file_sink({{"roll.max_bytes", "4096"}, {"batch.max_events", "7"}});
    sink.run(process);
    put(process, 0, 200);
    REQUIRE(drain(process));
    finish(process);
    const Names all = names(disk.machine);
    CHECK(all.size() == 6);
    CHECK(all[0] == "all-1.log");
    for (const std::string& name : all)
      CHECK(text_of(disk.machine, "/data/" + name).size() <= 4096);
    const Found found = found_in(disk.machine);
    CHECK(has_all(found, 200));
    CHECK(found.lines == 200);
  }
  SUBCASE("events") {
    SinkUnderTest sink = file_sink({{"roll.max_events", "20"}, {"batch.max_events", "10"}});
    sink.run(process);
    put(process, 0, 100);
    REQUIRE(drain(process));
    finish(process);
    const Names all = names(disk.machine);
    CHECK(all.size() == 5);
    for (const std::string& name : all)
      CHECK(numbers_in(text_of(disk.machine, "/data/" + name)).size() == 20);
  }
  SUBCASE("age: on time although nothing comes, and then nothing wakes any more") {
    SinkUnderTest sink = file_sink({{"roll.max_age", "10s"}});
    sink.run(process);
    put(process, 0, 1);
    process.run_for(9s);
    CHECK(names(disk.machine) == Names{"all.log.tmp"});
    process.run_for(2s);
    CHECK(names(disk.machine) == Names{"all.log"});
    CHECK(process.scheduler->timers().nearest() == never);
    finish(process);
  }
  SUBCASE("idle") {
    SinkUnderTest sink = file_sink({{"roll.max_idle", "2s"}});
    sink.run(process);
    for (std::uint64_t number = 0; number < 5; ++number) {
      put(process, number, number + 1);
      process.run_for(1s);
    }
    CHECK(names(disk.machine) == Names{"all.log.tmp"});
    process.run_for(3s);
    CHECK(names(disk.machine) == Names{"all.log"});
    finish(process);
  }
  SUBCASE("time") {
    SinkUnderTest sink = file_sink({{"path", "/data/%Y-%m-%d.log"}});
    sink.run(process);
    put(process, 0, 3);
    process.run_for(70s);
    CHECK(names(disk.machine) == Names{"2026-11-22.log.tmp"});
    put(process, 3, 5);
    process.run_for(2s);
    CHECK(names(disk.machine) == Names{"2026-11-22.log", "2026-11-23.log.tmp"});
    CHECK(numbers_in(text_of(disk.machine, "/data/2026-11-23.log.tmp")).size() == 2);
    finish(process);
  }
}

TEST_CASE("file sink: acknowledged after the sync that covers it, by mode") {
  Disk disk;
  disk.world.options().sync_latency = {50ms, 50ms};
  PipelineProcess process(disk.machine);
  const auto acknowledged_within = [&](std::string_view mode, Duration limit) {
    SinkUnderTest sink = file_sink({{"fsync", mode}});
    sink.run(process);
    put(process, 0, 5);
    return drain(process, limit);
  };
  SUBCASE("batch: one sync of file and folder") {
    CHECK(acknowledged_within("batch", 300ms));
    CHECK(process.sink_counters.syncs == 1);
  }
  SUBCASE("interval: not before it is over") {
    CHECK_FALSE(acknowledged_within("2s", 1900ms));
    CHECK(process.subscription->unsettled_bytes() > 0);
    CHECK(drain(process, 500ms));
    CHECK(process.sink_counters.syncs == 1);
  }
  SUBCASE("roll: when the file is closed") {
    CHECK_FALSE(acknowledged_within("roll", 10min));
    CHECK(process.sink_counters.syncs == 0);
    finish(process);
    CHECK(process.channel->drained());
    CHECK(process.sink_counters.syncs == 1);
    return;
  }
  SUBCASE("never: when it is written") {
    CHECK(acknowledged_within("never", 20ms));
    CHECK(process.sink_counters.syncs == 0);
  }
  finish(process);
  CHECK(process.channel->drained());
}

TEST_CASE("file sink: a small ring asks for syncs early, and delivery goes on during one") {
  Disk disk;
  disk.world.options().sync_latency = {20ms, 20ms};
  PipelineProcess process(disk.machine, {.capacity_bytes = 64 * 1024});
  SinkUnderTest sink = file_sink({{"fsync", "1h"}, {"batch.max_bytes", "4096"}});
  sink.run(process);
  const Instant begin = process.scheduler->now();
  put(process, 0, 5000);
  CHECK(process.scheduler->now() - begin < 10s);
  finish(process);
  const Found found = found_in(disk.machine);
  CHECK(has_all(found, 5000));
  CHECK(found.lines == 5000);
  // Far fewer than batches: what is written during a sync shares the next one.
  CHECK(process.sink_counters.syncs * 2 < process.sink_counters.sent_batches);
}

TEST_CASE("file sink: short writes and failing writes leave whole frames only") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Disk disk(seed);
    disk.world.options().partial_writes = 300'000;
    disk.world.options().write_errors = 100'000;
    disk.world.options().entry_errors = 50'000;
    PipelineProcess process(disk.machine);
    SinkUnderTest sink = file_sink({{"roll.max_bytes", "8KiB"}, {"batch.max_events", "5"}});
    disk.world.options().entry_errors = 0;
    sink.run(process);
    disk.world.options().entry_errors = 50'000;
    put(process, 0, 300);
    REQUIRE(drain(process, 1h));
    disk.world.end_faults();
    finish(process);
    const Found found = found_in(disk.machine);
    CHECK(has_all(found, 300));
    CHECK(found.lines == 300);
    CHECK(process.sink_counters.retries > 0);
  }
}

TEST_CASE("file sink: a full disk stops delivery, loses nothing, and goes on when there is room") {
  Disk disk;
  disk.world.options().capacity_bytes = 20'000;
  PipelineProcess process(disk.machine);
  SinkUnderTest sink = file_sink({{"batch.max_events", "10"}, {"retry.longest", "1s"}});
  sink.run(process);
  put(process, 0, 500);
  CHECK_FALSE(drain(process, 60s));
  CHECK(sink.runner->last_error() == Error::no_space);
  const std::string text = text_of(disk.machine, "/data/all.log.tmp");
  CHECK(text.size() % 101 == 0);
  CHECK(text.size() % 1010 == 0);
  disk.world.options().capacity_bytes = 1 << 30;
  REQUIRE(drain(process, 5s));
  CHECK(sink.runner->last_error() == Error::none);
  finish(process);
  const Found found = found_in(disk.machine);
  CHECK(has_all(found, 500));
  CHECK(found.lines == 500);
}

TEST_CASE(
    "file sink: a sync that fails is not believed later: everything unsettled goes out again") {
  Disk disk;
  PipelineProcess process(disk.machine);
  SinkUnderTest sink = file_sink({{"fsync", "1s"}, {"batch.max_events", "10"}});
  sink.run(process);
  SUBCASE("the first sync of a file: the file goes") {
    process.reactor.fail_next(io::Verb::sync, Error::io);
    put(process, 0, 50);
    REQUIRE(drain(process));
    finish(process);
    CHECK(names(disk.machine) == Names{"all.log"});
  }
  SUBCASE("a later one: what was durable stays") {
    put(process, 0, 30);
    REQUIRE(drain(process));
    process.reactor.fail_next(io::Verb::sync, Error::io);
    put(process, 30, 50);
    REQUIRE(drain(process));
    finish(process);
    CHECK(names(disk.machine) == Names{"all-1.log", "all.log"});
  }
  CHECK(process.channel->drained());
  CHECK(found_in(disk.machine).lines == 50);
  CHECK(has_all(found_in(disk.machine), 50));
  // The sim's power loss keeps what was really synced and nothing that only seemed so.
  die(process, true);
  CHECK(has_all(found_in(disk.machine), 50));
}

TEST_CASE("file sink: failing syncs, writes and power losses at random lose nothing settled") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Disk disk(seed, seed % 2 == 0 ? SimOptions::rough() : SimOptions::calm());
    std::uint64_t next = 0;
    std::set<std::uint64_t> promised;
    for (int life = 0; life < 4; ++life) {
      PipelineProcess process(disk.machine, {.capacity_bytes = 64 * 1024});
      SinkUnderTest sink = file_sink({{"fsync", life % 2 == 0 ? "20ms" : "batch"},
                                      {"roll.max_bytes", "8KiB"},
                                      {"roll.max_age", "300ms"},
                                      {"retry.first", "10ms"},
                                      {"retry.longest", "50ms"},
                                      {"batch.max_events", "9"}});
      sink.run(process);
      // Whatever an earlier life promised is still there after the start has put things right.
      const auto kept = readable_in(disk.machine);
      for (const std::uint64_t number : promised) REQUIRE_MESSAGE(kept.contains(number), number);
      if (seed % 3 == 0) disk.world.options().sync_errors = 100'000;
      if (seed % 5 == 0) disk.world.options().write_errors = 50'000;
      disk.world.options().partial_writes = 100'000;
      const std::uint64_t first = next;
      std::vector<Position> ends;
      const std::uint64_t count = 50 + disk.world.entropy_random().below(200);
      for (std::uint64_t each = 0; each < count; ++each) {
        put(process, next, next + 1);
        ++next;
        ends.push_back(process.channel->head());
        if (each % 7 == 0) process.run_for(5ms);
      }
      process.run_for(Duration(disk.world.entropy_random().below(100'000'000)));
      for (std::size_t each = 0; each < count; ++each)
        if (ends[each] <= process.channel->custody()) promised.insert(first + each);
      disk.world.end_faults();
      // A runner that backs off waits in an object of the harness, which outlives no wait.
      process.run_until([&] { return sink.runner->last_error() == Error::none; });
      die(process, life % 2 == 0);
    }
    PipelineProcess process(disk.machine);
    SinkUnderTest sink = file_sink({{"roll.max_bytes", "8KiB"}});
    sink.run(process);
    finish(process);
    const auto found = readable_in(disk.machine);
    for (const std::uint64_t number : promised) REQUIRE_MESSAGE(found.contains(number), number);
    for (const std::string& name : names(disk.machine))
      CHECK_MESSAGE(!name.ends_with(".tmp"), name);
    CHECK(promised.size() > 50);
  }
}

TEST_CASE("file sink: leftovers are cut to their last whole frame and take their place") {
  Disk disk;
  SimFiles& files = disk.machine.files();
  REQUIRE(files.make_folders("/data/deeper").ok());
  REQUIRE(files.put("/data/2026-11-20.log", "event 1 \n").ok());
  REQUIRE(files.put("/data/2026-11-20.log.tmp", "event 2 \nevent 3 \neve").ok());
  REQUIRE(files.put("/data/2026-11-21.log.tmp", "event 4 \n").ok());
  REQUIRE(files.put("/data/2026-11-21-4.log.tmp", "").ok());
  REQUIRE(files.put("/data/2026-11-19.log.tmp", "even").ok());
  REQUIRE(files.put("/data/foreign.log.tmp", "event 5 \neve").ok());
  REQUIRE(files.put("/data/deeper/2026-11-20.log.tmp", "eve").ok());
  PipelineProcess process(disk.machine);
  SinkUnderTest sink = file_sink({{"path", "/data/%Y-%m-%d.log"}});
  sink.run(process);
  CHECK(names(disk.machine) ==
        Names{"2026-11-20-1.log", "2026-11-20.log", "2026-11-21.log", "foreign.log.tmp"});
  CHECK(text_of(disk.machine, "/data/2026-11-20.log") == "event 1 \n");
  CHECK(text_of(disk.machine, "/data/2026-11-20-1.log") == "event 2 \nevent 3 \n");
  CHECK(text_of(disk.machine, "/data/2026-11-21.log") == "event 4 \n");
  CHECK(text_of(disk.machine, "/data/foreign.log.tmp") == "event 5 \neve");
  CHECK(names(disk.machine, "/data/deeper") == Names{"2026-11-20.log.tmp"});
  finish(process);
}

TEST_CASE(
    "file sink: compressed leftovers keep their whole frames; what never was one is put aside") {
  for (const char* codec : {"zstd", "gzip"}) {
    CAPTURE(codec);
    Disk disk;
    const auto kind = *codec::codec_from(codec);
    const std::string path = "/data/all.log" + std::string(codec::file_suffix(kind));
    const Given given = {{"path", path}, {"compression.codec", codec}, {"batch.max_events", "10"}};
    std::string torn;
    {
      PipelineProcess process(disk.machine);
      SinkUnderTest sink = file_sink(given);
      sink.run(process);
      put(process, 0, 100);
      REQUIRE(drain(process));
      torn = text_of(disk.machine, path + ".tmp");
      die(process);
    }
    SUBCASE("torn") {
      torn.resize(torn.size() - 5);
      REQUIRE(disk.machine.files().put(path + ".tmp", torn).ok());
      PipelineProcess process(disk.machine);
      SinkUnderTest sink = file_sink(given);
      sink.run(process);
      const std::string kept = text_of(disk.machine, path);
      CHECK(kept.size() < torn.size());
      CHECK(torn.starts_with(kept));
      codec::WholeFrames frames(kind);
      CHECK(frames.feed(as_bytes(kept)));
      CHECK(frames.whole_bytes() == kept.size());
      CHECK(frames.frames() == 9);
      finish(process);
    }
    SUBCASE("never a frame") {
      REQUIRE(disk.machine.files().put(path + ".tmp", "this is somebody's letter").ok());
      PipelineProcess process(disk.machine);
      SinkUnderTest sink = file_sink(given);
      sink.run(process);
      CHECK(text_of(disk.machine, path + ".broken") == "this is somebody's letter");
      CHECK(names(disk.machine).size() == 1);
      finish(process);
    }
  }
}

TEST_CASE("file sink: headers choose the file, hostile ones stay below the folder") {
  Disk disk;
  PipelineProcess process(disk.machine);
  SinkUnderTest sink =
      file_sink({{"path", "/data/%{host}/%{app}.log"}, {"files_open_max", "3"}, {"fsync", "10ms"}});
  sink.run(process);
  const auto put_from = [&](std::string_view host, std::string_view app, std::uint64_t number) {
    std::array<std::byte, 512> memory;
    HeaderWriter headers(memory);
    if (!host.empty()) headers.add("host", host);
    headers.add("app", app);
    process.put(body(number), headers.headers());
  };
  for (std::uint64_t number = 0; number < 40; number += 4) {
    put_from("one", "a", number);
    put_from("one", "b", number + 1);
    put_from("../../etc", "passwd", number + 2);
    put_from("", "a", number + 3);
  }
  REQUIRE(drain(process));
  finish(process);
  std::set<std::uint64_t> seen;
  for (const char* folder : {"/data/one", "/data/_._.__etc", "/data/unknown"}) {
    for (const std::string& name : names(disk.machine, folder)) {
      const std::string where = std::string(folder) + "/" + name;
      CHECK_MESSAGE(!name.ends_with(".tmp"), where);
      for (const std::uint64_t number : numbers_in(text_of(disk.machine, where))) {
        CHECK(seen.insert(number).second);
        const char* expected[] = {"/data/one/a", "/data/one/b", "/data/_._.__etc/passwd",
                                  "/data/unknown/a"};
        CHECK_MESSAGE(where.starts_with(expected[number % 4]), where);
      }
    }
  }
  CHECK(seen.size() == 40);
  CHECK(disk.machine.open_handles() == 0);
}

TEST_CASE("file sink: retention deletes the oldest finished files of its own and no others") {
  Disk disk;
  SimFiles& files = disk.machine.files();
  REQUIRE(files.make_folders("/data").ok());
  REQUIRE(files.put("/data/foreign.log", std::string(50'000, 'x')).ok());
  PipelineProcess process(disk.machine);
  SUBCASE("bytes") {
    SinkUnderTest sink = file_sink(
        {{"keep_bytes", "10000"}, {"roll.max_bytes", "4096"}, {"batch.max_events", "10"}});
    sink.run(process);
    put(process, 0, 600);
    REQUIRE(drain(process));
    process.run_for(1s);
    std::uint64_t total = 0;
    for (const std::string& name : names(disk.machine))
      if (name != "foreign.log" && !name.ends_with(".tmp"))
        total += text_of(disk.machine, "/data/" + name).size();
    CHECK(total <= 10'000);
    CHECK(total > 4'000);
    CHECK(files.exists("/data/foreign.log"));
    finish(process);
    // The newest are there: the last event is.
    std::string last;
    for (const std::string& name : names(disk.machine))
      if (name != "foreign.log") last += text_of(disk.machine, "/data/" + name);
    const auto numbers = numbers_in(last);
    CHECK(*std::max_element(numbers.begin(), numbers.end()) == 599);
    CHECK(*std::min_element(numbers.begin(), numbers.end()) > 400);
  }
  SUBCASE("age, at the next roll and at the start") {
    REQUIRE(files.put("/data/all-7.log", "event 700 \n").ok());
    disk.world.step_wall_clock(48h);
    REQUIRE(files.put("/data/all-8.log", "event 800 \n").ok());
    SinkUnderTest sink = file_sink({{"keep_age", "24h"}, {"roll.max_idle", "1s"}});
    sink.run(process);
    put(process, 0, 1);
    process.run_for(5s);
    CHECK(names(disk.machine) == Names{"all-8.log", "all.log", "foreign.log"});
    finish(process);
  }
}

TEST_CASE("file sink: what cannot work is said at the start, in one line") {
  Disk disk;
  SimFiles& files = disk.machine.files();
  REQUIRE(files.make_folders("/data/all.log").ok());
  REQUIRE(files.put("/file", "x").ok());
  PipelineProcess process(disk.machine);
  const auto complaint = [&](const char* path) {
    SinkUnderTest sink = file_sink({{"path", path}});
    const Started started = sink.start(process);
    return started ? std::string("started") : started.error().text;
  };
  CHECK(complaint("/data/all.log").find("/data/all.log") != std::string::npos);
  CHECK(complaint("/data/all.log").find(describe(Error::is_folder)) != std::string::npos);
  CHECK(complaint("/file/x.log").find("cannot make the folder /file") != std::string::npos);
  process.reactor.fail_next(io::Verb::open, Error::read_only);
  CHECK(complaint("/data/%Y.log").find("remount it") != std::string::npos);
  process.reactor.fail_next(io::Verb::open, Error::access);
  CHECK(complaint("/data/%Y.log").find("let the user") != std::string::npos);
  process.reactor.fail_next(io::Verb::open, Error::no_space);
  CHECK(complaint("/data/%Y.log") == "started");
  process.stop();
}

TEST_CASE("file sink: a cancelled process leaves its file for the next start") {
  Disk disk;
  {
    PipelineProcess process(disk.machine);
    SinkUnderTest sink = file_sink({{"fsync", "1h"}});
    sink.run(process);
    put(process, 0, 5);
    process.run_for(100ms);
    process.stop();
    CHECK(names(disk.machine) == Names{"all.log.tmp"});
    CHECK(disk.machine.open_handles() == 0);
  }
  PipelineProcess process(disk.machine);
  SinkUnderTest sink = file_sink({});
  sink.run(process);
  CHECK(names(disk.machine) == Names{"all.log"});
  CHECK(has_all(found_in(disk.machine), 5));
  finish(process);
}

TEST_CASE("console sink: everything goes to standard output, in order, through short writes") {
  Disk disk;
  disk.world.options().partial_writes = 500'000;
  disk.world.options().write_errors = 100'000;
  PipelineProcess process(disk.machine);
  SinkUnderTest sink(sinks::console_type, {{"batch.linger", "1ms"}, {"batch.max_events", "10"}});
  sink.run(process);
  put(process, 0, 200);
  REQUIRE(drain(process, 1h));
  finish(process);
  const auto numbers = numbers_in(text_of(disk.machine, "/dev/stdout"));
  REQUIRE(numbers.size() == 200);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("null sink: takes everything, keeps and writes nothing") {
  Disk disk;
  PipelineProcess process(disk.machine);
  SinkUnderTest sink(sinks::null_type, {{"batch.linger", "1ms"}});
  sink.run(process);
  put(process, 0, 1000);
  REQUIRE(drain(process));
  CHECK(process.sink_counters.sent_events == 1000);
  CHECK(disk.machine.files().used_bytes() == 0);
  finish(process);
}
