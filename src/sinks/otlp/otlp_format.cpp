#include "sinks/otlp/otlp_format.hpp"

#include <algorithm>

#include "pipeline/event_json.hpp"

namespace runnel::sinks {

using pipeline::EncodedEvent;

namespace {

constexpr std::size_t attribute_frame_bytes = 48;

// The appendix of the logs data model, for syslog.
std::uint32_t severity_number(pipeline::Severity severity) {
  constexpr std::uint32_t numbers[] = {21, 19, 18, 17, 13, 10, 9, 5, 0};
  return numbers[static_cast<std::size_t>(severity)];
}

void write_string_value(codec::JsonWriter& json, Bytes value) {
  json.begin_object();
  json.key("stringValue");
  json.string(value);
  json.end_object();
}

void write_attribute(codec::JsonWriter& json, std::string_view key, std::string_view value) {
  json.begin_object();
  json.key("key");
  json.string(key);
  json.key("value");
  write_string_value(json, as_bytes(value));
  json.end_object();
}

void write_attributes(codec::JsonWriter& json, const EncodedEvent& event) {
  std::uint32_t written = 1, dropped = 0;
  json.key("attributes");
  json.begin_array();
  write_attribute(json, "source", event.source);
  if (!event.clock_known) {
    write_attribute(json, "clock", "since boot");
    ++written;
  }
  event.record.headers().each([&](std::string_view key, std::string_view value) {
    if (written == OtlpFormat::attributes_max) {
      ++dropped;
      return;
    }
    write_attribute(json, key, value);
    ++written;
  });
  json.end_array();
  if (dropped == 0) return;
  json.key("droppedAttributesCount");
  json.number(dropped);
}

std::optional<std::size_t> written(const codec::JsonWriter& json, const EncodedEvent& event) {
  if (json.overflowed()) return std::nullopt;
  pipeline::note_replaced(event, json);
  return json.size();
}

}  // namespace

std::size_t OtlpFormat::head_bytes_max() const {
  std::size_t bytes = 256;
  for (const auto& [name, value] : settings_.resource)
    bytes += codec::json_string_bytes_max(name.size() + value.size()) + attribute_frame_bytes;
  return bytes;
}

std::optional<std::size_t> OtlpFormat::head(const EncodedEvent& first, MutableBytes into) const {
  codec::JsonWriter json(into);
  json.begin_object();
  json.key("resourceLogs");
  json.begin_array();
  json.begin_object();
  json.key("resource");
  json.begin_object();
  json.key("attributes");
  json.begin_array();
  for (const auto& [name, value] : settings_.resource) write_attribute(json, name, value);
  json.end_array();
  json.end_object();
  json.key("scopeLogs");
  json.begin_array();
  json.begin_object();
  json.key("scope");
  json.begin_object();
  json.key("name");
  json.string("runnel");
  json.end_object();
  json.key("logRecords");
  json.begin_array();
  return written(json, first);
}

std::size_t OtlpFormat::event_bytes_max(std::size_t record_bytes) const {
  return pipeline::event_json_bytes_max(record_bytes) + attributes_max * attribute_frame_bytes;
}

std::optional<std::size_t> OtlpFormat::event(const EncodedEvent& event, MutableBytes into) const {
  codec::JsonWriter json(into);
  json.begin_object();
  json.key("timeUnixNano");
  const std::int64_t time = event.time.time_since_epoch().count();
  json.string(Text<24>(std::max<std::int64_t>(time, 0)).text());
  if (event.record.severity() != pipeline::Severity::none) {
    json.key("severityNumber");
    json.number(severity_number(event.record.severity()));
    json.key("severityText");
    json.string(pipeline::severity_text(event.record.severity()));
  }
  json.key("body");
  write_string_value(json, event.record.body());
  write_attributes(json, event);
  json.end_object();
  return written(json, event);
}

}  // namespace runnel::sinks
