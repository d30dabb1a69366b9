// The judge at the end of a life: what came in it is in order, nothing is there twice, and its
// counters say what the files hold.
#include "base/text.hpp"
#include "tests/sim/swarm/custody.hpp"

namespace runnel::swarm {

void Checker::life_ended(const LifeFacts& facts) {
  std::vector<Seen> before;
  for (SinkState& sink : sinks_) {
    sink.before = sink.ever_seen;
    before.push_back(sink.seen);
  }
  look(facts.life);
  for (std::size_t sink = 0; sink < sinks_.size(); ++sink) {
    check_still_there(sink, before[sink]);
    check_order(sink, facts);
    check_generated(sink, facts);
    check_accounting(sink, facts);
    if (!is_journal(sink)) note_settled(sink, facts);
    check_undamaged(sink, facts);
    if (sink < facts.sinks.size()) sinks_[sink].gaps_said += facts.sinks[sink].gap_events;
    sinks_[sink].gaps_said_now = 0;
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

// In front of what comes now it had not to come.
bool Checker::may_skip(std::size_t index, const EventId& event) const {
  if (ledger_.stream(event.stream).is_excused(event.number)) return true;
  const std::size_t channel = scenario_.sinks[index].channel;
  // A journal brings what an earlier life has left, and reads around what it cannot read.
  return is_journal(index) && ((custody_.was_put(channel, event.stream, event.number) &&
                                scenario_.has(FaultKind::read_errors)) ||
                               is_in(sinks_[index].before, event.stream, event.number) ||
                               custody_.excuses(channel, event.stream, event.number));
}

// A journal brings what several lives have put: one of them began with this event. Or with one
// before it, and what is between need not come: it was dropped as the oldest, or an earlier life
// has delivered it, so that it was never written; or nothing was promised of it.
bool Checker::begins_again(std::size_t index, const EventId& event) const {
  const std::size_t channel = scenario_.sinks[index].channel;
  if (custody_.excuses(channel, event.stream, event.number)) return true;
  for (std::uint32_t number = event.number;; --number) {
    if (custody_.is_a_beginning(channel, event.stream, number)) return true;
    const bool goes_on = number > 0 && (scenario_.drops(channel) ||
                                        is_in(sinks_[index].before, event.stream, number - 1));
    if (!goes_on) return false;
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
  const bool settled = is_journal(index) ? custody_.is_settled(index, event.stream, event.number)
                                         : is_in(sinks_[index].settled, event.stream, event.number);
  if (settled && (is_log || is_journal(index)))
    return report(Verdict::repeated,
                  concat("sink k", index, ": ", name(event), " came again in life ", facts.life,
                         " although it was acknowledged, and the place written down"));
  // With a header in the path a log that was renamed goes on in another file.
  if (sink.by_header && new_file) return;
  if (other_log) {
    // In order while it runs. A start that finds both of them knows only from a checkpoint, if
    // there was time for one, that one was the other's former self (tests/sim/swarm_finds_test.cpp
    // has that case).
    const std::uint32_t older =
        std::min(stream.file_of[static_cast<std::size_t>(last)], stream.file_of[event.number]);
    const std::uint32_t rotated = older < stream.rotated_in.size() ? stream.rotated_in[older] : 0;
    // A journal brings what several lives have read.
    if (stream.rotated_in_haste || 2 * facts.life - 1 != rotated || is_journal(index)) return;
  }
  if (event.number <= last) {
    if (facts.rewound && (new_file || sink.by_header)) return;
    if (is_journal(index) && begins_again(index, event)) return;
    return report(Verdict::order, concat("sink k", index, ", life ", facts.life, ": ", name(event),
                                         " came behind number ", last));
  }
  // So does one whose header names another path from now on.
  if (scenario_.drops(sink.channel) || (is_log && sink.by_header)) return;
  if (is_log && last < 0) return;
  for (std::int64_t skipped = last + 1; skipped < event.number; ++skipped) {
    if (may_skip(index, {event.stream, static_cast<std::uint32_t>(skipped)})) continue;
    return report(Verdict::order,
                  concat("sink k", index, ", life ", facts.life, ": ", name(event),
                         " came behind number ", last, ": what is between was left out"));
  }
}

void Checker::check_generated(std::size_t index, const LifeFacts& facts) {
  if (scenario_.sinks[index].by_header || scenario_.drops(scenario_.sinks[index].channel)) return;
  // What a journal brings is a stream for each life that has made some.
  if (is_journal(index)) return;
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
  // A journal is not drained at a stop, and brings what earlier lives have left.
  if (received != written + gaps && !is_journal(index))
    report(Verdict::accounting,
           concat("sink k", index, ", life ", facts.life, ": ", received, " events received, ",
                  written, " delivered, ", gaps, " reported as dropped; its own count: ",
                  counters.sent_events, " and ", counters.gap_events, ", the channel dropped ",
                  facts.channels[channel].dropped_events));
  // Nor does it wait for a sink that is in trouble: of a batch that it has not got rid of, a part
  // may lie in a file that was not finished.
  const bool half_written =
      is_journal(index) && facts.disk_failed && written > counters.sent_events;
  if ((counters.sent_events != written && !half_written) || counters.gap_events != gaps)
    report(Verdict::accounting, concat("sink k", index, ", life ", facts.life, ": it counted ",
                                       counters.sent_events, " sent and ", counters.gap_events,
                                       " dropped; the files hold ", written, " and ", gaps));
  if (is_journal(index)) return;
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

// Nobody touches a journal's file: what cannot be read in it was written wrongly, or a read failed.
void Checker::check_undamaged(std::size_t index, const LifeFacts& facts) {
  const std::size_t channel = scenario_.sinks[index].channel;
  if (!is_journal(index) || channel >= facts.channels.size()) return;
  // "never" makes no promise to a power loss.
  if (scenario_.journals[channel]->sync == JournalSync::never) return;
  const std::uint64_t damaged = facts.channels[channel].damaged_events;
  if (damaged > 0 && !scenario_.has(FaultKind::read_errors))
    report(Verdict::damaged, concat("channel c", channel, ", life ", facts.life, ": ", damaged,
                                    " events of its journal could not be read"));
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

}  // namespace runnel::swarm
