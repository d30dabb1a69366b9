// The name of what goes out, for receivers that can tell a repetition from something new:
//   INSTANCE:CHANNEL:EPOCH:SEQUENCE[/FIRST+COUNT][~KEY]
// The instance is 128 random bits of this installation in hex, the epoch grows at every start, the
// sequence is that of the batch; of a channel with blocks it is that of the block, and a part of
// one says which of its records it has. Two contents never have the same name. It is the same at
// every retry, and with a journal after every restart.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace runnel::pipeline {

using InstanceId = std::array<std::byte, 16>;

// Who we are, and how often we have been started. Filled in at the start, before anything is sent.
struct Identity {
  InstanceId instance = {};
  std::uint64_t epoch = 0;
};

struct BatchId {
  static constexpr std::size_t text_bytes_max = 32 + 1 + 129 + 3 * 21 + 2 * 11 + 17;

  InstanceId instance = {};
  // As configured; of a channel in memory, whose sinks count for themselves, with the sink's name.
  std::string_view channel;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  // Records of the block; `count` zero: all of it.
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint64_t key = 0;  // which part of a batch that goes to several places; zero: it does not

  bool operator==(const BatchId&) const = default;
  void write(TextWriter& out) const {
    static constexpr char digits[] = "0123456789abcdef";
    for (const std::byte each : instance) {
      const auto value = std::to_integer<unsigned>(each);
      const char pair[] = {digits[value >> 4], digits[value & 15]};
      out << std::string_view(pair, 2);
    }
    out << ':' << channel << ':' << epoch << ':' << sequence;
    if (count > 0) out << '/' << first << '+' << count;
    if (key != 0) out << '~' << key;
  }
};

}  // namespace runnel::pipeline
