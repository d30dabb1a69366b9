// For reading the fields of a packet: a place in its bytes that only moves forward, never past the
// end, and only when the whole field is there. The bytes are the caller's.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "codec/mqtt/text.hpp"

namespace runnel::codec::mqtt {

class Cursor {
 public:
  explicit Cursor(Bytes bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }
  Bytes rest() const { return rest_; }

  bool take(std::size_t size, Bytes& into) {
    if (rest_.size() < size) return false;
    into = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }
  bool take(std::uint8_t& value) { return take_big_endian(value); }
  bool take(std::uint16_t& value) { return take_big_endian(value); }
  bool take(std::uint32_t& value) { return take_big_endian(value); }

  // A variable byte integer, in as few bytes as it needs (MQTT 5 section 1.5.5).
  bool take_variable(std::uint32_t& value) {
    std::uint32_t sum = 0;
    for (std::size_t index = 0; index < 4 && index < rest_.size(); ++index) {
      const auto byte = std::to_integer<std::uint32_t>(rest_[index]);
      sum |= (byte & 0x7F) << (7 * index);
      if (byte >= 0x80) continue;
      if (byte == 0 && index > 0) return false;
      value = sum;
      rest_ = rest_.subspan(index + 1);
      return true;
    }
    return false;
  }
  bool take_binary(Bytes& value) {
    const Cursor before = *this;
    std::uint16_t size;
    if (take(size) && take(size, value)) return true;
    *this = before;
    return false;
  }
  bool take_text(std::string_view& value) {
    const Cursor before = *this;
    Bytes bytes;
    if (take_binary(bytes) && valid_text(as_text(bytes))) {
      value = as_text(bytes);
      return true;
    }
    *this = before;
    return false;
  }

 private:
  template <class T>
  bool take_big_endian(T& value) {
    if (rest_.size() < sizeof(T)) return false;
    std::uint32_t sum = 0;
    for (const std::byte byte : rest_.first(sizeof(T)))
      sum = sum << 8 | std::to_integer<std::uint32_t>(byte);
    value = static_cast<T>(sum);
    rest_ = rest_.subspan(sizeof(T));
    return true;
  }

  Bytes rest_;
};

}  // namespace runnel::codec::mqtt
