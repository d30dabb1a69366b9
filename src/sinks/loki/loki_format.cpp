#include "sinks/loki/loki_format.hpp"

#include <algorithm>

#include "base/fnv.hpp"
#include "pipeline/event_json.hpp"

namespace runnel::sinks {

using pipeline::EncodedEvent;

namespace {

std::optional<std::size_t> written(const codec::JsonWriter& json, const EncodedEvent& event) {
  if (json.overflowed()) return std::nullopt;
  pipeline::note_replaced(event, json);
  return json.size();
}

std::string_view value_of(const pipeline::Record& record, const std::string& header) {
  return record.headers().find(header).value_or("").substr(0, LokiFormat::value_bytes_max);
}

}  // namespace

std::uint64_t stream_key(const LokiSettings& settings, const pipeline::Record& record) {
  constexpr std::uint8_t end = 0xFF;  // stands in no UTF-8
  Fnv hash;
  hash.add(Text<8>(record.source()).text()).add(end);
  for (const std::string& header : settings.label_headers)
    hash.add(value_of(record, header)).add(end);
  return hash.value();
}

std::string label_name(std::string_view header) {
  std::string name(header);
  for (char& c : name) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!fits) c = '_';
  }
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name.insert(name.begin(), '_');
  return name;
}

std::size_t LokiFormat::head_bytes_max() const {
  constexpr std::size_t frame_bytes = 1024;  // the brackets and the source
  constexpr std::size_t pair_bytes = 4;
  std::size_t bytes = frame_bytes;
  for (const auto& [name, value] : settings_.labels)
    bytes += codec::json_string_bytes_max(name.size() + value.size()) + pair_bytes;
  for (const std::string& name : settings_.label_headers)
    bytes += codec::json_string_bytes_max(name.size() + 1 + value_bytes_max) + pair_bytes;
  return bytes;
}

std::optional<std::size_t> LokiFormat::head(const EncodedEvent& first, MutableBytes into) const {
  codec::JsonWriter json(into);
  json.begin_object();
  json.key("streams");
  json.begin_array();
  json.begin_object();
  json.key("stream");
  json.begin_object();
  for (const auto& [name, value] : settings_.labels) {
    json.key(name);
    json.string(value);
  }
  json.key("source");
  json.string(first.source);
  for (const std::string& header : settings_.label_headers) {
    const std::string_view value = value_of(first.record, header);
    if (value.empty()) continue;
    json.key(header);
    json.string(value);
  }
  json.end_object();
  json.key("values");
  json.begin_array();
  return written(json, first);
}

std::size_t LokiFormat::event_bytes_max(std::size_t record_bytes) const {
  return pipeline::event_json_bytes_max(record_bytes);
}

std::optional<std::size_t> LokiFormat::event(const EncodedEvent& event, MutableBytes into) const {
  codec::JsonWriter json(into);
  json.begin_array();
  json.string(Text<24>(event.time.time_since_epoch().count()).text());
  json.string(event.record.body());
  if (settings_.metadata) {
    json.begin_object();
    if (event.record.severity() != pipeline::Severity::none) {
      json.key("severity");
      json.string(pipeline::severity_text(event.record.severity()));
    }
    event.record.headers().each([&](std::string_view key, std::string_view value) {
      const auto& labels = settings_.label_headers;
      if (std::find(labels.begin(), labels.end(), key) != labels.end()) return;
      json.key(key);
      json.string(value);
    });
    json.end_object();
  }
  json.end_array();
  return written(json, event);
}

}  // namespace runnel::sinks
