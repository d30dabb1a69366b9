// Goal: what `runnel list` prints is aligned, complete and honest about defaults and ranges.
// Method: whole outputs for small types.
#include "agent/listing.hpp"

#include <doctest/doctest.h>

#include "agent/exit_codes.hpp"
#include "fake_components.hpp"

using namespace runnel;
using namespace runnel::agent;

namespace {
const Registry& fakes = testing::fake_components();
}

TEST_CASE("listing: all types") {
  CHECK(list_types(fakes) == R"(sources
  tail    active   reads files
  syslog  passive  takes syslog

channels
  memory  a ring

sinks
  file  writes files
  null  throws away

runnel list TYPE prints the options of a type, runnel list agent those of [agent]
)");
}

TEST_CASE("listing: one type") {
  const auto text = list_type(fakes, "tail", false);
  REQUIRE(text.has_value());
  CHECK(*text == R"(tail (active source): reads files

  OPTION           TYPE           DEFAULT   VALUES         MEANING
  paths            list of texts  required                 files and globs
  start_at         text           "end"     beginning|end  where to begin
  event_bytes_max  size           "64KiB"   256B to 8MiB   longer lines are cut
  poll_interval    duration       "1s"      10ms to 1h     how often
  files_max        number         1000      1 to 10000     how many
  follow           boolean        true                     go on at the end
  channels = ["..."], 1 to 4 of them, are required too
)");
}

TEST_CASE("listing: sinks list what they share with others") {
  const auto file = list_type(fakes, "file", false);
  REQUIRE(file.has_value());
  for (const char* option : {"path", "roll.max_age", "encoding", "compression.level",
                             "batch.linger", "retry.longest", "channel = \"...\" is required too"})
    CHECK_MESSAGE(file->find(option) != std::string::npos, option);
  const auto null = list_type(fakes, "null", false);
  REQUIRE(null.has_value());
  CHECK(null->find("encoding") == std::string::npos);
  CHECK(null->find("batch.linger") != std::string::npos);
}

TEST_CASE("listing: markdown") {
  CHECK(list_type(fakes, "memory", true) == R"(| Option | Type | Default | Values | Meaning |
|---|---|---|---|---|
| `capacity` | size | `"4MiB"` | 64KiB to 1GiB | of the ring |
| `when_full` | text | `"block"` | block\|drop_newest\|drop_oldest | what then |
)");
  const auto listen = list_type(fakes, "syslog", true);
  REQUIRE(listen.has_value());
  CHECK(listen->find("`[\"udp://0.0.0.0:514\", \"tcp://0.0.0.0:514\"]`") != std::string::npos);
}

TEST_CASE("listing: the markdown of a sink leaves out what all sinks share") {
  const auto file = list_type(fakes, "file", true);
  REQUIRE(file.has_value());
  CHECK(file->find("`roll.max_age`") != std::string::npos);
  CHECK(file->find("batch.") == std::string::npos);
  CHECK(list_type(fakes, "null", true) == "");
  CHECK(list_type(fakes, "sinks", true)->find("`batch.linger`") != std::string::npos);
}

TEST_CASE("listing: the agent and names that are not there") {
  const auto agent = list_type(fakes, "agent", false);
  REQUIRE(agent.has_value());
  CHECK(agent->find("drain_timeout") != std::string::npos);
  const auto typo = list_type(fakes, "tial", false);
  REQUIRE_FALSE(typo.has_value());
  CHECK(typo.error().exit_code == exit_codes::usage);
  CHECK(typo.error().text == "runnel list: there is no type \"tial\"; did you mean \"tail\"?");
  CHECK(list_type(fakes, "kubernetes", false).error().text ==
        "runnel list: there is no type \"kubernetes\"; possible: tail, syslog, memory, file, null, "
        "agent, groups, links, sinks, connections");
}
