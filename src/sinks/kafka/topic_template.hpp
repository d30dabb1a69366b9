// The topic and the key of messages of the kafka sink; %% is a %.
//
// A topic has letters, digits, dots, underscores and dashes, at most 249 of them, and is neither
// "." nor "..": in a rendered value everything else becomes an underscore. At the start of a topic
// a value has no underscore and no dot, so that nobody gets to write into Kafka's own topics
// (__consumer_offsets). A key may be any bytes.
#pragma once

#include "base/error.hpp"
#include "sinks/sending/event_name.hpp"

namespace runnel::sinks {

class KafkaTopic : public EventName {
 public:
  static constexpr std::size_t topic_bytes_max = 249;
  static constexpr std::size_t value_bytes_max = 60;

  KafkaTopic() : EventName(rules) {}
  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<KafkaTopic, std::string> parse(std::string_view pattern);

 private:
  static const Rules rules;
};

class KafkaKey : public EventName {
 public:
  static constexpr std::size_t pattern_bytes_max = 256;
  static constexpr std::size_t value_bytes_max = 128;
  static constexpr std::size_t key_bytes_max = pattern_bytes_max + values_max * value_bytes_max;

  KafkaKey() : EventName(rules) {}
  static tl::expected<KafkaKey, std::string> parse(std::string_view pattern);

 private:
  static const Rules rules;
};

}  // namespace runnel::sinks
