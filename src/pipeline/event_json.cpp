#include "pipeline/event_json.hpp"

namespace runnel::pipeline {

void write_event_json(codec::JsonWriter& json, const EncodedEvent& event, codec::Rfc3339& rfc3339,
                      const EventNames& names) {
  const Record& record = event.record;
  json.begin_object();
  json.plain_key(names.time);
  json.plain_string(rfc3339.text(event.time));
  json.plain_key("source");
  json.string(event.source);
  if (record.severity() != Severity::none) {
    json.plain_key("severity");
    json.plain_string(severity_text(record.severity()));
  }
  if (!record.headers().empty() || !event.clock_known) {
    json.plain_key("headers");
    json.begin_object();
    if (!event.clock_known) {
      json.plain_key("clock");
      json.plain_string("since boot");
    }
    record.headers().each([&](std::string_view key, std::string_view value) {
      json.key(key);
      json.string(value);
    });
    json.end_object();
  }
  json.plain_key(names.body);
  json.string(record.body());
  json.end_object();
}

std::optional<std::size_t> write_event_line(const EncodedEvent& event, MutableBytes into,
                                            const EventNames& names) {
  codec::JsonWriter json(into);
  codec::Rfc3339 rfc3339(codec::Rfc3339::Fraction::nanoseconds);
  write_event_json(json, event, rfc3339, names);
  json.newline();
  if (json.overflowed()) return std::nullopt;
  note_replaced(event, json);
  return json.size();
}

}  // namespace runnel::pipeline
