#include "sinks/nats/nats_format.hpp"

#include "pipeline/event_json.hpp"

namespace runnel::sinks {

std::size_t NatsFormat::event_bytes_max(std::size_t record_bytes) const {
  const std::size_t payload = json_ ? pipeline::event_json_bytes_max(record_bytes) : record_bytes;
  return subject_.bytes_max() + 1 + payload;
}

std::optional<std::size_t> NatsFormat::event(const pipeline::EncodedEvent& event,
                                             MutableBytes into) const {
  Text<SubjectTemplate::subject_bytes_max> subject;
  subject_.write(event.record, event.source, subject);
  const std::size_t head = subject.size() + 1;
  if (into.size() < head) return std::nullopt;
  *put_bytes(into.data(), as_bytes(subject.text())) = std::byte{' '};
  into = into.subspan(head);
  if (!json_) {
    const Bytes body = event.record.body();
    if (into.size() < body.size()) return std::nullopt;
    put_bytes(into.data(), body);
    return head + body.size();
  }
  codec::JsonWriter json(into);
  codec::Rfc3339 rfc3339;
  pipeline::write_event_json(json, event, rfc3339);
  if (json.overflowed()) return std::nullopt;
  pipeline::note_replaced(event, json);
  return head + json.size();
}

}  // namespace runnel::sinks
