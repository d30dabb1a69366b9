// `runnel dead-letter`: says what destinations have refused for good, and sends it once more
// (docs/dead-letter.md).
//
// Sending is a run of the agent with the chosen sinks alone, each behind a channel of its own that
// is fed from its files. These are put aside first (NAME.dead.sending.1 and .2), so that what is
// refused again goes into a new file and nothing loops; they are removed when all of it is
// delivered or refused again, and else sent once more by the next call.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.hpp"
#include "agent/dead_letter_tool/request.hpp"
#include "agent/journal_tool/tool.hpp"
#include "agent/settings.hpp"

namespace runnel::agent::dead_letter_tool {

using journal_tool::Machine;

// A file that is such, and not a configuration: by its first bytes, or its name.
bool is_letter_file(Machine machine, const std::string& path);

// Returns the exit codes: ok, damaged, configuration, io.
int list_file(const DeadLetterRequest& request, Machine machine);
int list_sinks(const DeadLetterRequest& request, Settings& settings, Machine machine);

bool exists(Machine machine, const std::string& path);
// What there is of a sink's letters, in the order of their writing.
std::vector<std::string> files_of(const SinkConfig& sink, Machine machine);

// Sinks had more connections once, and those that are no more may have left letters: they count as
// sinks again.
void add_former_connections(Settings& settings, Machine machine);

// What is to be sent, by whom.
struct Sending {
  Settings settings;  // no sources: there is nothing to send
  std::vector<std::string> files;
  std::uint64_t letters = 0;
};
// Puts the files aside. Exit codes of its problems: configuration, unavailable, io.
Built<Sending> prepare_sending(const DeadLetterRequest& request, Settings settings,
                               Machine machine);
// After the run: removes the files when nothing of them is needed any more. Returns the exit code.
int finish_sending(const Sending& sending, const Agent& agent, int exit_code, Machine machine);

// A source that puts the letters of one source of one sink's files, and ends.
extern const pipeline::SourceType letters_type;
std::unique_ptr<pipeline::SourcePlan> plan_letters(const std::vector<std::string>& files,
                                                   const std::string& source,
                                                   std::size_t record_bytes_max);

// What its files hold; letters whose source cannot name one count as "unknown".
struct Looked {
  std::uint64_t letters = 0, damaged_bytes = 0, torn_bytes = 0;
  std::size_t largest = 0;
};
Result<Looked> look_through(const std::string& path, Machine machine,
                            FunctionRef<void(const pipeline::DeadLetter&)> each);
std::string_view source_of(const pipeline::DeadLetter& letter);

// The sinks that were asked for; the problem says why there are none.
Built<std::vector<const SinkConfig*>> chosen_sinks(const DeadLetterRequest& request,
                                                   const Settings& settings);

}  // namespace runnel::agent::dead_letter_tool
