// A field of the header of a syslog message (RFC 5424 section 6): PRINTUSASCII, which has neither
// spaces nor control characters. What else a value has becomes underscores; one that is missing
// leaves nothing, and a field of nothing is for the format to fill.
#pragma once

#include "base/error.hpp"
#include "sinks/sending/event_name.hpp"

namespace runnel::sinks {

class FieldTemplate : public EventName {
 public:
  static constexpr std::size_t pattern_bytes_max = 255;
  static constexpr std::size_t value_bytes_max = 255;  // of the longest field there is
  static constexpr std::size_t field_bytes_max = pattern_bytes_max + values_max * value_bytes_max;

  FieldTemplate() : EventName(rules) {}
  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<FieldTemplate, std::string> parse(std::string_view pattern);
  // As a value is written.
  static void write_value(std::string_view raw, TextWriter& out);

 private:
  static const Rules rules;
};

}  // namespace runnel::sinks
