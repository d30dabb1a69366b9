#include "sources/generate/generated_text.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/assert.hpp"

namespace runnel::sources {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): every number gives another, without state.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

constexpr std::string_view words[] = {
    "accepted ",     "request ",  "from ",     "sensor ",    "valve ",     "pump ",
    "temperature=",  "pressure=", "level=",    "status=ok ", "status=bad", "retry ",
    "connection ",   "closed ",   "opened ",   "timeout ",   "user=alice", "user=bob ",
    "session=",      "bytes=",    "duration=", "ms ",        "GET ",       "POST ",
    "/api/v1/data ", "200 ",      "404 ",      "503 ",       "warning: ",  "queue ",
    "line=",         "checksum ",
};

}  // namespace

GeneratedText::GeneratedText(MutableBytes block, MutableBytes body, std::uint64_t seed)
    : block_(block), body_(body), seed_(seed) {
  RUNNEL_ASSERT(block.size() == block_bytes && body.size() >= body_bytes_min);
  std::uint64_t draw = mixed(seed);
  for (std::size_t at = 0; at < block_.size();) {
    draw = mixed(draw);
    const std::string_view word = words[draw % std::size(words)];
    // Some of it is numbers, as in logs.
    char digits[8];
    std::uint64_t value = draw >> 32;
    for (char& digit : digits) {
      digit = static_cast<char>('0' + value % 10);
      value /= 10;
    }
    const bool number = word.back() == '=';
    const std::string_view pieces[] = {
        word, {digits, number ? static_cast<std::size_t>(draw >> 16 & 7) : 0}, number ? " " : ""};
    for (const std::string_view piece : pieces) {
      const std::size_t fits = std::min(piece.size(), block_.size() - at);
      if (fits > 0) std::memcpy(block_.data() + at, piece.data(), fits);
      at += fits;
    }
  }
}

Bytes GeneratedText::body(std::uint64_t number) {
  std::uint64_t rest = number;
  for (std::size_t digit = number_digits; digit-- > 0; rest /= 10)
    body_[digit] = static_cast<std::byte>('0' + rest % 10);
  MutableBytes text = body_.subspan(number_digits);
  if (!text.empty()) {
    text.front() = std::byte{' '};
    text = text.subspan(1);
  }
  auto from = static_cast<std::size_t>(mixed(seed_ ^ number) % block_.size());
  while (!text.empty()) {
    const std::size_t piece = std::min(text.size(), block_.size() - from);
    std::memcpy(text.data(), block_.data() + from, piece);
    text = text.subspan(piece);
    from = 0;
  }
  return body_;
}

}  // namespace runnel::sources
