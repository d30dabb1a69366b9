#include "agent/command_line.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "agent/complaints.hpp"
#include "agent/exit_codes.hpp"
#include "agent/rehearse/flags.hpp"

namespace runnel::agent {
namespace {

using Command = CommandLine::Command;

constexpr std::size_t argument_bytes_max = 4096;

constexpr std::string_view command_names[] = {"run",     "validate",    "rehearse", "list",
                                              "journal", "dead-letter", "version",  "help"};
constexpr std::string_view driver_names[] = {"auto", "uring", "asio"};
constexpr std::string_view format_names[] = {"text", "json"};
constexpr std::string_view level_names[] = {"debug", "info", "warn", "error"};
constexpr std::string_view action_names[] = {"inspect", "verify", "export", "repair", "release"};
constexpr std::string_view event_format_names[] = {"json", "text"};

// --- what can be said ---------------------------------------------------------------------------

struct CommandFacts {
  Command command;
  std::string_view summary;
  std::string_view argument = {};  // its name in help; a command without one takes none
  std::string_view argument_help = {};
  std::size_t arguments_max = 0;
};
constexpr CommandFacts command_facts[] = {
    {Command::run, "Collect until a signal comes (or, with --once, until the end)"},
    {Command::validate, "Check a configuration and say all that is wrong with it"},
    {Command::rehearse, "Predict what an outage does to a configuration, from its figures alone"},
    {Command::list, "Print the types of sources, channels and sinks, or one type", "TYPE",
     "A type, such as tail; or agent, or sinks", 1},
    {Command::journal, "Look at the file of a journal, or get out of it what there is",
     "ACTION PATH", "inspect, verify or export; repair PATH NEWPATH; release PATH SINK", 3},
    {Command::dead_letter, "Show what destinations have refused for good, or send it once more",
     "ACTION PATH", "list FILE_OR_CONFIG; send CONFIG", 2},
    {Command::version, "Print the version"},
    {Command::help, "Print this help"},
};

constexpr std::uint8_t of(Command command) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(command));
}
constexpr std::uint8_t of_starters = of(Command::run) | of(Command::validate);
constexpr std::uint8_t of_readers = of_starters | of(Command::rehearse);

enum FlagId : std::uint8_t {
  config,
  driver,
  tier_b,
  once,
  live,
  level,
  format,
  memory,
  markdown,
  blocks,
  event_format,
  from,
  until,
  outage,
  rate,
  event_bytes,
  link,
  ratio,
  sink
};

struct Flag {
  FlagId id;
  std::uint8_t commands;   // a bit for each that takes it
  std::string_view name;   // with its dashes
  std::string_view value;  // what it is called in help; without one the flag takes no value
  std::string_view help;   // empty: for tests, not for people
};
constexpr Flag flags[] = {
    {config, of_readers, "--config", "FILE", "The configuration file (TOML)"},
    {driver, of_starters, "--driver", "NAME", "auto, uring or asio"},
    {tier_b, of_starters, "--uring-tier-b", "", ""},
    {once, of(Command::run), "--once", "", "Read what there is now, ship it, and end"},
    {live, of(Command::run), "--live", "", "Show a status line every second"},
    {level, of(Command::run), "--log-level", "LEVEL", "debug, info, warn or error"},
    {format, of(Command::run), "--log-format", "FORMAT", "text or json"},
    {memory, of(Command::validate), "--memory", "", "Print the memory plan, line by line"},
    {markdown, of(Command::list), "--markdown", "", "Print the option table of the documentation"},
    {blocks, of(Command::journal), "--blocks", "", "inspect: print a line for every block"},
    {event_format, of(Command::journal), "--format", "FORMAT",
     "export: json (a line each) or text"},
    {from, of(Command::journal), "--from", "SEQUENCE", "export: the first block"},
    {until, of(Command::journal), "--until", "SEQUENCE", "export: the last block"},
    {outage, of(Command::rehearse), "--outage", "DURATION", "How long the sinks are away: 72h"},
    {rate, of(Command::rehearse), "--rate", "RATE", "Events that come: 200/s, 12000/m, 5/h or 1/d"},
    {event_bytes, of(Command::rehearse), "--event-bytes", "SIZE",
     "Of an event with its headers: 180"},
    {link, of(Command::rehearse), "--link", "SPEED",
     "What the link then carries: 32kbit, 1mbit or 64KiB/s"},
    {ratio, of(Command::rehearse), "--ratio", "NUMBER",
     "How many times zstd shrinks events (5); zstd -b1 -B128K FILE tells"},
    {sink, of(Command::dead_letter), "--sink", "NAME", "Only this sink's"},
};
constexpr std::string_view short_config = "-c";
// Invariant: a flag stands at its id.
static_assert(std::all_of(std::begin(flags), std::end(flags),
                          [](const Flag& flag) { return &flag == &flags[flag.id]; }));

std::string_view name_of(Command command) {
  return command_names[static_cast<std::size_t>(command)];
}
bool asks_for_help(std::string_view word) { return word == "-h" || word == "--help"; }

// --- help ---------------------------------------------------------------------------------------

void append_row(std::string& out, std::string_view name, std::string_view help) {
  constexpr std::size_t help_column = 28;
  const std::size_t used = name.size() + 2;
  out += concat("  ", name);
  out.append(used < help_column ? help_column - used : 1, ' ');
  out += concat(help, '\n');
}

constexpr std::string_view exit_code_help =
    "\nExit codes: 0 done, 64 wrong usage, 65 a damaged journal, 69 unavailable, 74 I/O,\n"
    "78 configuration.\n";

std::string help_of_program() {
  std::string out =
      "Runnel collects events from files and sockets and ships them, in fixed memory.\n"
      "Usage: runnel COMMAND [OPTIONS]\n\nCommands:\n";
  for (const CommandFacts& each : command_facts)
    append_row(out, name_of(each.command), each.summary);
  out += "\nOptions:\n";
  append_row(out, "-h, --help", "Print this help, or that of a command behind it");
  append_row(out, "--version", "Print the version");
  return out.append(exit_code_help);
}

std::string help_of(const CommandFacts& facts) {
  std::string out = concat(facts.summary, "\nUsage: runnel ", name_of(facts.command), " [OPTIONS]",
                           facts.argument.empty() ? "" : concat(" [", facts.argument, ']'), "\n\n");
  if (!facts.argument.empty()) append_row(out, facts.argument, facts.argument_help);
  append_row(out, "-h, --help", "Print this help");
  for (const Flag& flag : flags) {
    if ((flag.commands & of(facts.command)) == 0 || flag.help.empty()) continue;
    append_row(out,
               concat(flag.id == config ? concat(short_config, ", ") : std::string(), flag.name,
                      flag.value.empty() ? "" : " ", flag.value),
               flag.help);
  }
  return out.append(exit_code_help);
}

Built<CommandLine> helped(std::string text) {
  CommandLine line;
  line.command = Command::help;
  line.text = std::move(text);
  return line;
}

// --- complaints ---------------------------------------------------------------------------------

tl::unexpected<Problem> refuse(std::string_view command, const std::string& text) {
  std::string name = "runnel";
  if (!command.empty()) name += concat(' ', command);
  // A question has said enough.
  const std::string more = text.ends_with('?') ? std::string() : concat("; see ", name, " --help");
  return problem(concat(name, ": ", text, more), exit_codes::usage);
}

tl::unexpected<Problem> refuse_command(std::string_view word) {
  if (word.empty() || word.front() != '-') {
    const std::string hint = did_you_mean(word, command_names);
    return refuse("", concat("unknown command \"", word, '"',
                             hint.empty() ? concat("; possible: ", listed(command_names)) : hint));
  }
  constexpr std::string_view known[] = {"--help", "--version"};
  const std::string_view name = word.substr(0, word.find('='));
  return refuse(
      "", concat("unknown flag \"", name, "\" in front of the command", did_you_mean(name, known)));
}

tl::unexpected<Problem> refuse_flag(Command command, std::string_view name) {
  std::vector<std::string_view> known{"--help"};
  for (const Flag& flag : flags)
    if ((flag.commands & of(command)) != 0 && !flag.help.empty()) known.push_back(flag.name);
  return refuse(name_of(command), concat("unknown flag \"", name, '"', did_you_mean(name, known)));
}

// --- reading ------------------------------------------------------------------------------------

using Words = std::span<const char* const>;

// The words behind a command, as they were typed; what they mean is checked afterwards.
struct Typed {
  std::array<std::optional<std::string_view>, std::size(flags)> values;  // by FlagId
  std::array<std::string_view, 3> arguments;

  bool has(FlagId id) const { return values[id].has_value(); }
  std::string_view value_of(FlagId id, std::string_view otherwise = {}) const {
    return values[id].value_or(otherwise);
  }
};

const Flag* find_flag(Command command, std::string_view name) {
  const auto* found = std::find_if(std::begin(flags), std::end(flags), [&](const Flag& flag) {
    return flag.name == name && (flag.commands & of(command)) != 0;
  });
  return found == std::end(flags) ? nullptr : found;
}

// Takes a flag, and its value if that is a word of its own, off the front of `words`.
tl::expected<void, Problem> take_flag(Command command, Words& words, Typed& typed) {
  const std::string_view word = words.front();
  words = words.subspan(1);
  std::string_view name = word.substr(0, word.find('='));
  std::optional<std::string_view> value;
  if (name.size() < word.size()) value = word.substr(name.size() + 1);
  if (!word.starts_with("--")) {  // "-cFILE"
    name = word.substr(0, short_config.size());
    value.reset();
    if (name.size() < word.size()) value = word.substr(name.size());
  }
  const Flag* flag = find_flag(command, name == short_config ? flags[config].name : name);
  if (flag == nullptr) return refuse_flag(command, word.substr(0, word.find('=')));
  if (flag->value.empty()) {
    if (value)
      return refuse(name_of(command), concat("a flag takes no value: ", flag->name, " = ", *value));
    typed.values[flag->id] = "";
    return {};
  }
  // What looks like a flag is one: "-c --once" has forgotten the file.
  if (!value && !words.empty() && words.front()[0] != '-') {
    value = words.front();
    words = words.subspan(1);
  }
  if (!value || typed.has(flag->id))
    return refuse(name_of(command), concat(flag->name, " takes one value, given once"));
  typed.values[flag->id] = *value;
  return {};
}

// The index of what was typed for `id` in `names`.
Built<std::size_t> choose(Command command, const Typed& typed, FlagId id,
                          std::span<const std::string_view> names) {
  const std::string_view word = typed.value_of(id, names.front());
  const auto found = std::find(names.begin(), names.end(), word);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  return refuse(name_of(command), concat(flags[id].name, " is \"", word, "\", not one of ",
                                         listed(names), did_you_mean(word, names)));
}

// The value of a flag that is a number.
tl::expected<void, Problem> read_number(Command command, const Typed& typed, FlagId id,
                                        std::uint64_t& into) {
  if (!typed.has(id)) return {};
  const auto number = parse_number(typed.value_of(id));
  if (!number)
    return refuse(name_of(command),
                  concat(flags[id].name, " is \"", typed.value_of(id), "\", not a number"));
  into = *number;
  return {};
}

Built<JournalRequest> understand_journal(const Typed& typed) {
  const auto refuse_it = [](const std::string& text) { return refuse("journal", text); };
  using Action = JournalRequest::Action;
  const auto [action_name, path, last] = typed.arguments;
  if (action_name.empty())
    return refuse_it(concat("an action is missing; possible: ", listed(action_names)));
  const auto* action = std::find(std::begin(action_names), std::end(action_names), action_name);
  if (action == std::end(action_names))
    return refuse_it(concat("\"", action_name, "\" is not one of ", listed(action_names),
                            did_you_mean(action_name, action_names)));
  JournalRequest request;
  request.action = static_cast<Action>(action - std::begin(action_names));
  request.path = path;
  if (request.action == Action::repair) request.new_path = last;
  if (request.action == Action::release) request.sink = last;
  request.blocks = typed.has(blocks);
  if (path.empty()) return refuse_it(concat(action_name, " needs the path of a journal"));
  if (request.action == Action::repair && last.empty())
    return refuse_it("repair needs a path for the new journal; it never writes to the old one");
  if (request.action == Action::release && last.empty())
    return refuse_it("release needs the name of the sink or group that reads no more");
  if (!last.empty() && request.new_path.empty() && request.sink.empty())
    return refuse_it(concat("unexpected argument \"", last, '"'));
  for (const FlagId id : {blocks, event_format, from, until}) {
    const Action takes = id == blocks ? Action::inspect : Action::export_events;
    if (typed.has(id) && request.action != takes)
      return refuse_it(concat(flags[id].name, " is not for ", action_name));
  }
  const auto chosen = choose(Command::journal, typed, event_format, event_format_names);
  if (!chosen) return tl::unexpected(chosen.error());
  request.format = static_cast<JournalRequest::Format>(*chosen);
  if (auto read = read_number(Command::journal, typed, from, request.from); !read)
    return tl::unexpected(read.error());
  if (auto read = read_number(Command::journal, typed, until, request.until); !read)
    return tl::unexpected(read.error());
  return request;
}

// Turns the words into what they mean.
Built<CommandLine> understand(Command command, const Typed& typed) {
  CommandLine line;
  line.command = command;
  if (command == Command::help) return helped(help_of_program());
  if (command == Command::journal) {
    auto request = understand_journal(typed);
    if (!request) return tl::unexpected(request.error());
    line.journal = std::move(*request);
    return line;
  }
  if (command == Command::dead_letter) {
    const auto [action, path, none] = typed.arguments;
    auto request = read_dead_letter_request(action, path, typed.value_of(sink));
    if (!request) return refuse(name_of(command), request.error());
    line.dead_letter = std::move(*request);
    line.configuration_file = line.dead_letter.path;
    return line;
  }
  line.type = typed.arguments.front();
  line.markdown = typed.has(markdown);
  if ((of(command) & of_readers) == 0) return line;

  line.configuration_file = typed.value_of(config);
  line.uring_tier_b = typed.has(tier_b);
  line.once = typed.has(once);
  line.live = typed.has(live);
  line.memory = typed.has(memory);
  if (line.configuration_file.empty())
    return refuse(name_of(command), "the configuration file is missing; add -c FILE");
  if (command == Command::rehearse) {
    const auto request = rehearse::read_request({.outage = typed.values[outage],
                                                 .rate = typed.values[rate],
                                                 .event_bytes = typed.values[event_bytes],
                                                 .link = typed.values[link],
                                                 .ratio = typed.values[ratio]});
    if (!request) return refuse(name_of(command), request.error());
    line.rehearse = *request;
    return line;
  }
  const auto chosen_driver = choose(command, typed, driver, driver_names);
  if (!chosen_driver) return tl::unexpected(chosen_driver.error());
  line.driver = static_cast<DriverChoice>(*chosen_driver);
  const auto chosen_level = choose(command, typed, level, level_names);
  if (!chosen_level) return tl::unexpected(chosen_level.error());
  if (typed.has(level)) line.log_level = static_cast<Level>(*chosen_level);
  const auto chosen_format = choose(command, typed, format, format_names);
  if (!chosen_format) return tl::unexpected(chosen_format.error());
  if (typed.has(format)) line.log_format = static_cast<LogFormat>(*chosen_format);
  return line;
}

Built<CommandLine> read_command(const CommandFacts& facts, Words words) {
  Typed typed;
  std::size_t arguments = 0;
  while (!words.empty()) {
    const std::string_view word = words.front();
    if (asks_for_help(word)) return helped(help_of(facts));
    if (word.size() > 1 && word.front() == '-') {
      const auto taken = take_flag(facts.command, words, typed);
      if (!taken) return tl::unexpected(taken.error());
      continue;
    }
    if (arguments == facts.arguments_max)
      return refuse(name_of(facts.command), concat("unexpected argument \"", word, '"'));
    typed.arguments[arguments++] = word;
    words = words.subspan(1);
  }
  return understand(facts.command, typed);
}

}  // namespace

Built<CommandLine> parse_command_line(int count, const char* const* arguments) {
  const Words words(arguments, static_cast<std::size_t>(std::max(count, 0)));
  for (std::size_t index = 1; index < words.size(); ++index)
    if (std::string_view(words[index]).size() > argument_bytes_max)
      return refuse("", concat("an argument is longer than ", argument_bytes_max, " bytes"));
  if (words.size() < 2)
    return refuse("", concat("a command is missing; possible: ", listed(command_names)));
  const std::string_view first = words[1];
  if (asks_for_help(first)) return helped(help_of_program());
  for (const CommandFacts& facts : command_facts)
    if (name_of(facts.command) == first ||
        (facts.command == Command::version && first == "--version"))
      return read_command(facts, words.subspan(2));
  return refuse_command(first);
}

}  // namespace runnel::agent
