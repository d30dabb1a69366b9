// What tests of the tail source share: a machine with a folder of logs that the test writes, and a
// process that runs the source for one life, which ends in order or by a kill.
#pragma once

#include <algorithm>
#include <map>
#include <memory>

#include "sources/tail/tail.hpp"
#include "tests/sim/pipeline_world.hpp"

namespace runnel::sim {

using Bodies = std::vector<std::string>;

inline Bodies sorted(Bodies bodies) {
  std::sort(bodies.begin(), bodies.end());
  return bodies;
}

inline std::string number(int n) { return "line " + std::to_string(n); }
// The lines `from` to `end` - 1.
inline std::string numbered(int from, int end) {
  std::string text;
  for (int line = from; line < end; ++line) text += number(line) + "\n";
  return text;
}

// Where the source's positions are.
inline constexpr const char* checkpoint = "/state/tail-test.checkpoint";

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
  // The same, where the rest of the test makes no sense without them.
  void read(std::size_t events, Duration limit = 30s) {
    CAPTURE(events);
    REQUIRE(wait_for(events, limit));
  }
  void start_and_read(std::size_t events) {
    start();
    read(events);
  }
  bool wait_for_end(Duration limit) {
    return process.run_until([&] { return ended; }, limit);
  }
  void end() {
    process.stop_request.request();
    REQUIRE(wait_for_end(5s));
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
  // Exactly the lines 0 to `lines` - 1 of `numbered`.
  bool in_order(int lines) const {
    if (process.seen.size() != static_cast<std::size_t>(lines)) return false;
    for (int line = 0; line < lines; ++line)
      if (process.seen[static_cast<std::size_t>(line)].body != number(line)) return false;
    return true;
  }
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
    make_folder("/log");
    make_folder("/state");
  }
  SimMachine& machine() { return world.machine(); }
  SimFiles& files() { return machine().files(); }
  void append(std::string_view path, std::string_view text) {
    REQUIRE(files().append(path, text).ok());
  }
  // In place of whatever the file held.
  void put(std::string_view path, std::string_view text) { REQUIRE(files().put(path, text).ok()); }
  void rename(std::string_view from, std::string_view to) {
    REQUIRE(files().rename(from, to, false).ok());
  }
  void unlink(std::string_view path) { REQUIRE(files().unlink(path).ok()); }
  void make_folder(std::string_view path) { REQUIRE(files().make_folders(path).ok()); }
  void at(Duration later, std::function<void()> deed) {
    world.at(after(world.now(), later), std::move(deed));
  }

  SimWorld world;
};

}  // namespace runnel::sim
