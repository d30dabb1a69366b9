// Goal: the options of the sinks and of the memory channel mean what the tables say, their standard
// values are valid, and contradictions are refused by name. Method: plans from option values.
#include <doctest/doctest.h>

#include "channels/memory/memory.hpp"
#include "sinks/console/console.hpp"
#include "sinks/file/file.hpp"
#include "sinks/null/null.hpp"

using namespace runnel;
using namespace runnel::pipeline;

namespace {

using Given = std::initializer_list<std::pair<std::string_view, std::string_view>>;

OptionValues values_of(std::initializer_list<std::span<const Option>> tables, Given given) {
  OptionValues values;
  for (const auto& [name, text] : given) {
    const Option* found = nullptr;
    for (const auto& table : tables)
      for (const Option& option : table)
        if (option.name == name) found = &option;
    REQUIRE(found != nullptr);
    auto value = parse_option(*found, text);
    REQUIRE(value.has_value());
    values.set(name, *value);
  }
  for (const auto& table : tables) fill_standard(table, values);
  return values;
}
auto file_plan(Given given) {
  return sinks::file_type.plan(
      values_of({sinks::file_type.options, encoding_options(), delivery_options()}, given));
}
std::string refused_option(Given given) {
  const auto plan = file_plan(given);
  return plan ? "none" : plan.error().option;
}

}  // namespace

TEST_CASE("file sink: the sample of the manual is accepted") {
  const auto plan = file_plan({{"path", "/data/logs/%Y-%m-%d.log.zst"},
                               {"encoding", "text"},
                               {"compression.codec", "zstd"},
                               {"compression.level", "1"},
                               {"roll.max_bytes", "64MiB"},
                               {"roll.max_age", "1h"}});
  REQUIRE(plan.has_value());
  CHECK_FALSE((*plan)->delivery.partitions);
  const auto writes = (*plan)->writes();
  REQUIRE(writes.size() == 4);
  CHECK(writes[0].starts_with("/data/logs/2026-"));
  CHECK(writes[0].ends_with(".log.zst"));
  CHECK(writes[1] == writes[0] + ".tmp");
  CHECK(writes[2].ends_with("-1.log.zst"));
  Region region = Region::measuring();
  CHECK((*plan)->build(region, nullptr) == nullptr);
  CHECK(region.used() < 16 * 1024);
}

TEST_CASE("file sink: a path with headers has partitions, and memory for them") {
  const auto plan = file_plan({{"path", "/data/%{host}.log"}});
  REQUIRE(plan.has_value());
  CHECK((*plan)->delivery.partitions);
  Region region = Region::measuring();
  (*plan)->build(region, nullptr);
  CHECK(region.handles() >= 16);
  CHECK(region.used() < 128 * 1024);
}

TEST_CASE("file sink: contradictions are refused by the name of the option") {
  CHECK(refused_option({{"path", "/data/x.log"}}) == "none");
  CHECK(refused_option({{"path", "/data/x.log.zst"}}) == "path");
  CHECK(refused_option({{"path", "/data/x.gz"}, {"compression.codec", "zstd"}}) == "path");
  CHECK(refused_option({{"path", "/data/x.gz"}, {"compression.codec", "gzip"}}) == "none");
  CHECK(refused_option({{"path", "x.log"}}) == "path");
  CHECK(refused_option({{"path", "/data/x.log"}, {"fsync", "often"}}) == "fsync");
  for (const char* good : {"batch", "roll", "never", "200ms", "0s"})
    CHECK(refused_option({{"path", "/data/x.log"}, {"fsync", good}}) == "none");
  CHECK(refused_option({{"path", "/data/x.log"}, {"roll.max_bytes", "1KiB"}}) == "roll.max_bytes");
  CHECK(refused_option({{"path", "/data/x.log"}, {"roll.max_bytes", "0"}}) == "none");
}

TEST_CASE("null and console: no options of their own") {
  const auto null_plan = sinks::null_type.plan(values_of({delivery_options()}, {}));
  REQUIRE(null_plan.has_value());
  CHECK_FALSE(sinks::null_type.encodes);
  CHECK((*null_plan)->writes().empty());
  CHECK(sinks::console_type.encodes);
  CHECK(sinks::console_type.plan(values_of({delivery_options(), encoding_options()}, {})));
}

TEST_CASE("memory channel: capacity and what happens when it is full") {
  const auto settings_of = [](Given given) {
    return channels::memory_type.plan(values_of({channels::memory_type.options}, given));
  };
  CHECK(settings_of({})->capacity_bytes == 4u << 20);
  CHECK(settings_of({})->when_full == WhenFull::block);
  CHECK(settings_of({{"capacity", "64KiB"}})->capacity_bytes == 64u << 10);
  CHECK(settings_of({{"when_full", "drop_newest"}})->when_full == WhenFull::drop_newest);
  CHECK(settings_of({{"when_full", "drop_oldest"}})->when_full == WhenFull::drop_oldest);
  const Option& capacity = channels::memory_type.options[0];
  CHECK_FALSE(parse_option(capacity, "63KiB").has_value());
  CHECK_FALSE(parse_option(capacity, "2GiB").has_value());
  CHECK_FALSE(parse_option(channels::memory_type.options[1], "explode").has_value());
}
