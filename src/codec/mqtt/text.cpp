#include "codec/mqtt/text.hpp"

#include "codec/utf8.hpp"

namespace runnel::codec::mqtt {
namespace {

// A valid sequence of `size` bytes.
std::uint32_t code_point(std::string_view text, std::uint8_t size) {
  const auto byte = [text](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at]));
  };
  if (size == 1) return byte(0);
  std::uint32_t value = byte(0) & (0x7Fu >> size);
  for (std::size_t at = 1; at < size; ++at) value = value << 6 | (byte(at) & 0x3F);
  return value;
}

bool is_control(std::uint32_t point) { return point < 0x20 || (point >= 0x7F && point < 0xA0); }

// Unicode 15 section 23.7: the last two of every plane, and 32 in the middle.
bool is_noncharacter(std::uint32_t point) {
  return (point & 0xFFFE) == 0xFFFE || (point >= 0xFDD0 && point <= 0xFDEF);
}

}  // namespace

bool valid_text(std::string_view text) {
  if (text.size() > text_bytes_max) return false;
  while (!text.empty()) {
    if (text.front() == '\0') return false;
    const Utf8Sequence sequence = utf8_sequence(as_bytes(text));
    if (!sequence.valid) return false;
    text.remove_prefix(sequence.size);
  }
  return true;
}

TopicStep topic_step(std::string_view text) {
  const char first = text.front();
  // Nearly all of all topics is this.
  if (first >= 0x20 && first < 0x7F) return {1, first != '+' && first != '#'};
  const Utf8Sequence sequence = utf8_sequence(as_bytes(text));
  if (!sequence.valid) return {sequence.size, false};
  const std::uint32_t point = code_point(text, sequence.size);
  return {sequence.size, !is_control(point) && !is_noncharacter(point)};
}

bool valid_topic(std::string_view topic) {
  if (topic.empty() || topic.size() > text_bytes_max) return false;
  while (!topic.empty()) {
    const TopicStep step = topic_step(topic);
    if (!step.allowed) return false;
    topic.remove_prefix(step.size);
  }
  return true;
}

}  // namespace runnel::codec::mqtt
