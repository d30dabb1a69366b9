// `runnel dead-letter send`: what is sent by whom, and what becomes of the files.
#include <algorithm>
#include <set>

#include "agent/dead_letter_tool/tool.hpp"
#include "agent/exit_codes.hpp"
#include "agent/journal_tool/file.hpp"
#include "base/text.hpp"
#include "channels/memory/memory.hpp"
#include "pipeline/dead_letter.hpp"

namespace runnel::agent::dead_letter_tool {

using pipeline::DeadLetter;

namespace {

constexpr std::size_t channel_bytes = 1u << 20;
// Those of an agent, and "unknown".
constexpr std::size_t sources_of_sink_max = agent::sources_max + 1;

// Nobody writes to them while they are moved.
class Lock {
 public:
  Lock(Machine machine, const char* path) : machine_(machine) {
    const auto lock = machine.system.lock_file(path, holder_);
    if (lock) handle_ = *lock;
    if (!lock) error_ = lock.error();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (handle_ != io::Handle::none) machine_.reactor.discard(handle_);
  }
  Error error() const { return error_; }
  std::uint32_t holder() const { return holder_; }

 private:
  Machine machine_;
  io::Handle handle_ = io::Handle::none;
  Error error_ = Error::none;
  std::uint32_t holder_ = 0;
};

// The files of the sink, put aside under names that no agent writes to. What an interrupted call
// has left goes first, alone.
Built<std::vector<std::string>> put_aside(const SinkConfig& sink, Machine machine) {
  std::vector<std::string> files;
  if (files_of(sink, machine).empty()) return files;
  pipeline::DeadLetterPaths paths(sink.plan->delivery.dead_letter.folder, sink.name);
  const std::string current(paths.current.text()), previous(paths.previous.text());
  const std::string aside[] = {current + ".sending.1", current + ".sending.2"};
  const Lock lock(machine, paths.lock.c_str());
  if (lock.error() == Error::in_use)
    return problem(concat(current, ": in use by process ", lock.holder(), "; stop the agent first"),
                   exit_codes::unavailable);
  if (lock.error() != Error::none)
    return problem(concat(current, ": cannot be locked: ", describe(lock.error())), exit_codes::io);
  for (const std::string& path : aside)
    if (exists(machine, path)) files.push_back(path);
  if (!files.empty()) {
    machine.console.say(concat(current, ": what an earlier call has begun to send goes first"));
    return files;
  }
  const std::string* from[] = {&previous, &current};
  for (std::size_t index = 0; index < 2; ++index) {
    if (!exists(machine, *from[index])) continue;
    const Status moved =
        journal_tool::rename(machine.reactor, from[index]->c_str(), aside[index].c_str());
    if (!moved)
      return problem(concat(*from[index], ": cannot be renamed: ", describe(moved.error())),
                     exit_codes::io);
    files.push_back(aside[index]);
  }
  const Status synced = journal_tool::sync_folder_of(machine.reactor, current);
  (void)synced;  // a name that goes back is only sent by a later call
  return files;
}

// No letter is in them: put aside they would only stand in the way of later ones.
tl::expected<void, Problem> remove_empty(const std::vector<std::string>& files, bool damaged,
                                         Machine machine) {
  if (damaged)
    return problem(concat(files.front(), ": nothing in it can be sent; move it away"),
                   exit_codes::damaged);
  for (const std::string& path : files)
    if (const Status removed = journal_tool::unlink(machine.reactor, path.c_str()); !removed)
      return problem(concat(path, ": cannot be removed: ", describe(removed.error())),
                     exit_codes::io);
  return {};
}

// One channel for the sink, and a source for each that its letters came from, under their names.
tl::expected<void, Problem> add_sink(Sending& sending, SinkConfig sink,
                                     const std::vector<std::string>& files, Machine machine) {
  std::set<std::string, std::less<>> sources;
  std::size_t largest = 0;
  bool damaged = false;
  for (const std::string& path : files) {
    const auto looked = look_through(path, machine, [&](const DeadLetter& letter) {
      if (sources.size() <= sources_of_sink_max) sources.emplace(source_of(letter));
    });
    if (!looked)
      return problem(concat(path, ": cannot be read: ", describe(looked.error())), exit_codes::io);
    if (looked->damaged_bytes + looked->torn_bytes > 0)
      machine.console.say(concat(path, ": ", looked->damaged_bytes + looked->torn_bytes,
                                 " bytes are damaged and cannot be sent"));
    damaged = damaged || looked->damaged_bytes + looked->torn_bytes > 0;
    sending.letters += looked->letters;
    largest = std::max(largest, looked->largest);
    sending.files.push_back(path);
  }
  if (sources.empty()) return remove_empty(files, damaged, machine);
  if (sources.size() > sources_of_sink_max)
    return problem(concat(files.front(), ": its letters come from more than ", sources_of_sink_max,
                          " sources, which no agent has; move it away"),
                   exit_codes::damaged);
  Settings& settings = sending.settings;
  const std::size_t index = settings.channels.size();
  ChannelConfig& channel = settings.channels.emplace_back();
  channel.name = sink.name;
  channel.type = &channels::memory_type;
  channel.settings.capacity_bytes = std::max(channel_bytes, 4 * largest);
  for (const std::string& name : sources) {
    SourceConfig& source = settings.sources.emplace_back();
    source.name = name;
    source.type = &letters_type;
    source.plan = plan_letters(files, name, largest);
    source.channels = {index};
  }
  sink.channel = index;
  sink.group = SinkConfig::no_group;
  sink.member = 0;
  pipeline::DeliverySettings& delivery = sink.plan->delivery;
  delivery.record_bytes_max = std::max(delivery.record_bytes_max, largest);
  pipeline::fit_batch(delivery, channel.settings.capacity_bytes);
  settings.sinks.push_back(std::move(sink));
  return {};
}

}  // namespace

Built<Sending> prepare_sending(const DeadLetterRequest& request, Settings settings,
                               Machine machine) {
  add_former_connections(settings, machine);
  const auto chosen = chosen_sinks(request, settings);
  if (!chosen) return tl::unexpected(chosen.error());
  Sending sending;
  sending.settings.agent = settings.agent;
  sending.settings.links = settings.links;
  for (SinkConfig& sink : settings.sinks) {
    if (std::find(chosen->begin(), chosen->end(), &sink) == chosen->end()) continue;
    const auto files = put_aside(sink, machine);
    if (!files) return tl::unexpected(files.error());
    if (auto added = add_sink(sending, std::move(sink), *files, machine); !added)
      return tl::unexpected(added.error());
  }
  return sending;
}

int finish_sending(const Sending& sending, const Agent& agent, int exit_code, Machine machine) {
  std::uint64_t put = 0, sent = 0, refused = 0, kept = 0;
  bool drained = true;
  for (const SourcePart& part : agent.parts().sources) put += part.counters.received_events;
  for (const ChannelPart& part : agent.parts().channels) drained &= part.channel->drained();
  for (const SinkPart& part : agent.parts().sinks) {
    sent += part.counters.sent_events;
    refused += part.counters.refused_events;
    kept += part.counters.dead_letter_events;
  }
  machine.console.say(concat(sending.letters, " dead letters: ", sent, " delivered, ", refused,
                             " refused again, ", kept, " of those kept"));
  if (exit_code != exit_codes::ok || !drained || put < sending.letters || kept < refused) {
    machine.console.say("their files stay, and are sent once more by the next call");
    return exit_code == exit_codes::ok ? exit_codes::unavailable : exit_code;
  }
  for (const std::string& path : sending.files) {
    const Status removed = journal_tool::unlink(machine.reactor, path.c_str());
    if (removed) continue;
    machine.console.say(concat(path, ": cannot be removed: ", describe(removed.error())));
    exit_code = exit_codes::io;
  }
  return exit_code;
}

}  // namespace runnel::agent::dead_letter_tool
