// Goal: right command lines mean what they say, wrong ones end with exit code 64 and one line that
// names the nearest right word. Method: tables of words.
#include "agent/command_line.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "agent/exit_codes.hpp"

using namespace runnel;
using namespace runnel::agent;
using Command = CommandLine::Command;

namespace {

Built<CommandLine> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "runnel");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

std::string complaint(std::vector<const char*> words) {
  const auto line = parse(std::move(words));
  if (line) return "accepted";
  CHECK(line.error().exit_code == exit_codes::usage);
  return line.error().text;
}

}  // namespace

TEST_CASE("command line: run") {
  const auto plain = parse({"run", "-c", "a.toml"});
  REQUIRE(plain.has_value());
  CHECK(plain->command == Command::run);
  CHECK(plain->configuration_file == "a.toml");
  CHECK_FALSE(plain->once);
  CHECK(plain->driver == DriverChoice::automatic);
  CHECK_FALSE(plain->log_level.has_value());
  CHECK_FALSE(plain->log_format.has_value());
  CHECK_FALSE(plain->uring_tier_b);

  const auto full = parse({"run", "--config=b.toml", "--once", "--driver", "asio", "--uring-tier-b",
                           "--log-level=debug", "--log-format", "json"});
  REQUIRE(full.has_value());
  CHECK(full->configuration_file == "b.toml");
  CHECK(full->once);
  CHECK(full->driver == DriverChoice::asio);
  CHECK(full->uring_tier_b);
  CHECK(full->log_level == Level::debug);
  CHECK(full->log_format == LogFormat::json);
  CHECK(parse({"run", "-c", "a", "--driver", "uring"})->driver == DriverChoice::uring);
  CHECK(parse({"run", "-c", "a", "--log-level", "error"})->log_level == Level::error);
}

TEST_CASE("command line: the other commands") {
  const auto validate = parse({"validate", "-c", "a.toml", "--memory"});
  REQUIRE(validate.has_value());
  CHECK(validate->command == Command::validate);
  CHECK(validate->memory);
  CHECK(parse({"list"})->command == Command::list);
  CHECK(parse({"list"})->type.empty());
  CHECK(parse({"list", "tail"})->type == "tail");
  CHECK(parse({"list", "--markdown", "file"})->markdown);
  CHECK(parse({"version"})->command == Command::version);
  CHECK(parse({"--version"})->command == Command::version);
}

TEST_CASE("command line: journal") {
  using Action = JournalRequest::Action;
  const auto inspect = parse({"journal", "inspect", "a.journal", "--blocks"});
  REQUIRE(inspect.has_value());
  CHECK(inspect->command == Command::journal);
  CHECK(inspect->journal.action == Action::inspect);
  CHECK(inspect->journal.path == "a.journal");
  CHECK(inspect->journal.blocks);
  CHECK(parse({"journal", "verify", "a"})->journal.action == Action::verify);
  const auto exported = parse(
      {"journal", "export", "--format=text", "a", "--from", "3", "--until=18446744073709551615"});
  REQUIRE(exported.has_value());
  CHECK(exported->journal.action == Action::export_events);
  CHECK(exported->journal.format == JournalRequest::Format::text);
  CHECK(exported->journal.from == 3);
  CHECK(exported->journal.until == UINT64_MAX);
  const auto repair = parse({"journal", "repair", "a", "b"});
  REQUIRE(repair.has_value());
  CHECK(repair->journal.action == Action::repair);
  CHECK(repair->journal.new_path == "b");
  const auto release = parse({"journal", "release", "a", "shipper"});
  REQUIRE(release.has_value());
  CHECK(release->journal.action == Action::release);
  CHECK(release->journal.sink == "shipper");
}

TEST_CASE("command line: dead-letter") {
  using Action = DeadLetterRequest::Action;
  const auto list = parse({"dead-letter", "list", "a.dead"});
  REQUIRE(list.has_value());
  CHECK(list->command == Command::dead_letter);
  CHECK(list->dead_letter.action == Action::list);
  CHECK(list->dead_letter.path == "a.dead");
  CHECK(list->dead_letter.sink.empty());
  const auto send = parse({"dead-letter", "send", "--sink", "central", "a.toml"});
  REQUIRE(send.has_value());
  CHECK(send->dead_letter.action == Action::send);
  CHECK(send->dead_letter.sink == "central");
  CHECK(send->configuration_file == "a.toml");
}

TEST_CASE("command line: rehearse") {
  const auto line = parse({"rehearse", "-c", "a.toml", "--outage", "72h", "--rate", "200/s",
                           "--event-bytes", "180", "--link=32kbit"});
  REQUIRE(line.has_value());
  CHECK(line->command == Command::rehearse);
  CHECK(line->configuration_file == "a.toml");
  CHECK(line->rehearse.outage == 72h);
  CHECK(line->rehearse.rate.events == 200);
  CHECK(line->rehearse.rate.per == 1s);
  CHECK(line->rehearse.event_bytes == 180);
  CHECK(line->rehearse.link_bits_per_second == 32'000);
  CHECK(line->rehearse.ratio_percent == 500);
  CHECK(parse({"rehearse", "-c", "a", "--outage", "1h", "--rate", "1/h", "--event-bytes", "1",
               "--link", "1mbit", "--ratio", "4.5"})
            ->rehearse.ratio_percent == 450);
  CHECK(parse({"rehearse", "--help"})->text.find("zstd -b1") != std::string::npos);
}

TEST_CASE("command line: help") {
  for (const auto& words : std::vector<std::vector<const char*>>{{"help"}, {"--help"}, {"-h"}}) {
    const auto help = parse(words);
    REQUIRE(help.has_value());
    CHECK(help->command == Command::help);
    CHECK(help->text.find("validate") != std::string::npos);
    CHECK(help->text.find("78 configuration") != std::string::npos);
  }
  const auto run = parse({"run", "--help"});
  REQUIRE(run.has_value());
  CHECK(run->command == Command::help);
  CHECK(run->text.find("--once") != std::string::npos);
  CHECK(run->text.find("tier-b") == std::string::npos);  // for tests, not for people
}

TEST_CASE("command line: mistakes") {
  struct Case {
    std::vector<const char*> words;
    std::string_view expected;
  };
  const Case cases[] = {
      {{},
       "runnel: a command is missing; possible: run, validate, rehearse, list, journal, "
       "dead-letter, version, help; see runnel --help"},
      {{"rnu"}, "runnel: unknown command \"rnu\"; did you mean \"run\"?"},
      {{"zzzzzzzz"},
       "runnel: unknown command \"zzzzzzzz\"; possible: run, validate, rehearse, list, journal, "
       "dead-letter, version, help; see runnel --help"},
      {{"--once"}, "runnel: unknown flag \"--once\" in front of the command; see runnel --help"},
      {{"--verison"},
       "runnel: unknown flag \"--verison\" in front of the command; did you mean \"--version\"?"},
      {{"run"},
       "runnel run: the configuration file is missing; add -c FILE; see runnel run --help"},
      {{"run", "-c"}, "runnel run: --config takes one value, given once; see runnel run --help"},
      {{"run", "-c", ""},
       "runnel run: the configuration file is missing; add -c FILE; see runnel run --help"},
      {{"run", "a.toml"}, "runnel run: unexpected argument \"a.toml\"; see runnel run --help"},
      {{"run", "-c", "a", "b"}, "runnel run: unexpected argument \"b\"; see runnel run --help"},
      {{"run", "-c", "a", "--onec"},
       "runnel run: unknown flag \"--onec\"; did you mean \"--once\"?"},
      {{"run", "-c", "a", "--once=maybe"},
       "runnel run: a flag takes no value: --once = maybe; see runnel run --help"},
      {{"run", "-c", "a", "--zzzzzzzzzz"},
       "runnel run: unknown flag \"--zzzzzzzzzz\"; see runnel run --help"},
      {{"run", "-c", "a", "-x"}, "runnel run: unknown flag \"-x\"; see runnel run --help"},
      {{"run", "-c", "a", "--driver", "urin"},
       "runnel run: --driver is \"urin\", not one of auto, uring, asio; did you mean \"uring\"?"},
      {{"run", "-c", "a", "--driver"},
       "runnel run: --driver takes one value, given once; see runnel run --help"},
      {{"run", "-c", "a", "--log-level", "trace"},
       "runnel run: --log-level is \"trace\", not one of debug, info, warn, error; see runnel run "
       "--help"},
      {{"run", "-c", "a", "--log-format=xml"},
       "runnel run: --log-format is \"xml\", not one of text, json; see runnel run --help"},
      {{"run", "-c", "a", "-c", "b"},
       "runnel run: --config takes one value, given once; see runnel run --help"},
      {{"run", "-c", "a", "validate"},
       "runnel run: unexpected argument \"validate\"; see runnel run --help"},
      {{"validate", "--memory"},
       "runnel validate: the configuration file is missing; add -c FILE; see runnel validate "
       "--help"},
      {{"validate", "-c", "a", "--once"},
       "runnel validate: unknown flag \"--once\"; see runnel validate --help"},
      {{"list", "tail", "tcp"}, "runnel list: unexpected argument \"tcp\"; see runnel list --help"},
      {{"list", "--markdwon", "tail"},
       "runnel list: unknown flag \"--markdwon\"; did you mean \"--markdown\"?"},
      {{"dead-letter"},
       "runnel dead-letter: an action is missing; possible: list, send; see runnel dead-letter "
       "--help"},
      {{"dead-letter", "lsit", "a"},
       "runnel dead-letter: \"lsit\" is not one of list, send; did you mean \"list\"?"},
      {{"dead-letter", "send"},
       "runnel dead-letter: send needs the path of a configuration; see runnel dead-letter --help"},
      {{"dead-letter", "send", "a", "b"},
       "runnel dead-letter: unexpected argument \"b\"; see runnel dead-letter --help"},
      {{"journal"},
       "runnel journal: an action is missing; possible: inspect, verify, export, repair, release; "
       "see runnel journal --help"},
      {{"journal", "inspcet", "a"},
       "runnel journal: \"inspcet\" is not one of inspect, verify, export, repair, release; did "
       "you mean "
       "\"inspect\"?"},
      {{"journal", "verify"},
       "runnel journal: verify needs the path of a journal; see runnel journal --help"},
      {{"journal", "repair", "a"},
       "runnel journal: repair needs a path for the new journal; it never writes to the old one; "
       "see "
       "runnel journal --help"},
      {{"journal", "release", "a"},
       "runnel journal: release needs the name of the sink or group that reads no more; see runnel "
       "journal --help"},
      {{"journal", "verify", "a", "b"},
       "runnel journal: unexpected argument \"b\"; see runnel journal --help"},
      {{"journal", "repair", "a", "b", "c"},
       "runnel journal: unexpected argument \"c\"; see runnel journal --help"},
      {{"journal", "verify", "a", "--blocks"},
       "runnel journal: --blocks is not for verify; see runnel journal --help"},
      {{"journal", "inspect", "a", "--from", "1"},
       "runnel journal: --from is not for inspect; see runnel journal --help"},
      {{"journal", "export", "a", "--until", "x"},
       "runnel journal: --until is \"x\", not a number; see runnel journal --help"},
      {{"journal", "export", "a", "--format", "jsno"},
       "runnel journal: --format is \"jsno\", not one of json, text; did you mean \"json\"?"},
      {{"rehearse", "--rate", "1/s"},
       "runnel rehearse: the configuration file is missing; add -c FILE; see runnel rehearse "
       "--help"},
      {{"rehearse", "-c", "a"},
       "runnel rehearse: --outage is missing; it takes a duration of 1s to 3650d, such as 72h; see "
       "runnel rehearse --help"},
      {{"rehearse", "-c", "a", "--outage", "72"},
       "runnel rehearse: --outage is \"72\", not a duration of 1s to 3650d, such as 72h; see "
       "runnel rehearse --help"},
      {{"rehearse", "-c", "a", "--outage", "1h", "--rate", "200"},
       "runnel rehearse: --rate is \"200\", not a rate such as 200/s, 12000/m, 5/h or 1/d; see "
       "runnel rehearse --help"},
      {{"rehearse", "-c", "a", "--outage", "1h", "--rate", "1/s", "--event-bytes", "0"},
       "runnel rehearse: --event-bytes is \"0\", not a size of 1B to 16MiB, such as 180; see "
       "runnel rehearse --help"},
      {{"rehearse", "-c", "a", "--outage", "1h", "--rate", "1/s", "--event-bytes", "1", "--link",
        "64KiB"},
       "runnel rehearse: --link is \"64KiB\", not a speed such as 32kbit, 1mbit or 64KiB/s; see "
       "runnel rehearse --help"},
      {{"rehearse", "-c", "a", "--outage", "1h", "--rate", "1/s", "--event-bytes", "1", "--link",
        "1bit", "--ratio", "0.5"},
       "runnel rehearse: --ratio is \"0.5\", not a number of 1 to 1000, such as 4.5; see runnel "
       "rehearse --help"},
      {{"rehearse", "-c", "a", "--driver", "asio"},
       "runnel rehearse: unknown flag \"--driver\"; see runnel rehearse --help"},
      {{"run", "-c", "a", "--outage", "1h"},
       "runnel run: unknown flag \"--outage\"; see runnel run --help"},
      {{"version", "now"},
       "runnel version: unexpected argument \"now\"; see runnel version --help"},
  };
  for (const Case& each : cases) {
    std::string words;
    for (const char* word : each.words) words += concat(' ', word);
    const std::string text = complaint(each.words);
    CHECK_MESSAGE(text == each.expected, "\n  words:", words, "\n  says: ", text,
                  "\n  not:  ", std::string(each.expected));
  }
}

TEST_CASE("command line: absurd arguments") {
  const std::string large(100'000, 'x');
  CHECK(complaint({large.c_str()}) ==
        "runnel: an argument is longer than 4096 bytes; see runnel --help");
  CHECK(complaint({"run", "-c", "a", "--", "-x"}) != "accepted");
  CHECK(complaint({"\xff\xfe"}).starts_with("runnel: unknown command"));
}
