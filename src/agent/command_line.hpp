// What the process was asked to do, and its help. Start-up only. Written here: a library for it
// (all of them bring iostream and locales) was a fifth of the static program.
#pragma once

#include <optional>
#include <string>

#include "agent/dead_letter_tool/request.hpp"
#include "agent/journal_tool/request.hpp"
#include "agent/rehearse/request.hpp"
#include "agent/settings.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace runnel::agent {

enum class DriverChoice : std::uint8_t { automatic, uring, asio };

struct CommandLine {
  enum class Command : std::uint8_t {
    run,
    validate,
    rehearse,
    list,
    journal,
    dead_letter,
    version,
    help
  };
  Command command = Command::help;

  // run, validate, rehearse; dead_letter
  std::string configuration_file;

  // run, validate
  DriverChoice driver = DriverChoice::automatic;
  bool uring_tier_b = false;  // hidden: the features of an older kernel, on a newer one

  // run; what is given here goes before the file
  bool once = false;
  bool live = false;  // a status line every second
  std::optional<Level> log_level;
  std::optional<LogFormat> log_format;

  bool memory = false;  // validate: print the plan

  // list
  std::string type;  // empty: all of them
  bool markdown = false;

  JournalRequest journal;
  DeadLetterRequest dead_letter;
  RehearseRequest rehearse;

  std::string text;  // help: what to print
};

// A wrong command line is one line for a person, with exit code 64.
Built<CommandLine> parse_command_line(int count, const char* const* arguments);

}  // namespace runnel::agent
