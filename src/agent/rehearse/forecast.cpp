#include "agent/rehearse/forecast.hpp"

#include <algorithm>
#include <string_view>

#include "agent/rehearse/filling.hpp"
#include "base/assert.hpp"
#include "channels/journal/segments.hpp"

namespace runnel::agent::rehearse {
namespace {

using journal::Mode;
using journal::Sync;
using pipeline::WhenFull;

constexpr double seconds_a_day = 86'400;

double events_of(const RehearseRequest& load) {
  return rounded_down(load.rate.per_second() * to_seconds(load.outage));
}

// --- wear ----------------------------------------------------------------------------------------

double syncs_for(const Blocks& blocks, const Pace& pace, const journal::Settings& settings) {
  if (settings.sync == Sync::never) return 0;
  const bool by_time = settings.sync == Sync::interval && !pace.pressed;
  return by_time ? blocks.events / static_cast<double>(pace.period) : blocks.count;
}

Wear wear_of(double bytes, double syncs) { return {whole(bytes), whole(syncs)}; }

// `given_up`: segments that hold what nobody has taken and are written over all the same. Each is
// told to the cursors first, durably (make_free).
Wear wear_of(const Blocks& blocks, double segments_begun, double given_up, const Pace& pace,
             const journal::Settings& settings) {
  return wear_of(blocks.disk_bytes + (segments_begun + given_up) * journal::page_bytes,
                 syncs_for(blocks, pace, settings) + given_up);
}

// A day on which the sinks keep up: they seal blocks when they wait for data, and what they have
// acknowledged is not written unless it was written at once (JournalStore::skips).
Wear quiet_day_of(const JournalFacts& facts, const Cutter& cutter, const Pace& pace,
                  const RehearseRequest& load) {
  const journal::Settings& settings = facts.settings;
  const double events = load.rate.per_second() * seconds_a_day;
  Duration between = settings.cursor_interval;
  if (settings.sync == Sync::interval) between = std::max(between, settings.sync_interval);
  // The places are written so long after they have moved.
  const double pages = seconds_a_day / (to_seconds(between) + 1 / load.rate.per_second());
  const double page_syncs = settings.sync == Sync::never ? 0 : pages;
  double block_bytes = 0, block_syncs = 0;
  if (settings.mode == Mode::always && settings.sync != Sync::interval) {
    std::uint64_t block_events = pace.period;
    for (const pipeline::Take& take : facts.takes) {
      const std::uint64_t due = take.bytes_due == 0 ? take.bytes_max : take.bytes_due;
      const std::uint64_t filled = std::max<std::uint64_t>(due / record_bytes_of(load), 1);
      block_events = std::min(
          {block_events, cutter.events_in(take.linger), filled, std::uint64_t{take.events_max}});
    }
    const Blocks blocks = cutter.run(std::max<std::uint64_t>(block_events, 1)).holding(events);
    block_bytes = blocks.disk_bytes;
    block_syncs = settings.sync == Sync::never ? 0 : blocks.count;
  }
  return wear_of(block_bytes + pages * journal::page_bytes, block_syncs + page_syncs);
}

// What is over, by the channel's policy; `stays`: how many events it can hold without.
void keep(ChannelForecast& all, double events, double stays) {
  all.events = whole(events);
  all.kept_events = std::min(whole(stays), all.events);
  const std::uint64_t over = all.events - all.kept_events;
  (all.when_full == WhenFull::block ? all.held_back_events : all.dropped_events) = over;
}

}  // namespace

// --- memory --------------------------------------------------------------------------------------

ChannelForecast forecast(const MemoryFacts& facts, const RehearseRequest& load) {
  ChannelForecast all;
  all.when_full = facts.when_full;
  all.record_bytes = record_bytes_of(load);
  all.capacity_bytes = facts.ring_bytes;
  // Records never wrap: what is left at the ring's end is lost to each round.
  const auto room = static_cast<double>(facts.ring_bytes / all.record_bytes);
  const double events = events_of(load);
  keep(all, events, room);
  all.filled_bytes = all.kept_events * all.record_bytes;
  if (events > room) all.full_after = seconds(room / load.rate.per_second());
  all.dropped_at_a_time = 1;
  all.oldest_age = load.outage;
  if (all.when_full == WhenFull::drop_oldest)
    all.oldest_age = seconds(static_cast<double>(all.kept_events) / load.rate.per_second());
  return all;
}

// --- journal -------------------------------------------------------------------------------------

ChannelForecast forecast(const JournalFacts& facts, const RehearseRequest& load) {
  const journal::Settings& settings = facts.settings;
  const auto file = journal::lay_out(settings.file_bytes, settings.raw_bytes_max());
  RUNNEL_ASSERT(file.has_value());
  const Cutter cutter(settings, facts.header_bytes_compressed, load);
  const Pace pace = pace_of(settings, cutter);
  const std::uint64_t block_events = std::min(pace.period, cutter.full_events());
  const double block_bytes = cutter.disk_bytes(block_events);
  const Filling filling = filling_of(*file, pace.cut, block_bytes, facts.segment_used_percent);
  const double events = events_of(load);
  const double rate = load.rate.per_second();

  ChannelForecast all;
  all.when_full = settings.when_full;
  all.record_bytes = record_bytes_of(load);
  all.dropped_at_a_time = whole(filling.segment_events);
  all.oldest_age = load.outage;
  double written = events - unwritten(pace, cutter, events);
  double on_disk = written;  // of what is kept
  double given_up = 0;
  if (settings.when_full == WhenFull::drop_oldest) {
    // A whole segment at a time; what was left of the first one comes first.
    double dropped = 0;
    if (written > filling.capacity()) {
      given_up = rounded_up((written - filling.capacity()) / filling.segment_events);
      dropped = (given_up - 1 + filling.first) * filling.segment_events;
      all.full_after = seconds((filling.capacity() + events - written) / rate);
    }
    keep(all, events, events - dropped);
    on_disk = written - dropped;
    all.oldest_age = seconds(static_cast<double>(all.kept_events) / rate);
  } else {
    // Behind the full file the ring fills with what cannot be written.
    const double room = filling.capacity() + static_cast<double>(cutter.ring_events());
    keep(all, events, room);
    if (events > room) all.full_after = seconds(room / rate);
    on_disk = written = std::min(written, filling.capacity());
  }
  // In segments: their headers, and what no block fits into any more, are part of it.
  all.filled_bytes = whole(on_disk / filling.segment_events * filling.segment_bytes);
  all.capacity_bytes = whole(filling.segments * filling.segment_bytes);
  all.filled_bytes = std::min(all.filled_bytes, all.capacity_bytes);

  DiskForecast disk;
  disk.segments = file->segments;
  disk.segment_bytes = file->segment_bytes;
  disk.block_events = block_events;
  disk.block_bytes = whole(block_bytes);
  disk.pressed = pace.pressed;
  disk.memory_bytes = align_up(settings.memory_bytes, Region::base_alignment);
  disk.memory_filled_bytes = std::min(
      disk.memory_bytes, whole(static_cast<double>(all.kept_events) - on_disk) * all.record_bytes);
  const double begun = rounded_up(written / filling.segment_events);
  disk.outage = wear_of(pace.cut.holding(written), begun, given_up, pace, settings);
  const double of_a_day = rate * seconds_a_day;
  const double begun_a_day = of_a_day / filling.segment_events;
  disk.outage_day = wear_of(pace.cut.holding(of_a_day), begun_a_day, given_up > 0 ? begun_a_day : 0,
                            pace, settings);
  disk.quiet_day = quiet_day_of(facts, cutter, pace, load);
  disk.written_bytes_max_per_day = settings.written_bytes_max_per_day;
  all.disk = disk;
  return all;
}

// --- the link ------------------------------------------------------------------------------------

double wire_bytes(pipeline::Encoding encoding, bool compressed, std::size_t source_name_bytes,
                  const RehearseRequest& load) {
  constexpr std::string_view line_of_json =
      R"({"time":"2026-11-22T11:42:18.123456Z","source":"","body":""})";
  auto bytes = static_cast<double>(load.event_bytes);
  if (encoding != pipeline::Encoding::none) bytes += 1;  // the newline
  if (encoding == pipeline::Encoding::json)
    bytes += static_cast<double>(line_of_json.size() + source_name_bytes);
  return compressed ? bytes / load.ratio() : bytes;
}

SinkForecast forecast_drain(const ChannelForecast& channel, double wire_bytes_of_event,
                            const RehearseRequest& load) {
  SinkForecast sink;
  const double bits = wire_bytes_of_event * 8;
  const double comes = load.rate.per_second();
  const double carried = static_cast<double>(load.link_bits_per_second) / bits;
  sink.needed_bits_per_second = whole(rounded_up(comes * bits));
  if (carried <= comes) return sink;
  const auto kept = static_cast<double>(channel.kept_events);
  sink.drained_after = seconds(kept / (carried - comes));
  if (channel.held_back_events > 0)
    sink.drained_with_held_back =
        seconds((kept + static_cast<double>(channel.held_back_events)) / (carried - comes));
  return sink;
}

}  // namespace runnel::agent::rehearse
