// An event as a JSON object, under the names that its reader wants:
//   {"time":"2026-11-22T11:42:18.123456Z","source":"applog","severity":"info",
//    "headers":{"host":"gw"},"body":"..."}
// Severity and headers only where there are any. While nobody knows what time it was, it counts
// from 1970 and the headers have "clock":"since boot".
#pragma once

#include "codec/civil.hpp"
#include "codec/json.hpp"
#include "codec/syslog.hpp"
#include "pipeline/record_format.hpp"

namespace runnel::pipeline {

// Without anything that JSON escapes.
struct EventNames {
  std::string_view time = "time";
  std::string_view body = "body";
};

// The most that an object with these names has besides its strings.
inline constexpr std::size_t event_json_frame_bytes = 512;
inline constexpr std::size_t event_json_bytes_max(std::size_t record_bytes) {
  return event_json_frame_bytes + codec::json_string_bytes_max(record_bytes);
}

inline std::string_view severity_text(Severity severity) {
  return codec::severity_name(static_cast<std::uint8_t>(severity));
}

void write_event_json(codec::JsonWriter& json, const EncodedEvent& event, codec::Rfc3339& rfc3339,
                      const EventNames& names = {});

// What a format does when the event is written.
inline void note_replaced(const EncodedEvent& event, const codec::JsonWriter& json) {
  if (event.replaced != nullptr) *event.replaced += json.replaced();
}

// For formats: an event in a line of its own, with its time in nanoseconds. Nothing: no room for
// it.
std::optional<std::size_t> write_event_line(const EncodedEvent& event, MutableBytes into,
                                            const EventNames& names = {});

}  // namespace runnel::pipeline
