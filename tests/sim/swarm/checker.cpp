#include "tests/sim/swarm/checker.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "tests/sim/swarm/custody.hpp"

namespace runnel::swarm {

const char* name_of(Verdict verdict) {
  static constexpr const char* names[] = {
      "kept",       "assertion",    "lost",       "order",      "repeated",    "damaged",
      "checkpoint", "sync promise", "frame lost", "accounting", "start",       "stop too late",
      "stuck",      "leak",         "memory",     "allocation", "not the same"};
  static_assert(std::size(names) == static_cast<std::size_t>(Verdict::not_the_same) + 1);
  return names[static_cast<std::size_t>(verdict)];
}

Checker::Checker(const Scenario& scenario, Ledger& ledger, LogFiles& logs, sim::SimMachine& machine,
                 const Custody& custody)
    : scenario_(scenario), ledger_(ledger), logs_(logs), machine_(machine), custody_(custody) {
  sinks_.reserve(scenario.sinks.size());
  for (const SinkScenario& sink : scenario.sinks)
    sinks_.push_back({Outputs(sink, ledger), {}, {}, {}, {}});
}

bool Checker::is_journal(std::size_t sink) const {
  return scenario_.is_journal(scenario_.sinks[sink].channel);
}

void Checker::report(Verdict verdict, std::string text) {
  if (violation_.verdict != Verdict::kept) return;
  violation_ = {verdict, std::move(text)};
}

bool Checker::is_in(const Seen& seen, std::uint32_t stream, std::uint32_t number) {
  return stream < seen.size() && number < seen[stream].size() && seen[stream][number];
}

std::string Checker::files_text() const {
  std::string text;
  for (std::size_t index = 0; index < sinks_.size(); ++index) {
    for (const auto& [serial, file] : sinks_[index].outputs.files()) {
      text += concat("k", index, " ", file.name, " (file ", serial, ", life ", file.life, "):");
      // Stretches of one stream.
      for (std::size_t at = 0; at < file.events.size();) {
        std::size_t end = at + 1;
        while (end < file.events.size() && file.events[end].stream == file.events[at].stream &&
               file.events[end].number == file.events[end - 1].number + 1)
          ++end;
        text += concat(" ", file.events[at].stream, ":", file.events[at].number, "-",
                       file.events[end - 1].number);
        at = end;
      }
      for (std::size_t at = 0; at < file.generated.size();) {
        std::size_t end = at + 1;
        while (end < file.generated.size() && file.generated[end] == file.generated[end - 1] + 1)
          ++end;
        text += concat(" generated ", file.generated[at], "-", file.generated[end - 1]);
        at = end;
      }
      text += concat(", gaps ", file.gap_events, ", unknown ", file.unknown, "\n");
    }
  }
  return text;
}

std::string Checker::name(const EventId& event) const {
  static constexpr const char* kinds[] = {"log", "connection", "datagrams", "generated"};
  const Stream& stream = ledger_.stream(event.stream);
  return concat("event ", event.number, " of stream ", event.stream, " (",
                kinds[static_cast<std::size_t>(stream.kind)], " of source s", stream.source, ", ",
                stream.put, " put)");
}

// --- looking -------------------------------------------------------------------------------------

void Checker::look(std::uint32_t life) {
  for (std::size_t sink = 0; sink < sinks_.size(); ++sink) {
    sinks_[sink].outputs.look(machine_.files(), life);
    collect(sink);
    check_damage(sink);
  }
}

void Checker::collect(std::size_t index) {
  SinkState& sink = sinks_[index];
  sink.seen.assign(ledger_.count(), {});
  sink.ever_seen.resize(ledger_.count());
  for (std::uint32_t stream = 0; stream < ledger_.count(); ++stream) {
    sink.seen[stream].resize(ledger_.stream(stream).put, false);
    sink.ever_seen[stream].resize(ledger_.stream(stream).put, false);
  }
  delivered_ = 0;
  for (const auto& [serial, file] : sink.outputs.files()) {
    delivered_ += file.count();
    for (const EventId& event : file.events) {
      if (!event.whole) continue;
      sink.seen[event.stream][event.number] = true;
      sink.ever_seen[event.stream][event.number] = true;
    }
  }
}

void Checker::check_damage(std::size_t index) {
  // A log that was truncated under the reader may show a line without its beginning.
  for (std::uint32_t stream = 0; stream < ledger_.count(); ++stream)
    if (ledger_.stream(stream).truncated) return;
  const SinkScenario& sink = scenario_.sinks[index];
  for (const auto& [serial, file] : sinks_[index].outputs.files()) {
    // A file with its final name is whole; only "never" may have it torn after that.
    // So may recovery, when a sync fails there: at the next start it asks again, and the kernel has
    // forgotten what it owed.
    const bool may_tear = file.survived_power_loss &&
                          (sink.fsync == Fsync::never || scenario_.has(FaultKind::sync_errors));
    if (file.broken && !file.name.ends_with(".tmp") && !may_tear)
      report(Verdict::damaged, concat("sink k", index, ": ", file.name, " is finished and torn"));
    // Plain text has no checksum: what a power loss has torn can only be cut at a newline.
    if (file.survived_power_loss && sink.codec == Codec::none) continue;
    if (is_journal(index) && !file.generated.empty())
      report(Verdict::damaged, concat("sink k", index, ": ", file.name,
                                      " holds generated events of a size that no life had"));
    if (file.unknown > 0)
      report(Verdict::damaged, concat("sink k", index, ": ", file.name, " holds ", file.unknown,
                                      " events that nobody put, the first: ", file.first_unknown));
  }
}

// --- the end -------------------------------------------------------------------------------------

// By a log's files: whether one can be blamed for not having read it. A file that came and got a
// name that is not looked at, all while the channel was full or nobody ran, was never met.
std::vector<bool> Checker::files_met(const Stream& stream, const std::vector<bool>& seen) const {
  const std::uint32_t files = stream.file_of.empty() ? 0 : stream.file_of.back();
  std::vector<bool> met(files + 1, true);
  if (scenario_.sources[stream.source].matches_rotated) return met;
  met.assign(files + 1, false);
  met[files] = true;  // the one that still has its name
  for (std::size_t number = 0; number < stream.file_of.size(); ++number)
    if (seen[number]) met[stream.file_of[number]] = true;
  return met;
}

// What counts as delivered in the end: "never" promises nothing for a power loss.
const Checker::Seen& Checker::had(std::size_t index) const {
  const SinkState& sink = sinks_[index];
  return scenario_.sinks[index].fsync == Fsync::never ? sink.ever_seen : sink.seen;
}

std::optional<EventId> Checker::missing(std::size_t index) const {
  const auto of_journal = is_journal(index) ? missing_of_journal(index) : std::nullopt;
  return of_journal ? of_journal : missing_of_due(index);
}

// What a journal had custody of arrives; or it is reported as missing: it was the oldest, and
// had to go, or because the disk would not give it back.
std::optional<EventId> Checker::missing_of_journal(std::size_t index) const {
  const std::size_t channel = scenario_.sinks[index].channel;
  const Seen& seen = had(index);
  const bool drops_oldest = scenario_.channels[channel] == WhenFull::drop_oldest;
  const bool may_miss = drops_oldest || scenario_.has(FaultKind::read_errors);
  std::uint64_t reported = may_miss ? sinks_[index].gaps_said + sinks_[index].gaps_said_now : 0;
  const auto& due = custody_.due(channel).by_stream();
  for (std::uint32_t stream = 0; stream < due.size(); ++stream)
    for (std::uint32_t number = 0; number < due[stream].size(); ++number) {
      if (!due[stream][number] || is_in(seen, stream, number)) continue;
      if (reported == 0) return EventId{stream, number};
      --reported;
    }
  return std::nullopt;
}

std::optional<EventId> Checker::missing_of_due(std::size_t index) const {
  const std::size_t channel = scenario_.sinks[index].channel;
  if (scenario_.drops(channel)) return std::nullopt;
  const Seen& seen = had(index);
  for (std::uint32_t id = 0; id < ledger_.count(); ++id) {
    const Stream& stream = ledger_.stream(id);
    if (!stream.due || !scenario_.feeds(stream.source, index)) continue;
    const std::vector<bool> met = files_met(stream, seen[id]);
    for (std::uint32_t number = 0; number < stream.put; ++number)
      if (!stream.is_excused(number) && !is_in(seen, id, number) &&
          !custody_.excuses(channel, id, number) &&
          !(custody_.owes(channel, id, number) && scenario_.has(FaultKind::read_errors)) &&
          (number >= stream.file_of.size() || met[stream.file_of[number]]))
        return EventId{id, number};
  }
  return std::nullopt;
}

bool Checker::complete(const LifeFacts& so_far) {
  for (std::size_t sink = 0; sink < sinks_.size(); ++sink) {
    sinks_[sink].outputs.look(machine_.files(), so_far.life);
    sinks_[sink].gaps_said_now = so_far.sinks[sink].gap_events;
    collect(sink);
    if (missing(sink)) return false;
  }
  return true;
}

void Checker::check_complete() {
  for (std::size_t sink = 0; sink < sinks_.size(); ++sink)
    if (const auto event = missing(sink)) {
      const bool owed = is_journal(sink) &&
                        custody_.owes(scenario_.sinks[sink].channel, event->stream, event->number);
      report(Verdict::lost, concat("sink k", sink, " never got ", name(*event),
                                   owed ? ", which its journal had in custody" : ""));
    }
}

}  // namespace runnel::swarm
