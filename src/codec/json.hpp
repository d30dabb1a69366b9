// Writes JSON (RFC 8259) into a fixed buffer, for one object a line. Commas come by themselves;
// that every object closes is the caller's business. What does not fit sets overflowed(), after
// which nothing more is written until a rewind: a caller marks the start of each object and goes
// back to it when the object did not fit. Bytes that are not UTF-8 become U+FFFD and are counted.
#pragma once

#include <charconv>
#include <concepts>
#include <string_view>

#include "base/bytes.hpp"

namespace runnel::codec {

// The most that a string of `size` bytes can become, quotes included: every byte as \u00XX.
inline constexpr std::size_t json_string_bytes_max(std::size_t size) { return 6 * size + 2; }

class JsonWriter {
 public:
  struct Mark {
    std::size_t size;
    std::uint64_t replaced;
    bool comma_due;
  };

  explicit JsonWriter(MutableBytes buffer)
      : begin_(buffer.data()), at_(buffer.data()), end_(buffer.data() + buffer.size()) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name);
  // The same for texts that have nothing to be escaped: names that the program gives, times.
  void plain_key(std::string_view name);
  void plain_string(std::string_view text);
  void string(Bytes bytes);
  void string(std::string_view text) { string(as_bytes(text)); }
  template <std::integral T>
    requires(!std::same_as<T, char> && !std::same_as<T, bool>)
  void number(T value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    word({digits, static_cast<std::size_t>(end - digits)});
  }
  void boolean(bool value) { word(value ? "true" : "false"); }
  void null() { word("null"); }
  // The end of a line of NDJSON; the next value stands for itself.
  void newline() {
    raw("\n");
    comma_due_ = false;
  }

  Bytes bytes() const { return {begin_, size()}; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }
  bool overflowed() const { return overflowed_; }
  std::uint64_t replaced() const { return replaced_; }  // sequences that were not UTF-8

  Mark mark() const { return {size(), replaced_, comma_due_}; }
  // As if nothing had been written since; an overflow since then is forgotten with it.
  void rewind(Mark mark);

 private:
  void open(char bracket);
  void close(char bracket);
  void comma() {
    if (comma_due_) raw(",");
    comma_due_ = true;
  }
  void word(std::string_view text) {
    comma();
    raw(text);
  }
  void raw(std::string_view text) {
    if (overflowed_ || room() < text.size()) {
      overflowed_ = true;
      return;
    }
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void quoted(Bytes bytes);
  std::size_t special(Bytes rest);

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  std::uint64_t replaced_ = 0;
  bool comma_due_ = false;
  bool overflowed_ = false;
};

}  // namespace runnel::codec
