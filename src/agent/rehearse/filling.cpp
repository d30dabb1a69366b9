#include "agent/rehearse/filling.hpp"

#include "base/assert.hpp"
#include "base/region.hpp"

namespace runnel::agent::rehearse {

Cutter::Cutter(const journal::Settings& settings, double header_bytes_compressed,
               const RehearseRequest& load)
    : load_(load),
      compressed_bytes_(static_cast<double>(load.event_bytes) / load.ratio() +
                        header_bytes_compressed),
      record_bytes_(record_bytes_of(load)),
      ring_events_(align_up(settings.memory_bytes, Region::base_alignment) / record_bytes_),
      // One that is larger is a block alone.
      full_events_(std::max<std::uint64_t>(settings.block_bytes / record_bytes_, 1)) {
  RUNNEL_ASSERT(ring_events_ > 0);
}

double Cutter::disk_bytes(std::uint64_t events) const {
  const double payload = rounded_up(static_cast<double>(events) * compressed_bytes_);
  const auto bytes = static_cast<std::size_t>(payload);
  return static_cast<double>(journal::block_bytes_on_disk(bytes));
}

Blocks Cutter::run(std::uint64_t events) const {
  const std::uint64_t rest = events % full_events_;
  const auto full = static_cast<double>(events / full_events_);
  Blocks blocks{static_cast<double>(events), full, full * disk_bytes(full_events_)};
  if (rest > 0) blocks = blocks + Blocks{0, 1, disk_bytes(rest)};
  return blocks;
}

Blocks Cutter::round(std::uint64_t period) const {
  if (period >= ring_events_) return run(ring_events_);
  return run(period) * static_cast<double>(ring_events_ / period) + run(ring_events_ % period);
}

Pace pace_of(const journal::Settings& settings, const Cutter& cutter) {
  Pace pace;
  if (settings.mode == journal::Mode::overflow) {
    pace.pressed = true;
  } else if (settings.sync == journal::Sync::interval) {
    pace.period = cutter.events_in(settings.sync_interval);
    pace.pressed = pace.period * 4 >= cutter.ring_events() * 3;
  } else {
    pace.period = std::min(cutter.full_events(), cutter.events_in(settings.block_age));
  }
  if (pace.pressed) pace.period = cutter.ring_events();
  pace.cut = cutter.round(pace.period);
  return pace;
}

double unwritten(const Pace& pace, const Cutter& cutter, double events) {
  const auto ring = static_cast<double>(cutter.ring_events());
  return std::min(events,
                  pace.pressed ? ring * 3 / 4 : static_cast<double>(whole(events) % pace.period));
}

Filling filling_of(const journal::Superblock& file, const Blocks& cut, double block_bytes,
                   std::uint32_t segment_used_percent) {
  Filling filling;
  filling.segment_bytes = static_cast<double>(file.segment_bytes);
  // A block does not reach over the end of a segment.
  const auto room = static_cast<double>(file.segment_bytes - journal::page_bytes);
  const double used = rounded_down(room / block_bytes) * block_bytes;
  filling.segment_events = used / cut.disk_bytes * cut.events;
  filling.first = 1 - std::min(segment_used_percent, 100u) / 100.0;
  filling.segments = file.segments - 1 + filling.first;
  return filling;
}

}  // namespace runnel::agent::rehearse
