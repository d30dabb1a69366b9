// The tag of the forward sink. Servers route by tags: a rendered value has letters, digits, '-',
// '_', ':' or '/', so that a tag keeps its number of parts.
#pragma once

#include "base/error.hpp"
#include "sinks/sending/event_name.hpp"

namespace runnel::sinks {

class TagTemplate : public EventName {
 public:
  static constexpr std::size_t pattern_bytes_max = 128;
  static constexpr std::size_t value_bytes_max = 64;
  static constexpr std::size_t tag_bytes_max = pattern_bytes_max + values_max * value_bytes_max;

  TagTemplate() : EventName(rules) {}
  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<TagTemplate, std::string> parse(std::string_view pattern);

 private:
  static const Rules rules;
};

}  // namespace runnel::sinks
