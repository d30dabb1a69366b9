// Goal: the file sink rolls at each of its limits, never replaces a file, acknowledges nothing that
// a power loss could take, keeps hostile headers below its folder, and deletes only its own.
// Method: the real sink under its real runner on a simulated disk. Every event carries its number;
// the files on the disk are read back and compared with what was put and with what was settled.
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;
using namespace runnel::pipeline;

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
