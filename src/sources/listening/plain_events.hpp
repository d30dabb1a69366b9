// Events whose body is the frame as it came: what tcp and udp make. A cut one is marked and
// counted.
#pragma once

#include <array>

#include "pipeline/counters.hpp"
#include "sources/listening/intake.hpp"

namespace runnel::sources {

// Adds `cut_bytes` = how many, or `truncated` = "true" where nobody knows.
void add_cut_header(pipeline::HeaderWriter& headers, const RawEvent& raw);
inline constexpr std::size_t cut_header_bytes_max = 32;

class PlainEvents {
 public:
  explicit PlainEvents(pipeline::SourceCounters& counters) : counters_(counters) {}

  pipeline::Event make(const RawEvent& raw) {
    pipeline::Event event;
    event.time = pipeline::Time::arrived(raw.arrived);
    event.context = raw.context;
    event.body = Bytes(raw.bytes.data(), raw.bytes.size());  // as in take_frames
    if (raw.is_cut()) [[unlikely]] {
      pipeline::HeaderWriter headers(scratch_);
      add_cut_header(headers, raw);
      event.headers = headers.headers();
    }
    return event;
  }
  void taken(const RawEvent& raw) {
    if (raw.is_cut()) ++counters_.cut_events;
  }

 private:
  pipeline::SourceCounters& counters_;
  std::array<std::byte, cut_header_bytes_max> scratch_;
};

}  // namespace runnel::sources
