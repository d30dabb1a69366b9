// What tests of sinks share: a disk with a wall clock, a sink under its real runner, events that
// carry their number, and what of them the files of the disk hold.
#pragma once

#include <algorithm>
#include <set>

#include "pipeline/connection_options.hpp"
#include "pipeline/sink_runner.hpp"
#include "sinks/file/file.hpp"
#include "tests/sim/pipeline_world.hpp"
#include "tests/support/unaccounted.hpp"

namespace runnel::sim {

using namespace runnel::pipeline;

using Given = std::vector<std::pair<std::string_view, std::string_view>>;

// 2026-11-22T23:59:00Z
inline constexpr WallTime late_evening = wall_from_ns(1'795'391'940'000'000'000);
inline constexpr std::string_view source_names[] = {"test"};

// A sink of this type with its runner, built on both kinds of region.
struct SinkUnderTest {
  std::unique_ptr<SinkPlan> plan;
  Sink* sink = nullptr;
  SinkRunner* runner = nullptr;

  SinkUnderTest(const SinkType& type, const Given& given) {
    OptionValues values;
    const std::span<const Option> none;
    const auto tables = {type.options, delivery_options(),
                         type.connects ? connection_options() : none, encoding_options(type)};
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
    const DeliverySettings wishes = plan->delivery;
    const auto delivery = delivery_settings(values);
    REQUIRE(delivery.has_value());
    plan->delivery = *delivery;
    plan->delivery.keep_wishes_of(wishes);
  }
  SinkRunner* build(Region& region, SinkContext* context) {
    // Its memory goes away as it is: that of a process that was killed has to.
    const Unaccounted left;
    sink = plan->build(region, context);
    const DeliveryMemory memory = DeliveryMemory::carve(region, plan->delivery);
    void* place = region.bytes(sizeof(SinkRunner), "runner", alignof(SinkRunner)).data();
    if (region.is_measuring()) return nullptr;
    return new (place) SinkRunner(*context, *sink, plan->delivery, memory, source_names);
  }
  Started start(PipelineProcess& process) {
    runner = process.build(*this, *process.sink_context);
    Started started = process.complete(runner->start());
    return started ? process.complete(sink->start()) : started;
  }
  void run(PipelineProcess& process) {
    const Started started = start(process);
    REQUIRE_MESSAGE(started.has_value(), started.error().text);
    process.spawn(runner->run());
  }
};

inline SinkUnderTest file_sink(Given given) {
  const auto add = [&](std::string_view name, std::string_view text) {
    const bool there = std::any_of(given.begin(), given.end(),
                                   [&](const auto& each) { return each.first == name; });
    if (!there) given.emplace_back(name, text);
  };
  add("path", "/data/all.log");
  add("batch.linger", "1ms");
  return SinkUnderTest(sinks::file_type, given);
}

inline std::string body(std::uint64_t number, std::size_t size = 100) {
  std::string text = "event " + std::to_string(number) + " ";
  while (text.size() < size) text += 'x';
  return text;
}
inline void put(PipelineProcess& process, std::uint64_t from, std::uint64_t until,
                std::size_t size = 100) {
  for (std::uint64_t number = from; number < until; ++number) {
    const std::string text = body(number, size);
    REQUIRE(
        process.run_until([&] { return process.channel->fits(record_bytes(0, text.size())); }, 1h));
    process.put(text);
  }
}
inline bool drain(PipelineProcess& process, Duration limit = 60s) {
  return process.run_until([&] { return process.channel->drained(); }, limit);
}
// A process dies between two completions: what is ready to run has run.
inline void die(PipelineProcess& process, bool power_loss = false) {
  while (!process.scheduler->idle()) process.scheduler->turn(process.scheduler->now());
  process.kill(power_loss);
}
// Closes the channel and lets the runner end by itself.
inline void finish(PipelineProcess& process) {
  process.channel->close();
  REQUIRE(process.run_until([&] { return process.tasks() == 0; }, 1h));
}

inline std::vector<std::string> names(SimMachine& machine, const char* folder = "/data") {
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
inline std::set<std::uint64_t> readable_numbers(std::string_view text) {
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
inline std::vector<std::uint64_t> numbers_in(std::string_view text) {
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
inline std::string text_of(SimMachine& machine, const std::string& path) {
  const auto text = machine.files().text(path);
  REQUIRE_MESSAGE(text.has_value(), path);
  return *text;
}
// Of all files in /data, as a set and counted.
struct Found {
  std::set<std::uint64_t> numbers;
  std::uint64_t lines = 0;
};
inline Found found_in(SimMachine& machine) {
  Found found;
  for (const std::string& name : names(machine)) {
    for (const std::uint64_t number : numbers_in(text_of(machine, "/data/" + name))) {
      found.numbers.insert(number);
      ++found.lines;
    }
  }
  return found;
}
inline std::set<std::uint64_t> readable_in(SimMachine& machine) {
  std::set<std::uint64_t> all;
  for (const std::string& name : names(machine))
    all.merge(readable_numbers(text_of(machine, "/data/" + name)));
  return all;
}
inline bool has_all(const Found& found, std::uint64_t until) {
  return found.numbers.size() == until && (until == 0 || *found.numbers.rbegin() == until - 1);
}

// Nineteen times the peer is away while something comes, and back while more does: 100 to 1999.
template <class Peer>
void die_often(PipelineProcess& process, Peer& peer) {
  for (std::uint64_t round = 1; round < 20; ++round) {
    peer.stop();
    put(process, round * 100, round * 100 + 50);
    process.run_for(100ms);
    peer.start();
    put(process, round * 100 + 50, round * 100 + 100);
    REQUIRE(drain(process, 2min));
  }
}

struct Disk {
  explicit Disk(std::uint64_t seed = 1, const SimOptions& options = SimOptions::calm())
      : world(seed, options), machine(world.machine()) {
    world.set_wall_clock(late_evening);
  }
  SimWorld world;
  SimMachine& machine;
};

}  // namespace runnel::sim
