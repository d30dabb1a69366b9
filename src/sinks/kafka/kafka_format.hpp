// What the kafka sink gets of an event, and what it makes of that again: sizes and the time, then
// topic, key, headers and payload (the body, or the object that `encoding = "json"` makes of it).
//   u16 topic, u16 key (0xFFFF: none), u16 headers: bytes; i64 milliseconds since 1970 (minimum:
//   not known); topic, key, headers, payload. "T", no key, no headers, not known, "hi":
//   01 00  ff ff  00 00  00 00 00 00 00 00 00 80  54  68 69
#pragma once

#include "net/kafka.hpp"
#include "pipeline/record_format.hpp"
#include "sinks/kafka/topic_template.hpp"

namespace runnel::sinks {

struct KafkaShape {
  KafkaTopic topic;
  std::optional<KafkaKey> key;
  bool json = false;
  bool headers = false;  // those of events become those of messages
};

class KafkaFormat final : public pipeline::RecordFormat {
 public:
  explicit KafkaFormat(const KafkaShape& shape) : shape_(shape) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;

  // `event`: what `event` above has written. Views into it; without a tag.
  static net::KafkaMessage read(Bytes event);

 private:
  static constexpr std::size_t head_bytes = 14;

  KafkaShape shape_;
};

}  // namespace runnel::sinks
