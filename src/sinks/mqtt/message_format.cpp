#include "sinks/mqtt/message_format.hpp"

#include <cstring>

#include "pipeline/event_json.hpp"

namespace runnel::sinks {

using pipeline::EncodedEvent;

std::size_t MessageFormat::event_bytes_max(std::size_t record_bytes) const {
  const std::size_t head = codec::mqtt::publish_head_bytes_max(settings_.topic.bytes_max());
  if (!settings_.json) return head + record_bytes;
  return head + pipeline::event_json_bytes_max(record_bytes);
}

// The payload goes where it is when the head is as long as it can be, and then moves up to it.
std::optional<std::size_t> MessageFormat::event(const EncodedEvent& event,
                                                MutableBytes into) const {
  Text<TopicTemplate::topic_bytes_max> topic;
  settings_.topic.write(event.record, event.source, topic);
  const std::size_t place = codec::mqtt::publish_head_bytes_max(topic.size());
  if (into.size() < place) return {};
  std::optional<std::size_t> payload;
  const Bytes body = event.record.body();
  if (settings_.json) {
    codec::JsonWriter json(into.subspan(place));
    codec::Rfc3339 rfc3339;
    pipeline::write_event_json(json, event, rfc3339);
    if (!json.overflowed()) {
      payload = json.size();
      pipeline::note_replaced(event, json);
    }
  } else if (body.size() <= into.size() - place) {
    payload = body.size();
  }
  if (!payload) return {};
  const codec::mqtt::Publish publish{
      .topic = topic.text(),
      .packet_id = settings_.qos == 0 ? std::uint16_t{0} : std::uint16_t{1},
      .qos = settings_.qos,
      .retain = settings_.retain,
      .payload_bytes = static_cast<std::uint32_t>(*payload)};
  const auto head = codec::mqtt::write_publish_head(publish, settings_.version, into.first(place));
  RUNNEL_ASSERT(head.has_value());
  if (settings_.json)
    std::memmove(into.data() + *head, into.data() + place, *payload);
  else
    put_bytes(into.data() + *head, body);
  return *head + *payload;
}

}  // namespace runnel::sinks
