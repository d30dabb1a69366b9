// The strings of MQTT: UTF-8 behind a length of two bytes (MQTT 5 section 1.5.4, MQTT 3.1.1
// section 1.5.3), and names of topics (section 4.7).
#pragma once

#include <cstdint>
#include <string_view>

namespace runnel::codec::mqtt {

inline constexpr std::size_t text_bytes_max = 65'535;

// What must hold of every string: UTF-8 without U+0000, at most `text_bytes_max` long.
bool valid_text(std::string_view text);

// What may be published to: `valid_text`, not empty, without the wildcards + and #, and without
// the control and non-characters that section 1.5.4 advises against (brokers close the connection
// for them).
bool valid_topic(std::string_view topic);

// Whether the code point at the start of `text` (not empty) may stand in a topic, and how many
// bytes to step over; for who mends texts of others.
struct TopicStep {
  std::uint8_t size = 1;
  bool allowed = false;
};
TopicStep topic_step(std::string_view text);

}  // namespace runnel::codec::mqtt
