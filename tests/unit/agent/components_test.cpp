// Goal: the real components are registered soundly, the sample configuration works as it stands,
// and the documentation says what the option tables say. Method: the real registry against itself,
// the sample, and every page of docs/: its option table must be the generated one, and each TOML
// block must be accepted.
#include "agent/components.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include <doctest/doctest.h>

#include "agent/listing.hpp"
#include "agent/settings.hpp"
#include "pipeline/connection_options.hpp"

using namespace runnel;
using namespace runnel::agent;

namespace {

// RUNNEL_DOCS is set by tests/CMakeLists.txt.
std::string docs_folder() { return RUNNEL_DOCS "/"; }

std::string read_page(const std::string& name) {
  std::ifstream file(docs_folder() + name);
  CHECK_MESSAGE(file.good(), "docs/", name, " is missing");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string problem_of(const std::string& text) {
  const auto environment = [](const std::string&) -> std::optional<std::string> { return "x"; };
  const auto settings = read_settings(text, "page", components(), environment);
  return settings ? std::string() : settings.error().text;
}

// What stands between two marks, without them.
std::string between(const std::string& page, std::string_view from, std::string_view to) {
  const std::size_t begin = page.find(from);
  if (begin == page.npos) return "no " + std::string(from);
  const std::size_t end = page.find(to, begin + from.size());
  if (end == page.npos) return "no " + std::string(to);
  return page.substr(begin + from.size(), end - begin - from.size());
}

void check_table(const std::string& page, const std::string& type) {
  const auto table = list_type(components(), type, true);
  REQUIRE(table.has_value());
  const std::string found =
      between(read_page(page), "<!-- options " + type + " -->\n", "<!-- /options -->");
  CHECK_MESSAGE(found == *table, "docs/", page, " is out of date: run docs/option_tables.py");
}

// Adds to a fragment what it leaves out, so that it can be read on its own.
std::string completed(std::string block) {
  if (block.find("[channels.") == block.npos) block += "\n[channels.main]\ntype = \"memory\"\n";
  if (block.find("[sources.") == block.npos)
    block += "\n[sources.added]\ntype = \"generate\"\nchannels = [\"main\"]\n";
  if (block.find("[sinks.") == block.npos)
    block += "\n[sinks.added]\ntype = \"null\"\nchannel = \"main\"\n";
  return block;
}

void check_examples(const std::string& page) {
  const std::string text = read_page(page);
  constexpr std::string_view fence = "```toml\n";
  for (std::size_t at = text.find(fence); at != text.npos; at = text.find(fence, at + 1)) {
    const std::size_t begin = at + fence.size();
    const std::string block = text.substr(begin, text.find("```", begin) - begin);
    const std::string problem = problem_of(completed(block));
    CHECK_MESSAGE(problem.empty(), "docs/", page, ":\n", block, problem);
  }
}

template <class Types>
void check_pages(const Types& types, const std::string& kind) {
  for (const auto* type : types) {
    const std::string page = kind + "-" + std::string(type->name) + ".md";
    if (!type->options.empty()) check_table(page, kind + "/" + std::string(type->name));
    check_examples(page);
  }
}

// Names are lower case and unique, what is standard is valid, and everything is explained.
void check_options(std::string_view owner,
                   std::initializer_list<std::span<const pipeline::Option>> tables) {
  std::set<std::string> seen = {"type", "channel", "channels"};
  for (const auto& table : tables)
    for (const pipeline::Option& option : table) {
      const std::string name = std::string(owner) + ": " + std::string(option.name);
      CHECK_MESSAGE(seen.insert(std::string(option.name)).second, name);
      CHECK_MESSAGE(option.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") ==
                        option.name.npos,
                    name);
      CHECK_MESSAGE(!option.help.empty(), name);
      if (option.required) continue;
      const auto standard = pipeline::parse_option(option, option.standard);
      CHECK_MESSAGE(standard.has_value(), name, " ", (standard ? "" : standard.error()));
    }
}

}  // namespace

TEST_CASE("components: the tables are sound") {
  const std::span<const pipeline::Option> none;
  for (const auto* type : components().sources) {
    check_options(type->name, {type->options});
    CHECK_FALSE(type->summary.empty());
  }
  for (const auto* type : components().channels) check_options(type->name, {type->options});
  for (const auto* type : components().sinks)
    check_options(type->name, {type->options, type->encodes ? pipeline::encoding_options() : none,
                               type->connects ? pipeline::connection_options() : none,
                               pipeline::delivery_options()});
  check_options("agent", {agent_options()});
  CHECK(components().sources.size() >= 5);
  CHECK(components().sinks.size() >= 3);
}

TEST_CASE("components: the sample of the configuration's page is accepted") {
  const std::string page = read_page("configuration.md");
  const std::string sample = between(page, "```toml\n", "```");
  CHECK(sample.starts_with("[agent]\nname = \"gateway-17\""));
  CHECK(problem_of(sample) == "");
}

TEST_CASE("components: a sink that feeds a source is refused") {
  const std::string problem = problem_of(R"([sources.log]
type = "tail"
paths = ["/var/log/*.log"]
channels = ["main"]
[channels.main]
type = "memory"
[sinks.out]
type = "file"
channel = "main"
path = "/var/log/all.log"
)");
  CHECK(
      problem ==
      "page:10:8: sinks.out: it would write \"/var/log/all.log\", which sources.log reads: Runnel "
      "would collect its own output; change one of them");
}

TEST_CASE("components: two sources on one address are refused") {
  const auto problem = [](std::string_view type, std::string_view listen) {
    return problem_of(concat(R"([sources.one]
type = "syslog"
listen = ["udp://127.0.0.1:5514", "tcp://0.0.0.0:5514", "tcp://127.0.0.1:0"]
channels = ["main"]
[sources.two]
type = ")",
                             type, "\"\nlisten = [\"", listen, R"("]
channels = ["main"]
[channels.main]
type = "memory"
[sinks.out]
type = "null"
channel = "main"
)"));
  };
  CHECK(problem("udp", "127.0.0.1:5514") ==
        "page:7:10: sources.two: it would listen on udp://127.0.0.1:5514, and sources.one listens "
        "on udp://127.0.0.1:5514; give each its own port or address");
  CHECK(problem("tcp", "127.0.0.1:5514") ==
        "page:7:10: sources.two: it would listen on tcp://127.0.0.1:5514, and sources.one listens "
        "on tcp://0.0.0.0:5514; give each its own port or address");
  CHECK(problem("syslog", "tcp://[::]:5514") ==
        "page:7:10: sources.two: it would listen on tcp://[::]:5514, and sources.one listens on "
        "tcp://0.0.0.0:5514; give each its own port or address");
  CHECK(problem("udp", "127.0.0.2:5514") == "");
  CHECK(problem("udp", "127.0.0.1:5515") == "");
  CHECK(problem("tcp", "127.0.0.1:0") == "");
}

TEST_CASE("documentation: option tables and examples") {
  check_pages(components().sources, "source");
  check_pages(components().channels, "channel");
  check_pages(components().sinks, "sink");
  check_table("configuration.md", "agent");
  check_table("configuration.md", "sinks");
  check_examples("configuration.md");
  check_examples("dead-letter.md");
}
