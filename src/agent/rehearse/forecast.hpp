// What an outage does to a channel, and how long it takes to get rid of it: arithmetic alone, over
// what the code of the channels does. `tests/sim/rehearse_test.cpp` holds it against that code.
//
// It takes for granted: a steady rate, events that are all alike, nothing waiting when the outage
// begins, sinks that are all away until it ends, and a disk that keeps up.
#pragma once

#include <optional>
#include <vector>

#include "agent/rehearse/request.hpp"
#include "channels/journal/settings.hpp"
#include "pipeline/channel.hpp"
#include "pipeline/encoder.hpp"

namespace runnel::agent::rehearse {

struct JournalFacts {
  channels::journal::Settings settings;  // checked
  std::vector<pipeline::Take> takes;     // of its sinks: they seal blocks when they wait for data
  // How much of the segment in use is full when the outage begins, in percent; 0: of a new file.
  // Nobody knows it in advance.
  std::uint32_t segment_used_percent = 50;
  // What is left of a record's header in a compressed block, in bytes, however well the events
  // compress: its time, above all. 2 to 6 where events come many at a time, 7 to 11 where each has
  // a time of its own (logs of five kinds, measured).
  double header_bytes_compressed = 6;
};

struct MemoryFacts {
  std::uint64_t ring_bytes = 0;
  pipeline::WhenFull when_full = pipeline::WhenFull::block;
};

// What goes to disk, and how often it is made durable.
struct Wear {
  std::uint64_t bytes = 0;
  std::uint64_t syncs = 0;
};

// Of a journal.
struct DiskForecast {
  std::uint64_t segment_bytes = 0;
  std::uint32_t segments = 0;
  std::uint64_t block_events = 0;  // of most blocks, as they are cut while nobody reads
  std::uint64_t block_bytes = 0;   // of those, on disk
  bool pressed = false;            // blocks are written because memory is short, not by time
  // Of the ring: what is kept and not on disk, at the end.
  std::uint64_t memory_filled_bytes = 0;
  std::uint64_t memory_bytes = 0;
  Wear outage;      // all of it; of syncs it may be fewer
  Wear outage_day;  // of each day of it, while the channel takes what comes
  Wear quiet_day;   // without one, the sinks keeping up
  // Of the configuration, 0: no limit. The figures are those without it.
  std::uint64_t written_bytes_max_per_day = 0;
};

struct ChannelForecast {
  pipeline::WhenFull when_full = pipeline::WhenFull::block;
  std::uint64_t record_bytes = 0;  // of an event, in memory
  std::uint64_t events = 0;        // that come in the outage
  // Of the file's segments or the ring; at the end.
  std::uint64_t filled_bytes = 0;
  std::uint64_t capacity_bytes = 0;
  // From when on sources wait or events are dropped; nothing: not in this outage.
  std::optional<Duration> full_after;
  std::uint64_t kept_events = 0;           // in the channel at the end, nobody has them yet
  std::uint64_t dropped_events = 0;        // drop_oldest, drop_newest
  std::uint64_t held_back_events = 0;      // block: their sources had to wait with them
  std::uint64_t dropped_at_a_time = 0;     // drop_oldest: events
  Duration oldest_age = Duration::zero();  // of the oldest event that is kept
  std::optional<DiskForecast> disk;

  // Invariant: kept + dropped + held back = events.
};

// An event that no block and no ring can take is the caller's complaint: see record_bytes_max.
ChannelForecast forecast(const MemoryFacts& facts, const RehearseRequest& load);
ChannelForecast forecast(const JournalFacts& facts, const RehearseRequest& load);

// Bytes of an event as it goes out, compressed or not. `source_name_bytes`: JSON has it in it.
double wire_bytes(pipeline::Encoding encoding, bool compressed, std::size_t source_name_bytes,
                  const RehearseRequest& load);

struct SinkForecast {
  std::uint64_t needed_bits_per_second = 0;  // to keep up with what comes
  // Until nothing waits any more, from the end of the outage on; nothing: the link carries no more
  // than what comes.
  std::optional<Duration> drained_after;
  std::optional<Duration> drained_with_held_back;  // if the sources still have what they held back
};
SinkForecast forecast_drain(const ChannelForecast& channel, double wire_bytes_of_event,
                            const RehearseRequest& load);

}  // namespace runnel::agent::rehearse
