// How a steady stream of events that nobody reads fills a journal: which blocks it is cut into,
// when those are written, and how many of them a segment takes. For forecast.cpp; pure.
#pragma once

#include <algorithm>

#include "agent/rehearse/request.hpp"
#include "channels/journal/format.hpp"
#include "channels/journal/settings.hpp"
#include "pipeline/record.hpp"

namespace runnel::agent::rehearse {

namespace journal = channels::journal;

// Both hold to what their types can say: an absurd rate is no reason to wrap around.
inline std::uint64_t whole(double value) {
  return static_cast<std::uint64_t>(std::clamp(value, 0.0, 1e18));
}
inline Duration seconds(double value) {
  return Duration(static_cast<std::int64_t>(std::clamp(value, 0.0, 9e9) * 1e9));
}
inline double to_seconds(Duration duration) { return static_cast<double>(duration.count()) / 1e9; }
// Not <cmath>'s: the program has none of libm, and what is counted here is never negative.
inline double rounded_down(double value) { return static_cast<double>(whole(value)); }
inline double rounded_up(double value) {
  const double below = rounded_down(value);
  return below < value ? below + 1 : below;
}

inline std::uint64_t record_bytes_of(const RehearseRequest& load) {
  return pipeline::record_bytes(0, static_cast<std::size_t>(load.event_bytes));
}

// Some blocks, together.
struct Blocks {
  double events = 0, count = 0, disk_bytes = 0;

  Blocks operator*(double times) const {
    return {events * times, count * times, disk_bytes * times};
  }
  Blocks operator+(const Blocks& other) const {
    return {events + other.events, count + other.count, disk_bytes + other.disk_bytes};
  }
  // As many of them as hold so many events.
  Blocks holding(double wanted) const { return *this * (wanted / events); }
};

// How records become blocks (pipeline/channel_blocks.cpp) and what those take (write_block).
class Cutter {
 public:
  // `load` outlives it; its events fit into the ring.
  Cutter(const journal::Settings& settings, double header_bytes_compressed,
         const RehearseRequest& load);

  std::uint64_t ring_events() const { return ring_events_; }
  std::uint64_t full_events() const { return full_events_; }
  // Of a block of so many.
  double disk_bytes(std::uint64_t events) const;
  // Events from the one that opens a block until so much later.
  std::uint64_t events_in(Duration time) const {
    return whole(load_.rate.per_second() * to_seconds(time)) + 1;
  }
  // So many events, and then a seal.
  Blocks run(std::uint64_t events) const;
  // One round of the ring with a seal each `period` events: its end cuts a block, too.
  Blocks round(std::uint64_t period) const;

 private:
  const RehearseRequest& load_;
  double compressed_bytes_;  // of an event
  std::uint64_t record_bytes_;
  std::uint64_t ring_events_;
  std::uint64_t full_events_;
};

// When blocks are sealed and written while nobody reads (JournalStore::next_to_write).
struct Pace {
  std::uint64_t period = 0;  // events between two seals
  bool pressed = false;      // written when three quarters of the ring are not
  Blocks cut;                // an average of many
};

Pace pace_of(const journal::Settings& settings, const Cutter& cutter);
// What memory has of `events` and disk has not.
double unwritten(const Pace& pace, const Cutter& cutter, double events);

// How blocks fill the file (segments.cpp, begin_segment).
struct Filling {
  double segment_bytes = 0;
  double segment_events = 0;
  double segments = 0;  // that there is room in, the one in use counted by what is left of it
  double first = 1;     // of that one
  double capacity() const { return segments * segment_events; }
};

// `block_bytes`: of most blocks, on disk.
Filling filling_of(const journal::Superblock& file, const Blocks& cut, double block_bytes,
                   std::uint32_t segment_used_percent);

}  // namespace runnel::agent::rehearse
