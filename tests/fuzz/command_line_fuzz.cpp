// Any words become a command or one complaint with exit code 64; what was understood, written out
// again in its plainest form, means the same.
#include "agent/command_line.hpp"
#include "agent/exit_codes.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using agent::CommandLine;
using Command = CommandLine::Command;

namespace {

Built<CommandLine> parse(const std::vector<std::string>& words) {
  std::vector<const char*> pointers{"runnel"};
  for (const std::string& word : words) pointers.push_back(word.c_str());
  return agent::parse_command_line(static_cast<int>(pointers.size()), pointers.data());
}

void write_journal(const agent::JournalRequest& request, std::vector<std::string>& words) {
  static constexpr const char* actions[] = {"inspect", "verify", "export", "repair", "release"};
  static constexpr const char* formats[] = {"json", "text"};
  if (request.blocks) words.push_back("--blocks");
  if (request.format != agent::JournalRequest::Format::json)
    words.push_back(std::string("--format=") + formats[static_cast<std::size_t>(request.format)]);
  if (request.from != 0) words.push_back("--from=" + std::to_string(request.from));
  if (request.until != UINT64_MAX) words.push_back("--until=" + std::to_string(request.until));
  words.push_back(actions[static_cast<std::size_t>(request.action)]);
  words.push_back(request.path);
  if (!request.new_path.empty()) words.push_back(request.new_path);
  if (!request.sink.empty()) words.push_back(request.sink);
}

void write_dead_letter(const agent::DeadLetterRequest& request, std::vector<std::string>& words) {
  if (!request.sink.empty()) words.push_back("--sink=" + request.sink);
  words.push_back(request.action == agent::DeadLetterRequest::Action::list ? "list" : "send");
  words.push_back(request.path);
}

void write_rehearse(const agent::RehearseRequest& request, std::vector<std::string>& words) {
  const auto flag = [&](const char* name, std::uint64_t number, const char* unit) {
    words.push_back(std::string(name) + std::to_string(number) + unit);
  };
  const Duration per = request.rate.per;
  flag("--outage=", static_cast<std::uint64_t>(request.outage / 1us), "us");
  flag("--rate=", request.rate.events,
       per == 1s     ? "/s"
       : per == 1min ? "/m"
       : per == 1h   ? "/h"
                     : "/d");
  flag("--event-bytes=", request.event_bytes, "");
  flag("--link=", request.link_bits_per_second, "bit");
  const std::string hundredths = std::to_string(100 + request.ratio_percent % 100);
  flag("--ratio=", request.ratio_percent / 100, ("." + hundredths.substr(1)).c_str());
}

std::vector<std::string> written(const CommandLine& line) {
  static constexpr const char* commands[] = {"run",     "validate",    "rehearse", "list",
                                             "journal", "dead-letter", "version",  "help"};
  static constexpr const char* drivers[] = {"auto", "uring", "asio"};
  static constexpr const char* levels[] = {"debug", "info", "warn", "error"};
  static constexpr const char* formats[] = {"text", "json"};
  std::vector<std::string> words{commands[static_cast<std::size_t>(line.command)]};
  // Of dead-letter it is a word of the request.
  if (!line.configuration_file.empty() && line.command != Command::dead_letter)
    words.push_back("--config=" + line.configuration_file);
  if (line.driver != agent::DriverChoice::automatic)
    words.push_back(std::string("--driver=") + drivers[static_cast<std::size_t>(line.driver)]);
  if (line.uring_tier_b) words.push_back("--uring-tier-b");
  if (line.once) words.push_back("--once");
  if (line.live) words.push_back("--live");
  if (line.log_level)
    words.push_back(std::string("--log-level=") +
                    levels[static_cast<std::size_t>(*line.log_level)]);
  if (line.log_format)
    words.push_back(std::string("--log-format=") +
                    formats[static_cast<std::size_t>(*line.log_format)]);
  if (line.memory) words.push_back("--memory");
  if (line.markdown) words.push_back("--markdown");
  if (!line.type.empty()) words.push_back(line.type);
  if (line.command == Command::journal) write_journal(line.journal, words);
  if (line.command == Command::dead_letter) write_dead_letter(line.dead_letter, words);
  if (line.command == Command::rehearse) write_rehearse(line.rehearse, words);
  return words;
}

bool same(const agent::JournalRequest& a, const agent::JournalRequest& b) {
  return a.action == b.action && a.path == b.path && a.new_path == b.new_path && a.sink == b.sink &&
         a.blocks == b.blocks && a.format == b.format && a.from == b.from && a.until == b.until;
}
bool same(const agent::DeadLetterRequest& a, const agent::DeadLetterRequest& b) {
  return a.action == b.action && a.path == b.path && a.sink == b.sink;
}
bool same(const agent::RehearseRequest& a, const agent::RehearseRequest& b) {
  return a.outage == b.outage && a.rate.events == b.rate.events && a.rate.per == b.rate.per &&
         a.event_bytes == b.event_bytes && a.link_bits_per_second == b.link_bits_per_second &&
         a.ratio_percent == b.ratio_percent;
}
bool same(const CommandLine& a, const CommandLine& b) {
  return a.command == b.command && a.configuration_file == b.configuration_file &&
         a.driver == b.driver && a.uring_tier_b == b.uring_tier_b && a.once == b.once &&
         a.live == b.live && a.log_level == b.log_level && a.log_format == b.log_format &&
         a.memory == b.memory && a.type == b.type && a.markdown == b.markdown &&
         same(a.journal, b.journal) && same(a.dead_letter, b.dead_letter) &&
         same(a.rehearse, b.rehearse);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::vector<std::string> words;
  while (!input.empty() && words.size() < 64) words.emplace_back(input.until('\0'));
  const auto line = parse(words);
  if (!line) {
    FUZZ_CHECK(line.error().exit_code == agent::exit_codes::usage);
    FUZZ_CHECK(line.error().text.starts_with("runnel"));
    return 0;
  }
  const bool reads = line->command == Command::run || line->command == Command::validate ||
                     line->command == Command::rehearse || line->command == Command::dead_letter;
  FUZZ_CHECK(reads == !line->configuration_file.empty());
  FUZZ_CHECK((line->command == Command::dead_letter) == !line->dead_letter.path.empty());
  FUZZ_CHECK((line->command == Command::journal) == !line->journal.path.empty());
  FUZZ_CHECK((line->command == Command::help) == !line->text.empty());
  const auto again = parse(written(*line));
  FUZZ_CHECK(again && same(*line, *again));
  return 0;
}
