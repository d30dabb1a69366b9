// Text without allocation: a writer over a fixed buffer, and the few parsers of the configuration's
// scalars. A writer that runs out of room cuts and says so (`cut()`); it never writes past its end.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/time.hpp"

namespace runnel {

class TextWriter {
 public:
  explicit TextWriter(std::span<char> buffer) : buffer_(buffer) {}

  TextWriter& operator<<(std::string_view text);
  TextWriter& operator<<(const char* text) { return *this << std::string_view(text); }
  TextWriter& operator<<(char c) { return *this << std::string_view(&c, 1); }
  template <std::integral T>
    requires(!std::same_as<T, char> && !std::same_as<T, bool>)
  TextWriter& operator<<(T number) {
    if constexpr (std::signed_integral<T>) {
      return write_signed(number);
    } else {
      return write_unsigned(number);
    }
  }

  std::string_view text() const { return {buffer_.data(), size_}; }
  std::size_t size() const { return size_; }
  std::size_t room() const { return buffer_.size() - size_; }
  bool cut() const { return cut_; }
  void clear() {
    size_ = 0;
    cut_ = false;
  }

 private:
  TextWriter& write_signed(std::int64_t number);
  TextWriter& write_unsigned(std::uint64_t number);

  std::span<char> buffer_;
  std::size_t size_ = 0;
  bool cut_ = false;
};

// A writer with its buffer inside, for lines and paths.
template <std::size_t N>
class Text : public TextWriter {
 public:
  Text() : TextWriter(std::span<char>(storage_, N)) {}
  template <class... Args>
  explicit Text(const Args&... args) : Text() {
    ((*this << args), ...);
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  // Zero-terminated, for calls that want it.
  const char* c_str() {
    storage_[size()] = '\0';
    return storage_;
  }

 private:
  char storage_[N + 1];
};

// Decimal digits only, the whole text; `malformed` or `too_large`.
Result<std::uint64_t> parse_number(std::string_view text);
// "4MiB", "512KiB", "1GiB", "100kB", "17B", "17": bytes. KiB = 1024, kB = 1000.
Result<std::uint64_t> parse_size(std::string_view text);
// "500ms", "1s", "2m", "1h", "7d", "10us": never negative.
Result<Duration> parse_duration(std::string_view text);

// For people: "4.0 MiB", "512 B"; "1.5 s", "250 ms".
struct HumanSize {
  std::uint64_t bytes;
};
struct HumanDuration {
  Duration duration;
};
TextWriter& operator<<(TextWriter& out, HumanSize size);
TextWriter& operator<<(TextWriter& out, HumanDuration human);

// Exactly, as `parse_size` and `parse_duration` read them: "4MiB", "1000B"; "500ms".
struct WrittenSize {
  std::uint64_t bytes;
};
struct WrittenDuration {
  Duration duration;  // whole microseconds, not negative
};
TextWriter& operator<<(TextWriter& out, WrittenSize size);
TextWriter& operator<<(TextWriter& out, WrittenDuration duration);

// The nearest of `names` to a mistyped one, or empty when none is near.
std::string_view nearest(std::string_view wrong, std::span<const std::string_view> names);

// Start-up only: joins its arguments into a string.
template <class... Args>
std::string concat(const Args&... args) {
  char storage[4096];
  TextWriter out{std::span<char>(storage)};
  ((out << args), ...);
  return std::string(out.text());
}

}  // namespace runnel
