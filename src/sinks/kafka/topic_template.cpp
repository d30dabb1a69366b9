#include "sinks/kafka/topic_template.hpp"

#include <algorithm>

namespace runnel::sinks {
namespace {

bool stands_in_topic(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

void write_topic_value(std::string_view raw, TextWriter& out) {
  for (const char c : raw.substr(0, KafkaTopic::value_bytes_max)) {
    const char written = stands_in_topic(c) ? c : '_';
    const bool at_start = out.size() == 0;
    out << (at_start && (written == '_' || written == '.') ? '-' : written);
  }
}

void write_key_value(std::string_view raw, TextWriter& out) {
  out << raw.substr(0, KafkaKey::value_bytes_max);
}

template <class Name>
using Parsed = tl::expected<Name, std::string>;

}  // namespace

constinit const EventName::Rules KafkaTopic::rules = {
    .pattern_bytes_max = pattern_bytes_most,
    .value_bytes_max = value_bytes_max,
    .percent_escapes = true,
    .example = "logs.%{source}",
    .write_value = write_topic_value,
};

constinit const EventName::Rules KafkaKey::rules = {
    .pattern_bytes_max = pattern_bytes_max,
    .value_bytes_max = value_bytes_max,
    .percent_escapes = true,
    .example = "%{host}",
    .write_value = write_key_value,
};

Parsed<KafkaTopic> KafkaTopic::parse(std::string_view pattern) {
  KafkaTopic made;
  if (std::string why = made.EventName::parse(pattern); !why.empty())
    return tl::unexpected(std::move(why));
  if (made.bytes_max() > topic_bytes_max)
    return tl::unexpected(concat("can become ", made.bytes_max(), " bytes (a value has up to ",
                                 value_bytes_max, "), and a topic has ", topic_bytes_max));
  Text<topic_bytes_max> sample;
  made.write_with("v", sample);
  const std::string_view text = sample.text();
  if (!std::all_of(text.begin(), text.end(), stands_in_topic))
    return tl::unexpected(
        std::string("is no topic: letters, digits, dots, underscores and dashes"));
  if (text == "." || text == "..") return tl::unexpected(std::string("is no topic"));
  return made;
}

Parsed<KafkaKey> KafkaKey::parse(std::string_view pattern) {
  KafkaKey made;
  if (std::string why = made.EventName::parse(pattern); !why.empty())
    return tl::unexpected(std::move(why));
  return made;
}

}  // namespace runnel::sinks
