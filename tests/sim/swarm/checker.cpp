#include "tests/sim/swarm/checker.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/text.hpp"
#include "sources/tail/positions.hpp"

namespace runnel::swarm {

const char* name_of(Verdict verdict) {
  static constexpr const char* names[] = {
      "kept",       "assertion",    "lost",       "order",      "repeated",    "damaged",
      "checkpoint", "sync promise", "frame lost", "accounting", "start",       "stop too late",
      "stuck",      "leak",         "memory",     "allocation", "not the same"};
  static_assert(std::size(names) == static_cast<std::size_t>(Verdict::not_the_same) + 1);
  return names[static_cast<std::size_t>(verdict)];
}

Checker::Checker(const Scenario& scenario, Ledger& ledger, LogFiles& logs, sim::SimMachine& machine)
    : scenario_(scenario), ledger_(ledger), logs_(logs), machine_(machine) {
  sinks_.reserve(scenario.sinks.size());
  for (const SinkScenario& sink : scenario.sinks)
    sinks_.push_back({Outputs(sink, ledger), {}, {}, {}});
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
  static constexpr const char* kinds[] = {"log", "connection", "datagrams"};
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
    const bool syncs_fail =
        std::any_of(scenario_.faults.begin(), scenario_.faults.end(),
                    [](const Fault& each) { return each.kind == FaultKind::sync_errors; });
    const bool may_tear = file.survived_power_loss && (sink.fsync == Fsync::never || syncs_fail);
    if (file.broken && !file.name.ends_with(".tmp") && !may_tear)
      report(Verdict::damaged, concat("sink k", index, ": ", file.name, " is finished and torn"));
    // Plain text has no checksum: what a power loss has torn can only be cut at a newline.
    if (file.survived_power_loss && sink.codec == Codec::none) continue;
    if (file.unknown > 0)
      report(Verdict::damaged, concat("sink k", index, ": ", file.name, " holds ", file.unknown,
                                      " events that nobody put, the first: ", file.first_unknown));
  }
}

// --- the end of a life ---------------------------------------------------------------------------

void Checker::life_ended(const LifeFacts& facts) {
  std::vector<Seen> before;
  for (const SinkState& sink : sinks_) before.push_back(sink.seen);
  look(facts.life);
  for (std::size_t sink = 0; sink < sinks_.size(); ++sink) {
    check_still_there(sink, before[sink]);
    check_order(sink, facts);
    check_generated(sink, facts);
    check_accounting(sink, facts);
    note_settled(sink, facts);
  }
}

// What an earlier life had delivered, and a crash has left, is there after the next one's recovery.
void Checker::check_still_there(std::size_t index, const Seen& before) {
  for (std::uint32_t stream = 0; stream < before.size(); ++stream)
    for (std::uint32_t number = 0; number < before[stream].size(); ++number)
      if (before[stream][number] && !is_in(sinks_[index].seen, stream, number))
        return report(Verdict::frame_lost,
                      concat("sink k", index, ": ", name({stream, number}),
                             " was delivered, survived, and is gone after the next start"));
}

void Checker::check_order(std::size_t index, const LifeFacts& facts) {
  std::vector<std::int64_t> last(ledger_.count(), -1);
  std::vector<bool> any(ledger_.count(), false), ended(ledger_.count(), false);
  std::vector<std::uint64_t> file_of(ledger_.count(), 0);
  std::vector<std::vector<bool>> datagrams(ledger_.count());
  for (const auto& [serial, file] : sinks_[index].outputs.files()) {
    if (file.life != facts.life) continue;
    for (const EventId& event : file.events) {
      const Stream& stream = ledger_.stream(event.stream);
      if (stream.kind == StreamKind::datagrams) {
        auto& had = datagrams[event.stream];
        had.resize(stream.put, false);
        if (had[event.number] && !facts.rewound)
          return report(Verdict::repeated,
                        concat("sink k", index, ": ", name(event), " came twice"));
        had[event.number] = true;
        continue;
      }
      if (ended[event.stream] && !facts.rewound)
        return report(Verdict::order, concat("sink k", index, ": ", name(event),
                                             " came behind a cut end of its connection"));
      ended[event.stream] = !event.whole;
      const bool new_file = file_of[event.stream] != serial;
      check_step(index, facts, event, any[event.stream] ? last[event.stream] : -1, new_file);
      if (violation_.verdict != Verdict::kept) return;
      any[event.stream] = true;
      last[event.stream] = event.number;
      file_of[event.stream] = serial;
    }
  }
}

// One event behind the one of its stream that came before it (-1: the first of this life).
void Checker::check_step(std::size_t index, const LifeFacts& facts, const EventId& event,
                         std::int64_t last, bool new_file) {
  const SinkScenario& sink = scenario_.sinks[index];
  const Stream& stream = ledger_.stream(event.stream);
  const bool is_log = stream.kind == StreamKind::log;
  if (is_log && (stream.truncated || facts.tail_failed)) return;
  const bool other_log =
      is_log && last >= 0 &&
      stream.file_of[static_cast<std::size_t>(last)] != stream.file_of[event.number];
  if (is_log && is_in(sinks_[index].settled, event.stream, event.number))
    return report(Verdict::repeated,
                  concat("sink k", index, ": ", name(event), " came again in life ", facts.life,
                         " although the stop before it was in order"));
  // With a header in the path a log that was renamed goes on in another file.
  if (sink.by_header && new_file) return;
  if (other_log) {
    // In order while it runs. A start that finds both of them knows only from a checkpoint, if
    // there was time for one, that one was the other's former self (tests/sim/tail_test.cpp has
    // that case).
    const std::uint32_t older =
        std::min(stream.file_of[static_cast<std::size_t>(last)], stream.file_of[event.number]);
    const std::uint32_t rotated = older < stream.rotated_in.size() ? stream.rotated_in[older] : 0;
    if (stream.rotated_in_haste || 2 * facts.life - 1 != rotated) return;
  }
  if (event.number <= last) {
    if (facts.rewound && (new_file || sink.by_header)) return;
    return report(Verdict::order, concat("sink k", index, ", life ", facts.life, ": ", name(event),
                                         " came behind number ", last));
  }
  // So does one whose header names another path from now on.
  if (scenario_.drops(sink.channel) || (is_log && sink.by_header)) return;
  if (is_log && last < 0) return;
  for (std::int64_t skipped = last + 1; skipped < event.number; ++skipped) {
    if (stream.is_excused(static_cast<std::uint32_t>(skipped))) continue;
    return report(Verdict::order,
                  concat("sink k", index, ", life ", facts.life, ": ", name(event),
                         " came behind number ", last, ": what is between was left out"));
  }
}

void Checker::check_generated(std::size_t index, const LifeFacts& facts) {
  if (scenario_.sinks[index].by_header || scenario_.drops(scenario_.sinks[index].channel)) return;
  std::int64_t last = -1;
  for (const auto& [serial, file] : sinks_[index].outputs.files()) {
    if (file.life != facts.life) continue;
    bool first = true;
    for (const std::uint64_t number : file.generated) {
      const auto now = static_cast<std::int64_t>(number);
      if (now != last + 1 && !(first && facts.rewound && now <= last))
        return report(Verdict::order, concat("sink k", index, ", life ", facts.life,
                                             ": generated event ", number, " came behind ", last));
      last = now;
      first = false;
    }
  }
}

// A life that was drained: every event that came in is in a file or in a gap that was reported.
void Checker::check_accounting(std::size_t index, const LifeFacts& facts) {
  if (!facts.in_order || facts.rewound) return;
  const std::size_t channel = scenario_.sinks[index].channel;
  std::uint64_t received = 0;
  for (std::size_t source = 0; source < scenario_.sources.size(); ++source)
    if (scenario_.feeds(source, index)) received += facts.sources[source].received_events;
  std::uint64_t written = 0, gaps = 0;
  for (const auto& [serial, file] : sinks_[index].outputs.files()) {
    if (file.life != facts.life) continue;
    written += file.count();
    gaps += file.gap_events;
  }
  const pipeline::SinkCounters& counters = facts.sinks[index];
  if (!scenario_.sinks[index].says_gaps) gaps = counters.gap_events;
  if (received != written + gaps)
    report(Verdict::accounting,
           concat("sink k", index, ", life ", facts.life, ": ", received, " events received, ",
                  written, " delivered, ", gaps, " reported as dropped; its own count: ",
                  counters.sent_events, " and ", counters.gap_events, ", the channel dropped ",
                  facts.channels[channel].dropped_events));
  if (counters.sent_events != written || counters.gap_events != gaps)
    report(Verdict::accounting, concat("sink k", index, ", life ", facts.life, ": it counted ",
                                       counters.sent_events, " sent and ", counters.gap_events,
                                       " dropped; the files hold ", written, " and ", gaps));
  // drop_oldest drops for each sink, the others once for all of them.
  std::uint64_t gaps_of_channel = 0;
  for (std::size_t each = 0; each < scenario_.sinks.size(); ++each)
    if (scenario_.sinks[each].channel == channel) gaps_of_channel += facts.sinks[each].gap_events;
  if (scenario_.channels[channel] == WhenFull::drop_newest) gaps_of_channel = gaps;
  if (facts.channels[channel].dropped_events != gaps_of_channel)
    report(Verdict::accounting,
           concat("channel c", channel, ", life ", facts.life, ": dropped ",
                  facts.channels[channel].dropped_events, ", reported ", gaps_of_channel));
}

// After a stop in order the checkpoint is exact: the next life repeats nothing.
void Checker::note_settled(std::size_t index, const LifeFacts& facts) {
  Seen& settled = sinks_[index].settled;
  settled.clear();
  if (!facts.in_order || facts.disk_failed || facts.rewound) return;
  settled.resize(ledger_.count());
  for (const auto& [serial, file] : sinks_[index].outputs.files()) {
    if (file.life != facts.life) continue;
    for (const EventId& event : file.events) {
      settled[event.stream].resize(ledger_.stream(event.stream).put, false);
      settled[event.stream][event.number] = true;
    }
  }
}

// --- crashes -------------------------------------------------------------------------------------

void Checker::power_was_lost(std::uint32_t life) {
  for (SinkState& sink : sinks_) sink.outputs.power_was_lost();
  look(life);
}

void Checker::check_survivors(std::size_t index, std::uint32_t life, std::uint64_t at_least) {
  std::uint64_t survived = 0;
  for (const auto& [serial, file] : sinks_[index].outputs.files())
    if (file.life == life) survived += file.count();
  if (survived < at_least)
    report(Verdict::sync_promise,
           concat("sink k", index, ", life ", life, ": ", at_least,
                  " events were written longer ago than fsync allows, ", survived, " survived"));
}

void Checker::check_checkpoints(bool after_power_loss) {
  for (std::size_t source = 0; source < scenario_.sources.size(); ++source)
    if (scenario_.sources[source].kind == SourceKind::tail)
      check_checkpoint(source, after_power_loss);
}

namespace {

std::optional<std::string> checkpoint_text(sim::SimMachine& machine, std::size_t source) {
  const auto text = machine.files().text(concat("/state/tail-s", source, ".checkpoint"));
  if (!text) return std::nullopt;
  return *text;
}

}  // namespace

void Checker::check_checkpoint(std::size_t source, bool after_power_loss) {
  const auto text = checkpoint_text(machine_, source);
  if (!text) return;
  using namespace sources::tail;
  const PositionsRead read = read_positions(*text, [&](const SavedPosition& position) {
    const LogFile* file = logs_.with_inode(static_cast<sim::Inode>(position.inode));
    if (file == nullptr) return true;
    // What was written down of a file that is another one by now claims nothing.
    const std::string content = machine_.files().text(file->path).value_or("");
    if (!position.fingerprint.matches(as_bytes(content)) || file->truncations > 0) return true;
    for (std::size_t sink = 0; sink < sinks_.size(); ++sink) {
      if (!scenario_.feeds(source, sink) || scenario_.drops(scenario_.sinks[sink].channel))
        continue;
      // "never" promises nothing for a power loss: what had been written counts.
      const bool forgiven = scenario_.sinks[sink].fsync == Fsync::never;
      const Seen& seen = forgiven ? sinks_[sink].ever_seen : sinks_[sink].seen;
      for (const LogFile::Line& line : file->lines) {
        if (line.end > position.offset) break;
        if (is_in(seen, file->stream, line.number)) continue;
        report(Verdict::checkpoint_ahead,
               concat("the checkpoint says ", position.offset, " of ", file->path,
                      after_power_loss ? " after a power loss" : " after a kill", ", but sink k",
                      sink, " has not ", name({file->stream, line.number})));
        return true;
      }
    }
    return true;
  });
  if (read == PositionsRead::damaged)
    report(Verdict::checkpoint_ahead,
           concat("the checkpoint of s", source, " is damaged after a crash"));
}

void Checker::excuse_unknown_rotations() {
  for (std::size_t source = 0; source < scenario_.sources.size(); ++source) {
    const SourceScenario& tail = scenario_.sources[source];
    if (tail.kind != SourceKind::tail || tail.matches_rotated) continue;
    std::vector<std::uint64_t> known;
    if (const auto text = checkpoint_text(machine_, source))
      (void)sources::tail::read_positions(*text, [&](const sources::tail::SavedPosition& each) {
        known.push_back(each.inode);
        return true;
      });
    for (LogFile& file : logs_.all) {
      if (!file.there || file.source != source || file.path.ends_with(".log")) continue;
      if (std::find(known.begin(), known.end(), file.inode) != known.end()) continue;
      for (const LogFile::Line& line : file.lines) ledger_.stream(file.stream).excuse(line.number);
    }
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

std::optional<EventId> Checker::missing(std::size_t index) const {
  const SinkState& sink = sinks_[index];
  if (scenario_.drops(scenario_.sinks[index].channel)) return std::nullopt;
  const bool forgiven = scenario_.sinks[index].fsync == Fsync::never;
  for (std::uint32_t id = 0; id < ledger_.count(); ++id) {
    const Stream& stream = ledger_.stream(id);
    if (!stream.due || !scenario_.feeds(stream.source, index)) continue;
    const Seen& seen = forgiven ? sink.ever_seen : sink.seen;
    const std::vector<bool> met = files_met(stream, seen[id]);
    for (std::uint32_t number = 0; number < stream.put; ++number)
      if (!stream.is_excused(number) && !is_in(seen, id, number) &&
          (number >= stream.file_of.size() || met[stream.file_of[number]]))
        return EventId{id, number};
  }
  return std::nullopt;
}

bool Checker::complete(std::uint32_t life) {
  for (std::size_t sink = 0; sink < sinks_.size(); ++sink) {
    sinks_[sink].outputs.look(machine_.files(), life);
    collect(sink);
    if (missing(sink)) return false;
  }
  return true;
}

void Checker::check_complete() {
  for (std::size_t sink = 0; sink < sinks_.size(); ++sink)
    if (const auto event = missing(sink))
      report(Verdict::lost, concat("sink k", sink, " never got ", name(*event)));
}

}  // namespace runnel::swarm
