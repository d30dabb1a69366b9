// Makes events of syslog messages: what the sender states about itself becomes headers, the message
// becomes the body. What does not parse is kept whole, marked and counted. The hot path of the
// syslog source: no allocation, and of the headers only what differs is written anew.
#pragma once

#include <array>

#include "base/region.hpp"
#include "codec/civil.hpp"
#include "codec/syslog.hpp"
#include "pipeline/counters.hpp"
#include "sources/listening/intake.hpp"

namespace runnel::sources {

enum class SyslogBody : std::uint8_t {
  message,  // what stands behind the header of the format
  raw,      // the whole message as it came
};

struct SyslogEventSettings {
  SyslogBody body = SyslogBody::message;
  bool headers = true;  // false: only marks; severity and time are part of every event
  std::size_t event_bytes_max = 8 * 1024;
};

// "facility" and "severity", encoded, of every priority there is.
struct PriorityHeader {
  static constexpr std::size_t bytes_max = 39;
  std::uint8_t size = 0;
  std::array<std::byte, bytes_max> encoded;
};

struct SyslogEventMemory {
  MutableBytes scratch;                  // headers of one event
  std::span<PriorityHeader> priorities;  // by facility * 8 + severity
};

class SyslogEvents {
 public:
  // Longer structured data stays in the body, which is then the whole message.
  static constexpr std::size_t structured_data_bytes_max = 32 * 1024;
  // Headers of one event without those of its sender.
  static std::size_t headers_bytes_max(const SyslogEventSettings& settings);

  static SyslogEventMemory carve(Region& region, const SyslogEventSettings& settings);
  SyslogEvents(pipeline::SourceCounters& counters, const SyslogEventSettings& settings,
               const SyslogEventMemory& memory);

  // For senders that leave out year and zone.
  void set_clock(const codec::SyslogClock& clock) { reader_.set_clock(clock); }

  // Views into `raw` and into scratch: valid until the next call.
  pipeline::Event make(const RawEvent& raw);
  void taken(const RawEvent& raw) {
    if (raw.is_cut()) ++counters_.cut_events;
    if (malformed_) ++counters_.malformed_events;
  }

 private:
  std::string_view timestamp(const codec::SyslogMessage& message);
  void write_fields(const codec::SyslogMessage& message, pipeline::HeaderWriter& headers);

  pipeline::SourceCounters& counters_;
  SyslogEventSettings settings_;
  SyslogEventMemory memory_;
  codec::SyslogReader reader_;
  codec::Rfc3339 rfc3339_;
  bool malformed_ = false;  // the last one made
};

}  // namespace runnel::sources
