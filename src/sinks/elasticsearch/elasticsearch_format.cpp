#include "sinks/elasticsearch/elasticsearch_format.hpp"

namespace runnel::sinks {
namespace {

constexpr std::size_t id_bytes_max = pipeline::BatchId::text_bytes_max + 21;
static_assert(id_bytes_max <= 512, "what an _id may have");

}  // namespace

std::size_t ElasticsearchFormat::event_bytes_max(std::size_t record_bytes) const {
  return pipeline::event_json_bytes_max(record_bytes) + codec::json_string_bytes_max(id_bytes_max) +
         32;
}

std::optional<std::size_t> ElasticsearchFormat::event(const pipeline::EncodedEvent& event,
                                                      MutableBytes into) const {
  codec::JsonWriter json(into);
  Text<id_bytes_max> id;
  if (event.batch != nullptr) event.batch->write(id);
  id << ':' << event.number;
  json.begin_object();
  json.key("create");
  json.begin_object();
  json.key("_id");
  json.string(id.text());
  json.end_object();
  json.end_object();
  json.newline();
  if (json.overflowed()) return std::nullopt;
  const auto document =
      pipeline::write_event_line(event, into.subspan(json.size()), {"@timestamp", "message"});
  if (!document) return std::nullopt;
  return json.size() + *document;
}

}  // namespace runnel::sinks
