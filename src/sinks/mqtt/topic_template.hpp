// The topic of the mqtt sink; %% is a %. A rendered value has no slash, no wildcard, nothing that a
// topic must not have and no $ at the start of the topic, so that topics keep their depth and
// nobody publishes where the broker speaks of itself.
#pragma once

#include "base/error.hpp"
#include "sinks/sending/event_name.hpp"

namespace runnel::sinks {

class TopicTemplate : public EventName {
 public:
  static constexpr std::size_t pattern_bytes_max = 256;
  static constexpr std::size_t value_bytes_max = 128;
  static constexpr std::size_t topic_bytes_max = pattern_bytes_max + values_max * value_bytes_max;

  TopicTemplate() : EventName(rules) {}
  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<TopicTemplate, std::string> parse(std::string_view pattern);

 private:
  static const Rules rules;
};

}  // namespace runnel::sinks
