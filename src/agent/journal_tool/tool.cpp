#include "agent/journal_tool/tool.hpp"

#include <algorithm>

#include "agent/exit_codes.hpp"
#include "agent/journal_tool/inspection.hpp"
#include "base/text.hpp"

namespace runnel::agent::journal_tool {
namespace {

using Action = JournalRequest::Action;

constexpr Duration between_words = 2s;

// The agent's lock, as far as it can be had here: nobody has ever run where there is no such file,
// and a medium that cannot be written has no agent either. Given back at its end.
class Lock {
 public:
  // `always`: an agent must not start meanwhile, also where none has run yet.
  Lock(Machine machine, const std::string& journal_path, bool always) : machine_(machine) {
    const std::string path = journal_path + ".lock";
    if (!always && !machine.system.file_info(path.c_str())) return;
    const auto lock = machine.system.lock_file(path.c_str(), holder_);
    if (lock) handle_ = *lock;
    in_use_ = !lock && lock.error() == Error::in_use;
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { give_back(); }

  bool in_use() const { return in_use_; }
  std::string who() const {
    return holder_ == 0 ? "an agent that runs" : concat("a running agent, process ", holder_);
  }
  void give_back() {
    if (handle_ != io::Handle::none) machine_.reactor.discard(handle_);
    handle_ = io::Handle::none;
  }

 private:
  Machine machine_;
  io::Handle handle_ = io::Handle::none;
  std::uint32_t holder_ = 0;
  bool in_use_ = false;
};

int verify(const JournalRequest& request, JournalReader& reader, Machine machine) {
  Progress progress(machine, reader, "verified");
  while (reader.next() != nullptr) {
    (void)reader.unpack();
    progress.step();
  }
  const Totals& totals = reader.totals();
  std::string text;
  if (is_damaged(reader)) {
    const auto first =
        std::min_element(reader.damages().begin(), reader.damages().end(),
                         [](const Damage& a, const Damage& b) { return a.at < b.at; });
    text = concat(request.path, ": byte ", first->at, ": ", first->what, '\n', request.path, ": ",
                  what_is_missing(reader), '\n');
  } else {
    text = concat(request.path, ": whole; ", totals.blocks, " blocks, ", totals.events,
                  " events and ", totals.gaps, " gaps were read\n");
  }
  if (!machine.console.out(text)) return exit_codes::io;
  return is_damaged(reader) ? exit_codes::damaged : exit_codes::ok;
}

}  // namespace

Progress::Progress(Machine machine, const JournalReader& reader, std::string_view doing)
    : machine_(machine),
      reader_(reader),
      doing_(doing),
      next_(after(machine.reactor.now(), between_words)) {}

void Progress::step() {
  const Instant now = machine_.reactor.now();
  if (now < next_) return;
  next_ = after(now, between_words);
  const std::uint64_t all = std::max<std::uint64_t>(reader_.bytes_to_walk(), 1);
  machine_.console.say(concat(doing_, ' ', reader_.walked_bytes() * 100 / all, " %, ",
                              reader_.totals().events, " events"));
}

bool is_damaged(const JournalReader& reader) { return reader.damages_found() != 0; }

std::string what_is_missing(const JournalReader& reader) {
  if (!is_damaged(reader)) return {};
  return concat(reader.damages_found(), reader.damages_found() == 1 ? " place is" : " places are",
                " damaged; ", reader.totals().missing_events,
                " events between the first block and the last are missing");
}

int complain(Machine machine, const Problem& problem) {
  machine.console.say(problem.text);
  return problem.exit_code;
}

int run(const JournalRequest& request, Machine machine) {
  const bool writes = request.action == Action::release;
  const bool copies = request.action == Action::repair;
  Lock lock(machine, request.path, writes);
  if (lock.in_use() && (writes || copies))
    return complain(machine, {concat(request.path, ": in use by ", lock.who(), "; stop it first"),
                              exit_codes::unavailable});
  if (lock.in_use())
    machine.console.say(concat(request.path, ": in use by ", lock.who(),
                               ": what it writes meanwhile may look damaged"));
  // An agent may start while somebody looks, not while a copy is made.
  if (!writes && !copies) lock.give_back();
  const auto reader = JournalReader::open(machine.reactor, machine.system, request.path);
  if (!reader) return complain(machine, reader.error());
  switch (request.action) {
    case Action::inspect:
      return inspect(request, **reader, machine);
    case Action::verify:
      return verify(request, **reader, machine);
    case Action::export_events:
      return export_events(request, **reader, machine);
    case Action::repair:
      return repair(request, **reader, machine);
    case Action::release:
      return release(request, **reader, machine);
  }
  return exit_codes::usage;
}

}  // namespace runnel::agent::journal_tool
