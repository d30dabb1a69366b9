// Goal: what `runnel rehearse` prints is what it has computed, every policy has its sentence, and
// the page's example is what the program says. Method: whole outputs of small configurations.
#include <fstream>
#include <iterator>
#include <sstream>

#include <doctest/doctest.h>

#include "agent/command_line.hpp"
#include "agent/exit_codes.hpp"
#include "agent/rehearse/rehearse.hpp"

using namespace runnel;
using namespace runnel::agent;

namespace {

RehearseRequest load(Duration outage, RehearseRequest::Rate rate) {
  RehearseRequest request;
  request.outage = outage;
  request.rate = rate;
  request.event_bytes = 40;  // a record of 64
  request.link_bits_per_second = 8000;
  request.ratio_percent = 400;
  return request;
}

Built<Settings> settings_from(const std::string& text) {
  return read_settings(text, "gateway.toml", components(),
                       [](const std::string&) { return std::optional<std::string>(); });
}

constexpr std::string_view two_channels = R"([sources.in]
type = "generate"
channels = ["ring", "book"]
[channels.ring]
type = "memory"
capacity = "64KiB"
[channels.book]
type = "journal"
path = "/var/lib/runnel/book.journal"
block_bytes = "64KiB"
when_full = "drop_newest"
[sinks.one]
type = "null"
channel = "ring"
[sinks.two]
type = "console"
channel = "book"
encoding = "json"
compression = { codec = "zstd" }
)";

}  // namespace

TEST_CASE("rehearse: every policy and every sink has its sentence") {
  const auto settings = settings_from(std::string(two_channels));
  REQUIRE_MESSAGE(settings.has_value(), settings.error().text);
  RehearseRequest request = load(1h, {90, 1min});
  request.link_bits_per_second = 1'500'000;
  request.ratio_percent = 450;
  const auto text = rehearse_outage(*settings, request, "gateway.toml");
  REQUIRE(text.has_value());
  CHECK(*text ==
        R"(gateway.toml: an outage of 1.0 h, 90 events a minute of 40 B, then a link of 1.5 Mbit/s.
Assumed: zstd makes them 4.5 times smaller (--ratio). Each channel gets all events, all of its sinks
are away, each then has the link for itself, and nothing waits when it begins.

channels.ring (memory, block)
  An event takes 64 B of memory.
  5,400 events come, 1,024 wait for the link at the end:
  64.0 KiB of 64.0 KiB (100 %) of the ring are full.
  It is full after 11.3 min; from then on the sources wait, with 4,376 events.
  What a source cannot keep (UDP) is lost.
  sinks.one (not compressed): what comes needs 480 bit/s; the link carries 1.5 Mbit/s.
  It has drained 218 ms after the link is back,
  or 1.1 s if the sources still have what they waited with.

channels.book (journal, drop_newest)
  An event takes 64 B of memory. Most blocks on disk have 2 events in 4.0 KiB.
  5,400 events come, 5,400 wait for the link at the end:
  10.5 MiB of 61.8 MiB (17 %) of the file are full.
  It does not run full: nothing is dropped, no source waits.
  Written to disk in the outage: 10.5 MiB and 2,700 syncs.
  On a day of it: 253 MiB and 64,800 syncs.
  On a day without outage: 284 MiB and 72,900 syncs.
  sinks.two (compressed): what comes needs 275 bit/s; the link carries 1.5 Mbit/s.
  It has drained 659 ms after the link is back.
)");
  request.link_bits_per_second = 1;
  request.outage = 24h * 30;
  const auto worse = rehearse_outage(*settings, request, "gateway.toml");
  REQUIRE(worse.has_value());
  CHECK(worse->find("what comes is dropped: ") != worse->npos);
  CHECK(worse->find("It never drains: the link carries less than what comes.") != worse->npos);
}

TEST_CASE("rehearse: more than may be written in a day is said") {
  for (const char* limit : {"100MiB", "300MiB"}) {
    std::string text(two_channels);
    text.insert(text.find("when_full = "), concat("max_bytes_written_per_day = \"", limit, "\"\n"));
    const auto settings = settings_from(text);
    REQUIRE_MESSAGE(settings.has_value(), settings.error().text);
    const auto said = rehearse_outage(*settings, load(1h, {90, 1min}), "gateway.toml");
    REQUIRE(said.has_value());
    const bool warned = said->find("more than max_bytes_written_per_day = 100MiB") != said->npos;
    CHECK(warned == (limit == std::string_view("100MiB")));
  }
}

TEST_CASE("rehearse: an event that a channel could not take") {
  const auto settings = settings_from(std::string(two_channels));
  RehearseRequest request = load(1h, {1, 1s});
  request.event_bytes = 32 * 1024 - 24;
  CHECK(rehearse_outage(*settings, request, "gateway.toml").has_value());
  request.event_bytes += 1;
  const auto refused = rehearse_outage(*settings, request, "gateway.toml");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().exit_code == exit_codes::usage);
  CHECK(refused.error().text ==
        "runnel rehearse: --event-bytes is 31.9 KiB, but channels.ring takes events of at most "
        "32.0 KiB with their 24 B of record");
}

// RUNNEL_DOCS is set by tests/CMakeLists.txt.
TEST_CASE("rehearse: the page's example prints what the page says") {
  std::ifstream file(RUNNEL_DOCS "/rehearse.md");
  REQUIRE_MESSAGE(file.good(), "docs/rehearse.md is missing");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  std::size_t at = 0;
  const auto block_after = [&](std::string_view fence) {
    const std::size_t begin = page.find(fence, at) + fence.size();
    at = page.find("```", begin);
    REQUIRE(at < page.size());
    return page.substr(begin, at - begin);
  };
  const auto settings = settings_from(block_after("```toml\n"));
  REQUIRE_MESSAGE(settings.has_value(), settings.error().text);
  std::istringstream typed(block_after("```sh\n"));
  const std::vector<std::string> words{std::istream_iterator<std::string>(typed), {}};
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  const auto line = parse_command_line(static_cast<int>(arguments.size()), arguments.data());
  REQUIRE_MESSAGE(line.has_value(), line.error().text);
  at += 3;
  const auto text = rehearse_outage(*settings, line->rehearse, line->configuration_file);
  REQUIRE(text.has_value());
  CHECK(block_after("```\n") == *text);
}
