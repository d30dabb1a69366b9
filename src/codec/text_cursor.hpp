// For hand-written parsers: a place in a text that only moves forward, never past the end, and only
// when what is asked for is there. Copy it to look ahead. The text is the caller's.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.hpp"

namespace runnel::codec {

class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool at_end() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  char peek() const { return at_ == end_ ? '\0' : *at_; }
  const char* place() const { return at_; }
  std::string_view rest() const { return {at_, left()}; }
  std::string_view since(const char* start) const {
    return {start, static_cast<std::size_t>(at_ - start)};
  }
  void skip(std::size_t count) { at_ += count; }

  bool take(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  // Exactly `count` digits.
  bool digits(unsigned count, std::uint32_t& value) {
    if (left() < count) return false;
    std::uint32_t sum = 0;
    for (unsigned index = 0; index < count; ++index) {
      const auto digit = static_cast<std::uint32_t>(at_[index] - '0');
      if (digit > 9) return false;
      sum = sum * 10 + digit;
    }
    value = sum;
    at_ += count;
    return true;
  }
  // Up to a space, a control byte, one of `stops` (ASCII) or the end.
  template <char... stops>
  std::string_view word() {
    const char* start = at_;
    while (left() >= 8) {
      std::uint64_t eight;
      std::memcpy(&eight, at_, sizeof(eight));
      const std::uint64_t found = (below(eight, ' ' + 1) | ... | equal(eight, stops));
      if (found != 0) {
        at_ += std::countr_zero(found) / 8;
        return since(start);
      }
      at_ += 8;
    }
    while (at_ != end_ && static_cast<unsigned char>(*at_) > ' ' && (... && (*at_ != stops))) ++at_;
    return since(start);
  }
  // To one of `stops` (ASCII) or the end; spaces and control bytes are passed over.
  template <char... stops>
  void skip_to() {
    while (left() >= 8) {
      std::uint64_t eight;
      std::memcpy(&eight, at_, sizeof(eight));
      const std::uint64_t found = (... | equal(eight, stops));
      if (found != 0) {
        at_ += std::countr_zero(found) / 8;
        return;
      }
      at_ += 8;
    }
    while (at_ != end_ && (... && (*at_ != stops))) ++at_;
  }

 private:
  static constexpr std::uint64_t every(std::uint8_t byte) { return 0x0101010101010101u * byte; }
  // The lowest bit that is set is the top bit of the first byte below `limit`, which is at most
  // 128. (What borrows is a byte that was below it: only bits above the lowest can be wrong.)
  static constexpr std::uint64_t below(std::uint64_t bytes, std::uint8_t limit) {
    return (bytes - every(limit)) & ~bytes & every(0x80);
  }
  static constexpr std::uint64_t equal(std::uint64_t bytes, char wanted) {
    return below(bytes ^ every(static_cast<std::uint8_t>(wanted)), 1);
  }

  const char* at_;
  const char* end_;
};

}  // namespace runnel::codec
