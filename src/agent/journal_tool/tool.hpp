// `runnel journal`: looks at a journal without the agent that wrote it, on whatever machine its
// file has come to. Only reads, but for release; what repair makes is a new file
// (docs/journal-tool.md).
#pragma once

#include <string_view>

#include "agent/journal_tool/reader.hpp"
#include "agent/journal_tool/request.hpp"

namespace runnel::agent::journal_tool {

// Where the tool says what it has found. `out` is what was asked for and may go into a pipe; `say`
// is for the person: complaints and progress.
class Console {
 public:
  virtual ~Console() = default;
  virtual bool out(std::string_view text) = 0;  // false: nobody takes it any more
  virtual void say(std::string_view line) = 0;  // without its newline
};

struct Machine {
  io::Reactor& reactor;
  io::System& system;
  Console& console;
};

// Returns the exit code: ok, damaged, unavailable, io.
int run(const JournalRequest& request, Machine machine);

// --- between the parts of the tool ------------------------------------------------------------

// Says how far a walk has come, every few seconds of a long one.
class Progress {
 public:
  Progress(Machine machine, const JournalReader& reader, std::string_view doing);
  void step();

 private:
  Machine machine_;
  const JournalReader& reader_;
  std::string_view doing_;
  Instant next_;
};

int export_events(const JournalRequest& request, JournalReader& reader, Machine machine);
int repair(const JournalRequest& request, JournalReader& reader, Machine machine);
// Forgets how far a sink has come that is no more, so that nothing is kept for it.
int release(const JournalRequest& request, const JournalReader& reader, Machine machine);

int complain(Machine machine, const Problem& problem);
// One line that ends what a command says: what is damaged and missing. Empty: nothing.
std::string what_is_missing(const JournalReader& reader);
bool is_damaged(const JournalReader& reader);

}  // namespace runnel::agent::journal_tool
