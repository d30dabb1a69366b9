#include "pipeline/event_json.hpp"

#include "codec/syslog.hpp"

namespace runnel::pipeline {

void write_event_json(codec::JsonWriter& json, const EncodedEvent& event, codec::Rfc3339& rfc3339) {
  const Record& record = event.record;
  json.begin_object();
  json.key("time");
  json.string(rfc3339.text(event.time));
  json.key("source");
  json.string(event.source);
  if (record.severity() != Severity::none) {
    json.key("severity");
    json.string(codec::severity_name(static_cast<std::uint8_t>(record.severity())));
  }
  if (!record.headers().empty() || !event.clock_known) {
    json.key("headers");
    json.begin_object();
    if (!event.clock_known) {
      json.key("clock");
      json.string("since boot");
    }
    record.headers().each([&](std::string_view key, std::string_view value) {
      json.key(key);
      json.string(value);
    });
    json.end_object();
  }
  json.key("body");
  json.string(record.body());
  json.end_object();
}

}  // namespace runnel::pipeline
