// Goal: the file sink survives full and failing disks, loses nothing that was settled, and finishes
// what a crash or a kill left behind.
// Method: the real sink under its real runner on a simulated disk that fails, fills up or loses
// power; the files are read back and compared with what was put and with what was settled.
#include "codec/compressor.hpp"
#include "codec/whole_frames.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;
using namespace runnel::pipeline;

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
