#include "codec/utf8.hpp"

namespace runnel::codec {
namespace {

struct Lead {
  std::uint8_t size;          // of the whole sequence; 0: no sequence starts with this byte
  std::uint8_t second_first;  // the range of the second byte, which is what excludes overlong
  std::uint8_t second_last;   // forms, surrogates and values that are too large
};

constexpr Lead lead(std::uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xc2) return {0, 0, 0};
  if (byte < 0xe0) return {2, 0x80, 0xbf};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};
  if (byte < 0xf0) return {3, 0x80, 0xbf};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte < 0xf4) return {4, 0x80, 0xbf};
  if (byte == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

}  // namespace

Utf8Sequence utf8_sequence(Bytes bytes) {
  const Lead first = lead(std::to_integer<std::uint8_t>(bytes[0]));
  if (first.size <= 1) return {1, first.size == 1};
  std::uint8_t last_allowed = first.second_last;
  std::uint8_t first_allowed = first.second_first;
  for (std::uint8_t index = 1; index < first.size; ++index) {
    if (index >= bytes.size()) return {index, false};
    const auto byte = std::to_integer<std::uint8_t>(bytes[index]);
    if (byte < first_allowed || byte > last_allowed) return {index, false};
    first_allowed = 0x80;
    last_allowed = 0xbf;
  }
  return {first.size, true};
}

bool is_utf8(Bytes bytes) {
  while (!bytes.empty()) {
    const Utf8Sequence sequence = utf8_sequence(bytes);
    if (!sequence.valid) return false;
    bytes = bytes.subspan(sequence.size);
  }
  return true;
}

}  // namespace runnel::codec
