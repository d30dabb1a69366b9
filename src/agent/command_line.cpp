#include "agent/command_line.hpp"

#include <algorithm>
#include <vector>

#include <CLI/CLI.hpp>

#include "agent/complaints.hpp"
#include "agent/exit_codes.hpp"

namespace runnel::agent {
namespace {

using Command = CommandLine::Command;

constexpr std::size_t argument_bytes_max = 4096;

constexpr std::string_view command_names[] = {"run", "validate", "list", "version", "help"};
constexpr std::string_view driver_names[] = {"auto", "uring", "asio"};
constexpr std::string_view format_names[] = {"text", "json"};
constexpr std::string_view level_names[] = {"debug", "info", "warn", "error"};

tl::unexpected<Problem> refuse(std::string_view command, const std::string& text) {
  std::string name = "runnel";
  if (!command.empty()) name += concat(' ', command);
  // A question has said enough.
  const std::string more = text.ends_with('?') ? std::string() : concat("; see ", name, " --help");
  return problem(concat(name, ": ", text, more), exit_codes::usage);
}

// The words as they were typed; what they mean is checked afterwards, in words of our own.
struct Words {
  std::string driver = "auto";
  std::string level;
  std::string format;
};

// Everything that CLI11 is told, in one place.
struct Grammar {
  CLI::App app{"Runnel collects events from files and sockets and ships them, in fixed memory.",
               "runnel"};
  CommandLine line;
  Words words;
  bool version = false;
  std::string help;  // of the whole program

  Grammar() {
    app.require_subcommand(0, 1);
    app.allow_extras();
    app.set_help_flag("-h,--help", "Print this help");
    app.add_flag("--version", version, "Print the version");
    app.footer("Exit codes: 0 done, 64 wrong usage, 69 unavailable, 74 I/O, 78 configuration.");
    CLI::App* run = add("run", "Collect until a signal comes (or, with --once, until the end)");
    add_file(run);
    run->add_flag("--once", line.once, "Read what there is now, ship it, and end");
    run->add_flag("--live", line.live, "Show a status line every second");
    run->add_option("--log-level", words.level, "debug, info, warn or error")->type_name("LEVEL");
    run->add_option("--log-format", words.format, "text or json")->type_name("FORMAT");
    CLI::App* validate = add("validate", "Check a configuration and say all that is wrong with it");
    add_file(validate);
    validate->add_flag("--memory", line.memory, "Print the memory plan, line by line");
    CLI::App* list = add("list", "Print the types of sources, channels and sinks, or one type");
    list->add_option("TYPE", line.type, "A type, such as tail; or agent, or sinks")->type_name("");
    list->add_flag("--markdown", line.markdown, "Print the option table of the documentation");
    add("version", "Print the version");
    add("help", "Print this help");
    help = app.help();  // asked for later, CLI11 would print that of the command instead
  }

  CLI::App* chosen() const {
    const auto subcommands = app.get_subcommands();
    return subcommands.empty() ? nullptr : subcommands.front();
  }

 private:
  CLI::App* add(const char* name, const char* summary) {
    CLI::App* command = app.add_subcommand(name, summary);
    command->allow_extras();
    return command;
  }
  void add_file(CLI::App* command) {
    command->add_option("-c,--config", line.configuration_file, "The configuration file (TOML)")
        ->type_name("FILE");
    command->add_option("--driver", words.driver, "auto, uring or asio")
        ->type_name("NAME")
        ->capture_default_str();
    command->add_flag("--uring-tier-b", line.uring_tier_b)->group("");
  }
};

// The flags of a command, hidden ones apart.
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string unknown_argument(const CLI::App& command, const std::string& argument) {
  const bool is_flag = argument.starts_with('-');
  const std::vector<std::string> flags = flags_of(command);
  const std::vector<std::string_view> views(flags.begin(), flags.end());
  const std::string name = argument.substr(0, argument.find('='));
  const bool before_command = command.get_parent() == nullptr;
  if (is_flag && before_command)
    return concat("unknown flag \"", name, "\" in front of the command", did_you_mean(name, views));
  if (is_flag) return concat("unknown flag \"", name, '"', did_you_mean(name, views));
  return concat("unexpected argument \"", argument, '"');
}

Built<Command> command_of(const Grammar& grammar) {
  const CLI::App* chosen = grammar.chosen();
  if (chosen == nullptr) {
    const auto rest = grammar.app.remaining();
    if (rest.empty() && grammar.version) return Command::version;
    if (rest.empty())
      return refuse("", concat("a command is missing; possible: ", listed(command_names)));
    if (rest.front().starts_with('-'))
      return refuse("", unknown_argument(grammar.app, rest.front()));
    const std::string hint = did_you_mean(rest.front(), command_names);
    return refuse("", concat("unknown command \"", rest.front(), '"',
                             hint.empty() ? concat("; possible: ", listed(command_names)) : hint));
  }
  const auto rest = chosen->remaining();
  if (!rest.empty()) return refuse(chosen->get_name(), unknown_argument(*chosen, rest.front()));
  const auto before = grammar.app.remaining();
  if (!before.empty()) return refuse("", unknown_argument(grammar.app, before.front()));
  const auto found =
      std::find(std::begin(command_names), std::end(command_names), chosen->get_name());
  return static_cast<Command>(found - std::begin(command_names));
}

// The index of `word` in `names`.
Built<std::size_t> choose(std::string_view command, std::string_view flag, std::string_view word,
                          std::span<const std::string_view> names) {
  const auto found = std::find(names.begin(), names.end(), word);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::string hint = did_you_mean(word, names);
  return refuse(command, concat(flag, " is \"", word, "\", not one of ", listed(names), hint));
}

// Turns the words into what they mean.
Built<CommandLine> understand(Grammar& grammar) {
  CommandLine& line = grammar.line;
  const auto command = command_of(grammar);
  if (!command) return tl::unexpected(command.error());
  line.command = *command;
  if (line.command == Command::help) line.text = grammar.help;
  const bool reads_file = line.command == Command::run || line.command == Command::validate;
  if (!reads_file) return std::move(line);

  const std::string_view name = command_names[static_cast<std::size_t>(line.command)];
  if (line.configuration_file.empty())
    return refuse(name, "the configuration file is missing; add -c FILE");
  const auto driver = choose(name, "--driver", grammar.words.driver, driver_names);
  if (!driver) return tl::unexpected(driver.error());
  line.driver = static_cast<DriverChoice>(*driver);
  if (!grammar.words.level.empty()) {
    const auto level = choose(name, "--log-level", grammar.words.level, level_names);
    if (!level) return tl::unexpected(level.error());
    line.log_level = static_cast<Level>(*level);
  }
  if (!grammar.words.format.empty()) {
    const auto format = choose(name, "--log-format", grammar.words.format, format_names);
    if (!format) return tl::unexpected(format.error());
    line.log_format = static_cast<LogFormat>(*format);
  }
  return std::move(line);
}

// CLI11 says "--config: 1 required TEXT missing" and "Could not convert: --once = maybe".
std::string in_our_words(const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::size_t colon = std::min(text.find(": "), text.size());
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return text.substr(0, colon) + " takes one value, given once";
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr && colon < text.size())
    return "a flag takes no value: " + text.substr(colon + 2);
  return text;
}

Built<CommandLine> help_of(Grammar& grammar) {
  CommandLine& line = grammar.line;
  line.command = Command::help;
  CLI::App* chosen = grammar.chosen();
  line.text = chosen == nullptr ? grammar.help : chosen->help("runnel");
  return std::move(line);
}

}  // namespace

Built<CommandLine> parse_command_line(int count, const char* const* arguments) {
  for (int index = 1; index < count; ++index)
    if (std::string_view(arguments[index]).size() > argument_bytes_max)
      return refuse("", concat("an argument is longer than ", argument_bytes_max, " bytes"));
  Grammar grammar;
  try {
    grammar.app.parse(count, arguments);
  } catch (const CLI::CallForHelp&) {
    return help_of(grammar);
  } catch (const CLI::ParseError& error) {
    const CLI::App* chosen = grammar.chosen();
    return refuse(chosen == nullptr ? std::string() : chosen->get_name(), in_our_words(error));
  }
  return understand(grammar);
}

}  // namespace runnel::agent
