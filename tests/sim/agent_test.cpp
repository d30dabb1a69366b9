// Goal: the whole agent, from its configuration text to files on a simulated disk: what is logged
// arrives, once when nothing fails, at least once over kills and power cuts, in order per file.
// Method: writers append numbered lines while the agent runs; the machine is killed or loses power
// at times drawn from a seed, and another agent takes over. The seed is printed with every failure.
#include "agent/agent.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <zstd.h>

#include "agent/settings.hpp"
#include "base/text.hpp"
#include "platform/sim/reactor.hpp"
#include "platform/sim/system.hpp"
#include "platform/sim/world.hpp"
#include "tests/support/pace.hpp"
#include "tests/support/unaccounted.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view in_memory = R"(
[channels.main]
type = "memory"
capacity = "256KiB"
)";
constexpr std::string_view in_a_journal[] = {
    R"(
[channels.main]
type = "journal"
path = "/spool/main.journal"
size = "1MiB"
memory = "256KiB"
block_bytes = "8KiB"
block_age = "20ms"
cursor_interval = "100ms"
)",
    R"(
[channels.main]
type = "journal"
path = "/spool/main.journal"
size = "1MiB"
memory = "256KiB"
block_bytes = "8KiB"
sync = "150ms"
cursor_interval = "100ms"
)",
    R"(
[channels.main]
type = "journal"
path = "/spool/main.journal"
size = "1MiB"
memory = "256KiB"
block_bytes = "8KiB"
mode = "overflow"
cursor_interval = "100ms"
)",
};
std::string_view channel_section = in_memory;

constexpr std::string_view configuration = R"(
[agent]
state_dir = "/state"
[sources.logs]
type = "tail"
paths = ["/var/log/*.log"]
channels = ["main"]
checkpoint_interval = "200ms"
event_bytes_max = "4KiB"
[sinks.archive]
type = "file"
channel = "main"
path = "/data/out.log.zst"
compression = { codec = "zstd" }
fsync = "100ms"
batch = { max_bytes = "16KiB", linger = "50ms" }
roll = { max_bytes = "32KiB", max_age = "5s" }
)";

// One life of the process. Left behind when it is killed: nothing may be taken apart then.
struct Life {
  Life(SimMachine& machine, bool once)
      : reactor(machine),
        system(machine),
        settings(read(concat(configuration, channel_section))),
        measured(agent::measure(settings, system.facts().page_bytes)),
        agent(settings, measured, reactor, system, {.once = once, .live_status = false}) {}

  static agent::Settings read(std::string_view text) {
    auto settings =
        agent::read_settings(text, "test.toml", agent::components(),
                             [](const std::string&) { return std::optional<std::string>(); });
    if (!settings) FAIL(settings.error().text);
    return std::move(*settings);
  }

  SimReactor reactor;
  SimSystem system;
  agent::Settings settings;
  agent::MeasuredParts measured;
  agent::Agent agent;
};

std::string line_of(int file, int number) { return concat("file ", file, " line ", number, "\n"); }

std::string decompressed(const std::string& path, std::string_view file) {
  INFO(path);
  std::string text;
  while (!file.empty()) {
    const auto frame = ZSTD_findFrameCompressedSize(file.data(), file.size());
    REQUIRE_FALSE(ZSTD_isError(frame));
    const auto size = static_cast<std::size_t>(ZSTD_getFrameContentSize(file.data(), frame));
    const std::size_t before = text.size();
    text.resize(before + size);
    REQUIRE(ZSTD_decompress(text.data() + before, size, file.data(), frame) == size);
    file.remove_prefix(frame);
  }
  return text;
}

// Numbers of the lines of `file`, in the order in which they were delivered.
std::vector<std::vector<int>> delivered(SimMachine& machine, int files) {
  std::vector<std::string> paths;
  const Status listed = machine.files().list("/data", [&](const io::FolderEntry& entry) {
    // What a power cut left without one whole frame is kept aside; nothing of it was settled.
    if (!entry.name.ends_with(".broken")) paths.push_back("/data/" + std::string(entry.name));
    return true;
  });
  CHECK(listed.ok());
  // out.log.zst, out-1.log.zst, ..., out-10.log.zst: in the order in which they were made.
  std::sort(paths.begin(), paths.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b);
  });
  std::vector<std::vector<int>> numbers(static_cast<std::size_t>(files));
  for (const std::string& path : paths) {
    const std::string text = decompressed(path, machine.files().text(path).value());
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto end = rest.find('\n');
      REQUIRE_MESSAGE(end != std::string_view::npos, path);
      int file = -1, number = -1;
      const std::string line(rest.substr(0, end));
      REQUIRE_MESSAGE(std::sscanf(line.c_str(), "file %d line %d", &file, &number) == 2, line);
      numbers[static_cast<std::size_t>(file)].push_back(number);
      rest.remove_prefix(end + 1);
    }
  }
  return numbers;
}

constexpr int files = 3;

void write_lines_over_time(SimWorld& world, int lines, Duration over) {
  for (int number = 0; number < lines; ++number)
    for (int file = 0; file < files; ++file)
      world.at(after(world.now(), over * number / lines), [&world, file, number] {
        // The writers sync: what is tested is Runnel's disk, not theirs.
        SimFiles& disk = world.machine().files();
        const std::string path = concat("/var/log/", file, ".log");
        REQUIRE(disk.append(path, line_of(file, number)).ok());
        const Inode inode = disk.find(path).value();
        disk.finish_sync(inode, disk.begin_sync(inode));
      });
}

}  // namespace

TEST_CASE("agent: --once delivers what is there, once, and a second run finds nothing new") {
  SimWorld world(1);
  SimMachine& machine = world.machine();
  REQUIRE(machine.files().make_folders("/var/log").ok());
  for (int file = 0; file < files; ++file)
    for (int number = 0; number < 2000; ++number)
      REQUIRE(
          machine.files().append(concat("/var/log/", file, ".log"), line_of(file, number)).ok());
  for (int run = 0; run < 2; ++run) {
    Life life(machine, true);
    const auto ready = life.agent.prepare();
    REQUIRE(ready);
    CHECK(life.agent.run(0, nullptr) == 0);
    CHECK_FALSE(world.stalled());
    const auto& parts = life.agent.parts();
    CHECK(parts.sources[0].counters.received_events == (run == 0 ? 6000u : 0u));
    // What the disk had to bear is said, and by whom; and how long the loop's turns were.
    CHECK(parts.sinks[0].counters.written_bytes == parts.sinks[0].counters.sent_bytes);
    CHECK((parts.sources[0].counters.written_bytes > 0) == (parts.sources[0].counters.syncs > 0));
    const std::string said = life.agent.summary();
    CAPTURE(said);
    CHECK((said.find("\n  disk: ") != said.npos) == (run == 0));
    CHECK((said.find("sources.logs ", said.find("\n  disk: ")) != said.npos) == (run == 0));
    CHECK(said.find("\n  loop: ") != said.npos);
  }
  for (const auto& numbers : delivered(machine, files)) {
    CHECK(numbers.size() == 2000);
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

namespace {

struct Crashes {
  std::uint64_t seed;
  bool power_loss;
};

// Runs until killed; true when it ended by itself.
bool live(SimWorld& world, bool last, Instant killed_at, bool power_loss) {
  SimMachine& machine = world.machine();
  std::optional<Unaccounted> unaccounted;
  if (!last) unaccounted.emplace();
  auto life = std::make_unique<Life>(machine, last);
  const auto ready = life->agent.prepare();
  REQUIRE(ready);
  life->agent.begin(0, nullptr);
  while (life->agent.running()) {
    if (!last && world.now() >= killed_at) {
      power_loss ? machine.power_loss() : machine.kill();
      (void)life.release();
      return false;
    }
    life->agent.turn(last ? never : killed_at);
    REQUIRE_FALSE(world.stalled());
  }
  CHECK(life->agent.exit_code() == 0);
  return true;
}

void survive(const Crashes& crashes) {
  INFO("seed " << crashes.seed << (crashes.power_loss ? " power loss" : " kill"));
  SimOptions options = SimOptions::rough();
  SimWorld world(crashes.seed, options);
  SimMachine& machine = world.machine();
  REQUIRE(machine.files().make_folders("/var/log").ok());
  for (int file = 0; file < files; ++file)
    REQUIRE(machine.files().put(concat("/var/log/", file, ".log"), "").ok());
  machine.files().sync_all();
  constexpr int lines = 400;
  write_lines_over_time(world, lines, 10s);
  Random random(crashes.seed * 7919);
  int lives = 0;
  for (Instant next = world.now(); next < after(instant_from_ns(0), 11s);) {
    next = after(world.now(), Duration(static_cast<std::int64_t>(random.below(2'000'000'000))));
    live(world, false, next, crashes.power_loss);
    ++lives;
  }
  world.run_for(11s);
  CHECK(live(world, true, never, false));
  const auto all = delivered(machine, files);
  for (std::size_t file = 0; file < all.size(); ++file) {
    std::vector<int> numbers = all[file];
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    CHECK(numbers.size() == lines);
    // Each life can repeat at most what was not yet checkpointed when it ended.
    CHECK(all[file].size() <= static_cast<std::size_t>(lines * (lives + 1)));
  }
}

const std::uint64_t seeds = test::paced(40, 10);

}  // namespace

TEST_CASE("agent: over a journal, kill -9 and power cuts lose nothing") {
  for (const std::string_view section : in_a_journal) {
    channel_section = section;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) survive({seed, seed % 2 == 0});
  }
  channel_section = in_memory;
}
TEST_CASE("agent: kill -9 at any time loses nothing") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) survive({seed, false});
}
TEST_CASE("agent: power cuts lose nothing that was in the log files") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) survive({seed, true});
}
