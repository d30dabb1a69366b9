// An event as a source makes it and a sink sees it: views into memory that somebody else owns
// (the receive buffer, or the ring). Headers are a small list of key and value, as in Flume; bodies
// are opaque bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace runnel::pipeline {

// Nanoseconds since boot (when it arrived) or since 1970 (what its sender said). Times since boot
// become wall clock only when they are encoded: what came before the clock was set is right then.
struct Time {
  std::int64_t ns = 0;
  bool since_boot = true;

  static Time arrived(Instant at) { return {at.time_since_epoch().count(), true}; }
  static Time stated(WallTime at) { return {at.time_since_epoch().count(), false}; }
};

// RFC 5424 table 2, and `none` for events that have no severity.
enum class Severity : std::uint8_t {
  emergency,
  alert,
  critical,
  error,
  warning,
  notice,
  info,
  debug,
  none
};

// Encoded headers, one after the other:
//   u8 key bytes (1..255) | u16 value bytes, little-endian | key | value
// "host" = "gw" is 04 02 00 68 6f 73 74 67 77.
class Headers {
 public:
  Headers() = default;
  explicit Headers(Bytes encoded) : encoded_(encoded) {}
  static constexpr std::size_t bytes_max = 0xFFFF;
  static constexpr std::size_t entry_overhead = 3;

  Bytes encoded() const { return encoded_; }
  bool empty() const { return encoded_.empty(); }

  // f(std::string_view key, std::string_view value)
  template <class F>
  void each(F&& f) const {
    for (Bytes rest = encoded_; rest.size() >= entry_overhead;) {
      const auto key_bytes = static_cast<std::size_t>(rest[0]);
      const std::size_t value_bytes = load<std::uint16_t>(rest.data() + 1);
      const std::size_t entry = entry_overhead + key_bytes + value_bytes;
      if (entry > rest.size()) return;  // only a foreign journal can hold such a thing
      f(as_text(rest.subspan(entry_overhead, key_bytes)),
        as_text(rest.subspan(entry_overhead + key_bytes, value_bytes)));
      rest = rest.subspan(entry);
    }
  }
  std::optional<std::string_view> find(std::string_view wanted) const {
    std::optional<std::string_view> found;
    each([&](std::string_view key, std::string_view value) {
      if (!found && key == wanted) found = value;
    });
    return found;
  }

 private:
  Bytes encoded_;
};

// Builds headers in a fixed buffer. What does not fit is left out and `cut` is set.
class HeaderWriter {
 public:
  explicit HeaderWriter(MutableBytes buffer) : buffer_(buffer) {}
  void add(std::string_view key, std::string_view value);
  // Entries that were encoded before; all of them or none.
  void add_encoded(Bytes entries);
  Headers headers() const { return Headers(Bytes(buffer_.data(), size_)); }
  bool cut() const { return cut_; }
  void clear() { size_ = 0; }

 private:
  std::size_t room() const;

  MutableBytes buffer_;
  std::size_t size_ = 0;
  bool cut_ = false;
};

inline std::size_t HeaderWriter::room() const {
  return std::min(buffer_.size(), Headers::bytes_max) - size_;
}

// Always inline for the keys, which are constants where headers are written for every event; with
// the checks of a hardened build the compiler finds this too large by itself.
[[gnu::always_inline]] inline void HeaderWriter::add(std::string_view key, std::string_view value) {
  const std::size_t entry = Headers::entry_overhead + key.size() + value.size();
  if (key.empty() || key.size() > 255 || value.size() > 0xFFFF || entry > room()) [[unlikely]] {
    cut_ = true;
    return;
  }
  std::byte* at = buffer_.data() + size_;
  *at = static_cast<std::byte>(key.size());
  store(at + 1, static_cast<std::uint16_t>(value.size()));
  at += Headers::entry_overhead;
  std::memcpy(at, key.data(), key.size());
  put_bytes(at + key.size(), as_bytes(value));
  size_ += entry;
}

[[gnu::always_inline]] inline void HeaderWriter::add_encoded(Bytes entries) {
  if (entries.size() > room()) [[unlikely]] {
    cut_ = true;
    return;
  }
  put_bytes(buffer_.data() + size_, entries);
  size_ += entries.size();
}

struct Event {
  Time time;
  std::uint16_t source = 0;  // the agent's number of the configured source
  Severity severity = Severity::none;
  Headers context;  // what all events of this connection or file share
  Headers headers;  // what only this event has
  Bytes body;
};

}  // namespace runnel::pipeline
