#include "sinks/kafka/kafka_format.hpp"

#include <limits>

#include "pipeline/event_json.hpp"

namespace runnel::sinks {
namespace {

constexpr std::uint16_t no_key = 0xFFFF;
constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::min();

std::int64_t milliseconds(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

std::size_t KafkaFormat::event_bytes_max(std::size_t record_bytes) const {
  const std::size_t names = shape_.topic.bytes_max() + (shape_.key ? shape_.key->bytes_max() : 0);
  const std::size_t payload =
      shape_.json ? pipeline::event_json_bytes_max(record_bytes) : record_bytes;
  return head_bytes + names + (shape_.headers ? record_bytes : 0) + payload;
}

std::optional<std::size_t> KafkaFormat::event(const pipeline::EncodedEvent& event,
                                              MutableBytes into) const {
  Text<KafkaTopic::topic_bytes_max> topic;
  shape_.topic.write(event.record, event.source, topic);
  Text<KafkaKey::key_bytes_max> key;
  if (shape_.key) shape_.key->write(event.record, event.source, key);
  const Bytes headers = shape_.headers ? event.record.headers().encoded() : Bytes();
  const std::size_t before = head_bytes + topic.size() + key.size() + headers.size();
  if (into.size() < before) return std::nullopt;
  std::byte* at = into.data();
  store(at, static_cast<std::uint16_t>(topic.size()));
  store(at + 2, shape_.key ? static_cast<std::uint16_t>(key.size()) : no_key);
  store(at + 4, static_cast<std::uint16_t>(headers.size()));
  store(at + 6, event.clock_known ? milliseconds(event.time) : no_time);
  at = put_bytes(at + head_bytes, as_bytes(topic.text()));
  at = put_bytes(at, as_bytes(key.text()));
  put_bytes(at, headers);
  into = into.subspan(before);
  if (!shape_.json) {
    const Bytes body = event.record.body();
    if (into.size() < body.size()) return std::nullopt;
    put_bytes(into.data(), body);
    return before + body.size();
  }
  codec::JsonWriter json(into);
  codec::Rfc3339 rfc3339;
  pipeline::write_event_json(json, event, rfc3339);
  if (json.overflowed()) return std::nullopt;
  pipeline::note_replaced(event, json);
  return before + json.size();
}

net::KafkaMessage KafkaFormat::read(Bytes event) {
  RUNNEL_ASSERT(event.size() >= head_bytes);
  const std::size_t topic_bytes = load<std::uint16_t>(event.data());
  const auto key_bytes = load<std::uint16_t>(event.data() + 2);
  const std::size_t headers_bytes = load<std::uint16_t>(event.data() + 4);
  const auto time = load<std::int64_t>(event.data() + 6);
  const auto take = [&](std::size_t count) {
    RUNNEL_ASSERT(event.size() >= count);
    const Bytes taken = event.first(count);
    event = event.subspan(count);
    return taken;
  };
  take(head_bytes);
  net::KafkaMessage message;
  message.topic = as_text(take(topic_bytes));
  if (key_bytes != no_key) message.key = as_text(take(key_bytes));
  message.headers = take(headers_bytes);
  message.value = event;
  if (time != no_time) message.timestamp_ms = time;
  return message;
}

}  // namespace runnel::sinks
