#include "tests/sim/swarm/custody.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "pipeline/channel.hpp"

namespace runnel::swarm {
namespace {

constexpr Duration sample_interval = 5ms;

}  // namespace

bool EventSet::add(const EventId& event) {
  if (bits_.size() <= event.stream) bits_.resize(event.stream + 1);
  auto& numbers = bits_[event.stream];
  if (numbers.size() <= event.number) numbers.resize(event.number + 1, false);
  if (numbers[event.number]) return false;
  return numbers[event.number] = true;
}

void EventSet::add_all(const EventSet& more) {
  for (std::uint32_t stream = 0; stream < more.bits_.size(); ++stream)
    for (std::uint32_t number = 0; number < more.bits_[stream].size(); ++number)
      if (more.bits_[stream][number]) (void)add({stream, number, true});
}

Custody::Custody(const Scenario& scenario, Ledger& ledger)
    : scenario_(scenario),
      ledger_(ledger),
      channels_(scenario.channels.size()),
      settled_(scenario.sinks.size()),
      written_down_(scenario.sinks.size(), 0) {}

void Custody::life_begins(std::uint32_t life) {
  life_ = life;
  samples_.clear();
  for (std::size_t sink = 0; sink < scenario_.sinks.size(); ++sink) settle(sink);
  for (ChannelState& channel : channels_) {
    channel.due = channel.owed;
    channel.next_sequence = 0;
    channel.any = false;
    channel.events_in_life = 0;
    channel.last_file.clear();
    channel.in_life.clear();
  }
}

bool Custody::is_settled(std::size_t sink, std::uint32_t stream, std::uint32_t number) const {
  // What was put twice (read again behind a crash) may come twice.
  const ChannelState& channel = channels_[scenario_.sinks[sink].channel];
  return settled_[sink].has(stream, number) && !channel.more_than_once.has(stream, number);
}

// --- while it lives ------------------------------------------------------------------------------

void Custody::note(Instant now, const Life& life, Checker& checker) {
  for (std::size_t index = 0; index < channels_.size(); ++index) {
    pipeline::Channel* from = life.channel(index);
    if (!scenario_.is_journal(index) || from == nullptr) continue;
    ChannelState& channel = channels_[index];
    pipeline::BlockTable& table = from->block_table();
    // Until the first block is there it may still be finding out what the file holds.
    if (!channel.any && table.empty()) channel.next_sequence = table.next_sequence();
    if (channel.next_sequence == table.next_sequence()) continue;
    if (table.first_sequence() > channel.next_sequence)
      return checker.report(Verdict::assertion,
                            concat("channel c", index, ": block ", channel.next_sequence,
                                   " has left the ring in the turn in which it was made"));
    for (; channel.next_sequence < table.next_sequence(); ++channel.next_sequence)
      note_block(channel, *from, *table.find(channel.next_sequence));
  }
  if (!samples_.empty() && now < after(samples_.back().at, sample_interval)) return;
  Sample& sample = samples_.emplace_back();
  sample.at = now;
  for (std::size_t sink = 0; sink < scenario_.sinks.size(); ++sink)
    sample.watermarks.push_back(life.watermark(sink));
}

void Custody::note_block(ChannelState& channel, const pipeline::Channel& from,
                         const pipeline::Block& block) {
  if (!channel.any) {
    // What lay behind the end that the start has found is gone; its positions are given out again.
    while (!channel.puts.empty() && channel.puts.back().end > block.first.position)
      channel.puts.pop_back();
    channel.any = true;
  }
  const Bytes records = from.records_of(block);
  for (std::size_t at = 0; at < records.size();) {
    const pipeline::Record record(records.data() + at);
    at += record.size();
    if (record.kind() != pipeline::RecordKind::event) continue;
    ++channel.events_in_life;
    const Bytes body = record.body();
    const Recognised what =
        ledger_.recognise({reinterpret_cast<const char*>(body.data()), body.size()});
    if (what.what == Recognised::What::event) note_put(channel, block.first.position + at, what.id);
  }
}

void Custody::note_put(ChannelState& channel, pipeline::Position end, const EventId& event) {
  channel.puts.push_back({end, event, false});
  if (!channel.ever.add(event) || !channel.in_life.add(event))
    (void)channel.more_than_once.add(event);
  if (channel.last_file.size() <= event.stream) channel.last_file.resize(event.stream + 1, -1);
  const Stream& stream = ledger_.stream(event.stream);
  const std::int64_t file = event.number < stream.file_of.size() ? stream.file_of[event.number] : 0;
  if (std::exchange(channel.last_file[event.stream], file) != file)
    (void)channel.beginnings.add(event);
}

// --- when it is over -----------------------------------------------------------------------------

void Custody::settle(std::size_t sink) {
  for (const Put& put : channels_[scenario_.sinks[sink].channel].puts) {
    if (put.end > written_down_[sink]) break;
    (void)settled_[sink].add(put.event);
  }
  written_down_[sink] = 0;
}

// A stop in order leaves everything that came in with the journal.
void Custody::check_stop(std::size_t index, const Life& life, Checker& checker) const {
  const pipeline::Channel& channel = *life.channel(index);
  if (channel.custody() != channel.head())
    checker.report(Verdict::accounting,
                   concat("channel c", index, ", life ", life_, ": a stop in order has left ",
                          channel.head() - channel.custody(), " bytes without custody"));
  if (channel.counters().put_events != channels_[index].events_in_life)
    checker.report(Verdict::accounting,
                   concat("channel c", index, ", life ", life_, ": ", channel.counters().put_events,
                          " events were put, its blocks held ", channels_[index].events_in_life));
}

void Custody::life_ended(Instant now, const Life& life, Torn how, bool in_order, bool sound,
                         Checker& checker) {
  note(now, life, checker);
  const bool power_lost = how == Torn::by_power_loss;
  for (std::size_t index = 0; index < channels_.size(); ++index) {
    if (!scenario_.is_journal(index)) continue;
    ChannelState& channel = channels_[index];
    const bool promises = scenario_.journals[index]->sync != JournalSync::never;
    const bool all_uncertain = power_lost && !promises;
    // Also when this life has not come to open it: what those before have written goes, too.
    if (all_uncertain) {
      channel.owed.clear();
      channel.excused.add_all(channel.ever);
      for (Put& put : channel.puts) put.uncertain = true;
    }
    const pipeline::Channel* from = life.channel(index);
    if (from == nullptr) continue;
    if (in_order && sound) check_stop(index, life, checker);
    for (Put& put : channel.puts) {
      if (put.end > from->custody()) put.uncertain = true;
      if (!put.uncertain) (void)channel.owed.add(put.event);
    }
  }
  // A start makes durable what those before it have written of the places; before that, nothing
  // does with "never".
  for (std::size_t sink = 0; sink < scenario_.sinks.size(); ++sink) {
    const auto& journal = scenario_.journals[scenario_.sinks[sink].channel];
    if (power_lost && journal && journal->sync == JournalSync::never && !life.started())
      settled_[sink].clear();
  }
  // How far the sinks are is written down at a stop, and once an interval before a crash.
  for (std::size_t sink = 0; sink < scenario_.sinks.size() && sound; ++sink) {
    const std::size_t channel = scenario_.sinks[sink].channel;
    if (!scenario_.is_journal(channel) || life.channel(channel) == nullptr) continue;
    const JournalScenario& journal = *scenario_.journals[channel];
    if (power_lost && journal.sync == JournalSync::never) continue;
    constexpr int operations = 24;
    Duration allowed = journal.cursor_interval + operations * scenario_.slowest_disk;
    if (journal.sync == JournalSync::interval) allowed += journal.sync_interval;
    for (const Sample& sample : samples_)
      if (after(sample.at, allowed) <= now) written_down_[sink] = sample.watermarks[sink];
    if (in_order) written_down_[sink] = life.watermark(sink);
  }
}

}  // namespace runnel::swarm
