// Goal: `runnel dead-letter list` shows every letter of a file on one line that no terminal obeys,
// and counts what is damaged; `send` puts files aside only while nobody holds them.
// Method: files laid out by hand on a simulated machine.
#include <doctest/doctest.h>

#include "agent/dead_letter_tool/tool.hpp"
#include "agent/exit_codes.hpp"
#include "pipeline/dead_letter.hpp"
#include "platform/sim/reactor.hpp"
#include "platform/sim/system.hpp"
#include "platform/sim/world.hpp"

using namespace runnel;
namespace tool = agent::dead_letter_tool;
namespace exit_codes = agent::exit_codes;

namespace {

struct Recorder final : agent::journal_tool::Console {
  std::string shown, said;
  bool out(std::string_view text) override {
    shown += text;
    return true;
  }
  void say(std::string_view line) override { said += concat(line, '\n'); }
};

std::string letter_of(std::string_view sink, std::string_view source, std::string_view body) {
  pipeline::DeadLetter letter;
  letter.time = wall_from_ns(1'700'000'000'000'000'000);
  letter.clock_known = source != "early";
  letter.sink = sink;
  letter.source = source;
  letter.batch = "a1:main:1:7";
  letter.reason = "answers 400";
  letter.body = as_bytes(body);
  std::string text(letter.bytes(), '\0');
  pipeline::write_dead_letter(reinterpret_cast<std::byte*>(text.data()), letter);
  return text;
}

constexpr std::string_view configuration = R"(
[sources.logs]
type = "tail"
paths = ["/var/log/*.log"]
channels = ["main"]
[channels.main]
type = "memory"
[sinks.out]
type = "http"
url = "http://192.0.2.1/"
channel = "main"
dead_letter.dir = "/dead"
[sinks.other]
type = "null"
channel = "main"
)";

struct Bench {
  Bench() { CHECK(sim.files().make_folders("/dead").ok()); }
  agent::Settings settings() const {
    auto read =
        agent::read_settings(configuration, "test.toml", agent::components(),
                             [](const std::string&) { return std::optional<std::string>(); });
    REQUIRE_MESSAGE(read.has_value(), read.error().text);
    return std::move(*read);
  }
  sim::SimWorld world{1};
  sim::SimMachine& sim = world.add_machine("bench");
  sim::SimReactor reactor{sim};
  sim::SimSystem system{sim};
  Recorder console;
  tool::Machine machine{reactor, system, console};
};

}  // namespace

TEST_CASE("dead-letter list: a line each, nothing that a terminal obeys, damage counted") {
  Bench bench;
  const std::string path = "/dead/out.dead";
  const std::string file = letter_of("out", "logs", "\x1b[31m \"red\" \\ \xC3\xA9") +
                           std::string(16, '?') + letter_of("out", "early", std::string(100, 'x')) +
                           "torn";
  REQUIRE(bench.sim.files().put(path, file).ok());
  const agent::DeadLetterRequest request{.path = path, .sink = {}};
  CHECK(tool::is_letter_file(bench.machine, path));
  CHECK(tool::list_file(request, bench.machine) == exit_codes::damaged);
  CHECK(bench.console.shown ==
        "2023-11-14T22:13:20.000000Z out logs a1:main:1:7 \"answers 400\" "
        "\"\\x1b[31m \\\"red\\\" \\\\ \\xc3\\xa9\"\n"
        "(clock unknown) out early a1:main:1:7 \"answers 400\" \"" +
            std::string(80, 'x') + "\"...\n");
  CHECK(bench.console.said == "/dead/out.dead: 2 dead letters; 20 bytes are damaged\n");
  bench.console.shown.clear();
  CHECK(tool::list_file({.path = path, .sink = "another"}, bench.machine) == exit_codes::damaged);
  CHECK(bench.console.shown.empty());
  CHECK(tool::list_file({.path = "/dead/none.dead", .sink = {}}, bench.machine) == exit_codes::io);
}

TEST_CASE("dead-letter list: of the sinks of a configuration, in the order of writing") {
  Bench bench;
  REQUIRE(bench.sim.files().put("/dead/out.dead", letter_of("out", "logs", "new")).ok());
  REQUIRE(bench.sim.files().put("/dead/out.dead.1", letter_of("out", "logs", "old")).ok());
  agent::Settings settings = bench.settings();
  agent::DeadLetterRequest request{.path = "test.toml", .sink = {}};
  CHECK(tool::list_sinks(request, settings, bench.machine) == exit_codes::ok);
  CHECK(bench.console.shown.find("\"old\"") < bench.console.shown.find("\"new\""));
  CHECK(bench.console.said == "sinks.out: 2 dead letters\n");
  request.sink = "other";
  CHECK(tool::list_sinks(request, settings, bench.machine) == exit_codes::configuration);
}

TEST_CASE("dead-letter send: a source for each that letters came from, and files put aside once") {
  Bench bench;
  auto& files = bench.sim.files();
  const std::string newer = letter_of("out", "logs", "new");
  REQUIRE(files.put("/dead/out.dead", newer + letter_of("out", "bad name", "x")).ok());
  REQUIRE(files.put("/dead/out.dead.1", letter_of("out", "gone", "old")).ok());
  const agent::DeadLetterRequest request{
      .action = agent::DeadLetterRequest::Action::send, .path = "test.toml", .sink = {}};
  {
    std::uint32_t holder = 0;
    const auto held = bench.system.lock_file("/dead/out.dead.lock", holder);
    REQUIRE(held.has_value());
    const auto refused = tool::prepare_sending(request, bench.settings(), bench.machine);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().exit_code == exit_codes::unavailable);
    CHECK(files.text("/dead/out.dead").has_value());
    bench.reactor.discard(*held);
  }
  const auto sending = tool::prepare_sending(request, bench.settings(), bench.machine);
  REQUIRE(sending.has_value());
  CHECK(sending->letters == 3);
  std::vector<std::string> names;
  for (const auto& source : sending->settings.sources) names.push_back(source.name);
  CHECK(names == std::vector<std::string>{"gone", "logs", "unknown"});
  REQUIRE(sending->settings.sinks.size() == 1);
  CHECK(sending->settings.sinks[0].name == "out");
  CHECK_FALSE(files.text("/dead/out.dead").has_value());

  // The next call goes on with the same; what came meanwhile waits.
  REQUIRE(files.put("/dead/out.dead", newer).ok());
  const auto again = tool::prepare_sending(request, bench.settings(), bench.machine);
  REQUIRE(again.has_value());
  CHECK(again->letters == 3);
  CHECK(files.text("/dead/out.dead") == newer);
}

TEST_CASE("dead-letter list: what connections of before have left is found") {
  Bench bench;
  REQUIRE(bench.sim.files().put("/dead/out.3.dead", letter_of("out.3", "logs", "left")).ok());
  agent::Settings settings = bench.settings();
  const agent::DeadLetterRequest request{.path = "test.toml", .sink = "out"};
  CHECK(tool::list_sinks(request, settings, bench.machine) == exit_codes::ok);
  CHECK(bench.console.said == "sinks.out: 0 dead letters\nsinks.out.3: 1 dead letters\n");
  const auto sending = tool::prepare_sending(request, bench.settings(), bench.machine);
  REQUIRE(sending.has_value());
  CHECK(sending->letters == 1);
}

TEST_CASE("dead-letter send: files without a letter do not stand in the way") {
  Bench bench;
  REQUIRE(bench.sim.files().put("/dead/out.dead", "").ok());
  const agent::DeadLetterRequest request{
      .action = agent::DeadLetterRequest::Action::send, .path = "test.toml", .sink = "out"};
  const auto nothing = tool::prepare_sending(request, bench.settings(), bench.machine);
  REQUIRE(nothing.has_value());
  CHECK(nothing->letters == 0);
  CHECK_FALSE(bench.sim.files().text("/dead/out.dead.sending.2").has_value());
  REQUIRE(bench.sim.files().put("/dead/out.dead", std::string(100, '?')).ok());
  const auto damaged = tool::prepare_sending(request, bench.settings(), bench.machine);
  REQUIRE_FALSE(damaged.has_value());
  CHECK(damaged.error().exit_code == exit_codes::damaged);
}
