// The subject of the nats sink; %% is a %. A subject is an address: a rendered value has printable
// ASCII characters, no dot, no wildcard and no $: it is always one token, and never one that the
// server means itself by.
#pragma once

#include "base/error.hpp"
#include "sinks/sending/event_name.hpp"

namespace runnel::sinks {

class SubjectTemplate : public EventName {
 public:
  static constexpr std::size_t pattern_bytes_max = 256;
  static constexpr std::size_t value_bytes_max = 128;
  static constexpr std::size_t subject_bytes_max = pattern_bytes_max + values_max * value_bytes_max;

  SubjectTemplate() : EventName(rules) {}
  // The failure says what is wrong with the pattern, for a person.
  static tl::expected<SubjectTemplate, std::string> parse(std::string_view pattern);

 private:
  static const Rules rules;
};

}  // namespace runnel::sinks
