// Goal: a right configuration becomes the settings it says, with standard values filled in and with
// what components learn from each other. Method: whole files, the first one that of the issue.
#include "agent/settings.hpp"

#include <algorithm>
#include <map>

#include <doctest/doctest.h>

#include "agent/toml_reader.hpp"
#include "fake_components.hpp"

using namespace runnel;
using namespace runnel::agent;

namespace {

constexpr std::string_view sample = R"([agent]
name = "gateway-17"
state_dir = "/var/lib/runnel"
memory_limit = "16MiB"
drain_timeout = "10s"

[sources.applog]
type = "tail"
paths = ["/var/log/*.log"]
start_at = "beginning"
channels = ["main"]

[sources.syslog]
type = "syslog"
listen = ["udp://127.0.0.1:5514", "tcp://127.0.0.1:5514"]
channels = ["main"]

[channels.main]
type = "memory"
capacity = "4MiB"
when_full = "block"

[sinks.archive]
type = "file"
channel = "main"
path = "/data/logs/%Y-%m-%d.log.zst"
encoding = "text"
compression = { codec = "zstd", level = 1 }
batch = { max_bytes = "256KiB", max_events = 10000, linger = "1s" }
roll = { max_bytes = "64MiB", max_age = "1h" }
)";

Built<Settings> read(std::string_view text, std::map<std::string, std::string> variables = {}) {
  const auto environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  return read_settings(text, "f.toml", testing::fake_components(), environment);
}

std::string problem_of(std::string_view text) {
  const auto settings = read(text);
  return settings ? "accepted" : settings.error().text;
}

}  // namespace

TEST_CASE("settings: the sample") {
  const auto settings = read(sample);
  REQUIRE_MESSAGE(settings.has_value(), (settings ? "" : settings.error().text));
  CHECK(settings->agent.name == "gateway-17");
  CHECK(settings->agent.state_dir == "/var/lib/runnel");
  CHECK(settings->agent.memory_limit_bytes == 16u << 20);
  CHECK(settings->agent.drain_timeout == 10s);
  CHECK(settings->agent.log_format == LogFormat::text);
  CHECK(settings->agent.log_level == Level::info);

  REQUIRE(settings->sources.size() == 2);
  CHECK(settings->sources[0].name == "applog");
  CHECK(settings->sources[0].type->name == "tail");
  CHECK(settings->sources[0].plan->reads("/var/log/x.log"));
  CHECK(settings->sources[1].name == "syslog");
  CHECK(settings->sources[1].channels == std::vector<std::size_t>{0});

  REQUIRE(settings->channels.size() == 1);
  CHECK(settings->channels[0].name == "main");
  CHECK(settings->channels[0].settings.capacity_bytes == 4u << 20);
  CHECK(settings->channels[0].settings.subscriptions_max == 1);

  REQUIRE(settings->sinks.size() == 1);
  CHECK(settings->sinks[0].name == "archive");
  CHECK(settings->sinks[0].channel == 0);
  const auto& delivery = settings->sinks[0].plan->delivery;
  CHECK(delivery.take.bytes_max == 256u << 10);
  CHECK(delivery.take.events_max == 10'000);
  CHECK(delivery.take.linger == 1s);
  CHECK(delivery.codec == codec::Codec::zstd);
  CHECK(delivery.level == 1);
  CHECK(delivery.encoding == pipeline::Encoding::text);
  CHECK(delivery.partitions);                             // what the sink says of itself is kept
  CHECK(delivery.record_bytes_max == (64u << 10) + 128);  // of the tail, the larger source
}

TEST_CASE("settings: the order is that of the file, and each sink learns from its own sources") {
  const auto settings = read(R"(
[sinks.zoo]
type = "null"
channel = "b"
[sinks.ant]
type = "null"
channel = "a"
[sinks.bee]
type = "null"
channel = "a"
[channels.b]
type = "memory"
[channels.a]
type = "memory"
[sources.small]
type = "tail"
paths = ["/s"]
event_bytes_max = 1024
channels = ["a", "b"]
[sources.large]
type = "tail"
paths = ["/l"]
event_bytes_max = "1MiB"
channels = ["a"]
)");
  REQUIRE_MESSAGE(settings.has_value(), (settings ? "" : settings.error().text));
  CHECK(settings->sinks[0].name == "zoo");
  CHECK(settings->sinks[1].name == "ant");
  CHECK(settings->channels[0].name == "b");
  CHECK(settings->sinks[0].channel == 0);
  CHECK(settings->sinks[1].channel == 1);
  CHECK(settings->sources[0].channels == std::vector<std::size_t>{1, 0});
  CHECK(settings->channels[0].settings.subscriptions_max == 1);
  CHECK(settings->channels[1].settings.subscriptions_max == 2);
  CHECK(settings->sinks[0].plan->delivery.record_bytes_max == 1024 + 128);
  CHECK(settings->sinks[1].plan->delivery.record_bytes_max == (1u << 20) + 128);
  CHECK(settings->agent.name == "runnel");
  CHECK(settings->agent.memory_limit_bytes == 64u << 20);
}

TEST_CASE("settings: variables are read as what their option takes") {
  constexpr std::string_view text = R"(
[sources.s]
type = "${TYPE}"
paths = ["${FOLDER:-/var/log}/*.log", "$${literal}"]
follow = "${FOLLOW}"
files_max = "${FILES}"
event_bytes_max = "${KIB}KiB"
channels = ["${CHANNEL:-c}"]
[channels.c]
type = "memory"
[sinks.k]
type = "null"
channel = "c"
)";
  auto settings = read(text, {{"TYPE", "tail"}, {"FOLLOW", "false"}, {"FILES", "7"}, {"KIB", "2"}});
  REQUIRE_FALSE(settings.has_value());  // "${literal}" is not an absolute path for this source
  CHECK(settings.error().text ==
        "f.toml:4:9: sources.s: paths has \"${literal}\", which is not absolute");
  std::string repaired(text);
  repaired.replace(repaired.find("$${literal}"), 11, "/$${literal}");
  settings = read(repaired, {{"TYPE", "tail"}, {"FOLLOW", "false"}, {"FILES", "7"}, {"KIB", "2"}});
  REQUIRE_MESSAGE(settings.has_value(), (settings ? "" : settings.error().text));
  CHECK(settings->sources[0].plan->reads("/var/log/a.log"));
  CHECK(settings->sources[0].plan->reads("/${literal}"));
  CHECK(settings->sources[0].plan->record_bytes_max() == 2048 + 128);
}

TEST_CASE("settings: an empty file, and one that is too large") {
  constexpr std::string_view empty =
      "f.toml: the configuration is empty; it needs [sources.NAME], [channels.NAME] and "
      "[sinks.NAME]";
  CHECK(problem_of("") == empty);
  CHECK(problem_of("# nothing\n\n") == empty);
  CHECK(problem_of(std::string(configuration_bytes_max + 1, '\n')) ==
        "f.toml: the file is larger than 1.0 MiB; a configuration is not");
  CHECK(problem_of("a = 1\nb = \"" + std::string(line_bytes_max, 'x') + "\"\n") ==
        "f.toml:2:1: the line is longer than 4096 bytes; break the list over several lines");
}

TEST_CASE("settings: the first twenty mistakes are told, and how many more there are") {
  std::string text;
  for (int index = 0; index < 30; ++index) text += concat("[wholly_unknown_", index, "]\n");
  const std::string problem = problem_of(text);
  CHECK(std::count(problem.begin(), problem.end(), '\n') == 20);
  CHECK(problem.starts_with("f.toml: there is no channel; add [channels.NAME] with its type\n"));
  CHECK(problem.ends_with("\nf.toml: and 13 more"));
}

TEST_CASE("settings: hostile nesting ends in a message") {
  // Dotted names nest tables as deep as a line is long.
  std::string dotted;
  while (dotted.size() < line_bytes_max - 8) dotted += "a.";
  CHECK(problem_of(dotted + "a = 1\n").find("nested more than 8 levels deep") != std::string::npos);
  // And inline tables over several lines, inside lists, nest them again.
  std::string text;
  for (int level = 0; level < 7; ++level) text += dotted + "a = [\n{";
  CHECK(problem_of(text).starts_with("f.toml:"));
  for (int level = 0; level < 7; ++level) text += "}\n]";
  CHECK(problem_of(text).starts_with("f.toml:"));
  CHECK(problem_of(std::string(4000, '[')).starts_with("f.toml:1:"));
  CHECK(problem_of("a = " + std::string(4000, '[')).starts_with("f.toml:1:"));
}

TEST_CASE("settings: bytes that are not text") {
  CHECK(problem_of("\xff\xfe\x00").starts_with("f.toml:1:1: not valid TOML"));
  CHECK(problem_of(std::string(100, '\0')).starts_with("f.toml:1:1: not valid TOML"));
  // Control bytes of a file never reach the terminal.
  const std::string problem = problem_of("\"\\u001b[31m\" = 1\n");
  CHECK(problem.find('\x1b') == std::string::npos);
  CHECK(problem.find("unknown table \"?[31m\"") != std::string::npos);
}

TEST_CASE("settings: letters of other scripts where a space could stand") {
  // Found by tests/fuzz: toml++ calls that impossible. Undefined behaviour is for the sanitized
  // build.
  for (const std::string text :
       {"a = 0x\u0379\n", "a = [\u00e9]\n", "a = 1 \u0416\n", "\u00fc = 1\n"}) {
    const auto settings = read(text);
    REQUIRE_FALSE(settings.has_value());
    CHECK(settings.error().text.find(":1:") != std::string::npos);
  }
}

TEST_CASE("settings: every prefix of the sample is refused or accepted, nothing else") {
  for (std::size_t size = 0; size < sample.size(); ++size) {
    const auto settings = read(sample.substr(0, size));
    if (!settings) CHECK(settings.error().text.starts_with("f.toml:"));
  }
}

TEST_CASE("settings: names of components") {
  CHECK(is_component_name("a"));
  CHECK(is_component_name("App-log_7"));
  CHECK(is_component_name(std::string(64, 'x')));
  for (const char* wrong : {"", "a b", "a.b", "a/b", "..", "\xc3\xa4"})
    CHECK_MESSAGE(!is_component_name(wrong), wrong);
  CHECK_FALSE(is_component_name(std::string(65, 'x')));
}

TEST_CASE("settings: too many of a kind") {
  std::string text =
      "[channels.c]\ntype = \"memory\"\n[sinks.k]\ntype = \"null\"\nchannel = \"c\"\n";
  const auto source = [](std::size_t index) {
    return concat("[sources.s", index, "]\ntype = \"syslog\"\nchannels = [\"c\"]\n");
  };
  for (std::size_t index = 0; index < sources_max; ++index) text += source(index);
  CHECK(problem_of(text) == "accepted");
  text += source(sources_max);
  CHECK(problem_of(text) == "f.toml:774:10: there are 257 sources; at most 256 are possible");
}

TEST_CASE("settings: what came out of a file is used, and never shown") {
  const auto environment = [](const std::string&) -> std::optional<std::string> {
    return std::nullopt;
  };
  const auto files = [](const std::string& path) -> tl::expected<std::string, std::string> {
    if (path == "/secret") return "open-sesame\n";
    if (path == "/size") return "2MiB\n";
    if (path == "/short") return "a-se";
    if (path == "/two") return "a-secret";
    if (path == "/long") return "a-secret" + std::string(3000, 'x');
    return tl::unexpected<std::string>("no such file");
  };
  const auto read_with = [&](std::string_view replaced, std::string_view by) {
    std::string text(sample);
    text.replace(text.find(replaced), replaced.size(), by);
    return read_settings(text, "f.toml", testing::fake_components(), environment, files);
  };
  const auto good = read_with("4MiB", "${file:/size}");
  REQUIRE(good.has_value());
  CHECK(good->channels[0].settings.capacity_bytes == 2u << 20);
  CHECK(read_with("4MiB", "${file:/none}").error().text ==
        "f.toml:20:12: channels.main.capacity names the file /none: no such file");
  const std::string wrong = read_with("4MiB", "${file:/secret}").error().text;
  CHECK(wrong.find("channels.main: capacity is *** (what came out of a file is not shown)") !=
        std::string::npos);
  CHECK(wrong.find("sesame") == std::string::npos);
  // Also where only a part of the text is secret.
  const std::string choice = read_with("block", "block ${file:/secret}").error().text;
  CHECK(choice.find("is *** (what") != std::string::npos);
  CHECK(choice.find("sesame") == std::string::npos);
  // One that begins another, and one that is longer than any line.
  for (const char* path : {"/two", "/long"}) {
    const auto both = read_with("4MiB", concat("${file:/short}${file:", path, "}"));
    CHECK(both.error().text.find("secret") == std::string::npos);
  }
}
