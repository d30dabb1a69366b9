// For hand-written parsers: a place in a text that only moves forward, never past the end, and only
// when what is asked for is there. Copy it to look ahead. The text is the caller's.
#pragma once

#include <cstdint>
#include <string_view>

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
  // Up to a space, a control byte or the end.
  std::string_view word() {
    const char* start = at_;
    while (at_ != end_ && static_cast<unsigned char>(*at_) > ' ') ++at_;
    return since(start);
  }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace runnel::codec
