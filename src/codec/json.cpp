#include "codec/json.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "codec/utf8.hpp"

namespace runnel::codec {
namespace {

constexpr std::uint64_t every(std::uint8_t byte) { return 0x0101010101010101u * byte; }

// The top bit of each zero byte. A borrow can set bits above the first one wrongly, never below it,
// and only the lowest is used.
constexpr std::uint64_t zero_bytes(std::uint64_t word) {
  return (word - every(0x01)) & ~word & every(0x80);
}

// How many bytes of `word`, from its first, stand for themselves in a JSON string: 0 to 8.
std::size_t plain_prefix(std::uint64_t word) {
  const std::uint64_t control = (word - every(0x20)) & ~word & every(0x80);
  const std::uint64_t odd = control | (word & every(0x80)) | zero_bytes(word ^ every('"')) |
                            zero_bytes(word ^ every('\\'));
  return odd == 0 ? 8 : static_cast<std::size_t>(std::countr_zero(odd)) / 8;
}

// Fewer than eight bytes, filled up with what needs no escape.
std::uint64_t short_word(const std::byte* from, std::size_t size) {
  std::byte bytes[8];
  store(bytes, every(' '));
  for (std::size_t index = 0; index < size; ++index) bytes[index] = from[index];
  return load<std::uint64_t>(bytes);
}

// The letter of the two-character escape, or 0.
constexpr char short_escape(std::uint8_t byte) {
  switch (byte) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

}  // namespace

void JsonWriter::open(char bracket) {
  comma();
  raw({&bracket, 1});
  comma_due_ = false;
}

void JsonWriter::close(char bracket) {
  raw({&bracket, 1});
  comma_due_ = true;
}

void JsonWriter::key(std::string_view name) {
  comma();
  quoted(as_bytes(name));
  raw(":");
  comma_due_ = false;
}

void JsonWriter::string(Bytes bytes) {
  comma();
  quoted(bytes);
}

void JsonWriter::quoted(Bytes bytes) {
  raw("\"");
  const std::byte* from = bytes.data();
  std::size_t left = bytes.size();
  while (left > 0 && room() >= sizeof(std::uint64_t)) {
    // Eight at a time. All are stored; those past the plain ones are overwritten by what follows.
    const std::uint64_t word = left >= 8 ? load<std::uint64_t>(from) : short_word(from, left);
    const std::size_t plain = std::min(plain_prefix(word), left);
    store(at_, word);
    at_ += plain;
    from += plain;
    left -= plain;
    if (plain == 8 || left == 0) continue;
    const std::size_t taken = special({from, left});
    from += taken;
    left -= taken;
  }
  while (left > 0 && !overflowed_) {  // the last room
    const std::size_t taken = special({from, left});
    from += taken;
    left -= taken;
  }
  raw("\"");
}

// One character of a string, of any kind. Returns how many bytes of `rest` it was.
std::size_t JsonWriter::special(Bytes rest) {
  const auto byte = std::to_integer<std::uint8_t>(rest[0]);
  if (const char letter = short_escape(byte)) {
    const char escape[] = {'\\', letter};
    raw({escape, sizeof(escape)});
    return 1;
  }
  if (byte < 0x20) {
    constexpr char hex[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
    raw({escape, sizeof(escape)});
    return 1;
  }
  const Utf8Sequence sequence = utf8_sequence(rest);
  if (sequence.valid) {
    raw(as_text(rest.first(sequence.size)));
  } else {
    raw("\xef\xbf\xbd");
    ++replaced_;
  }
  return sequence.size;
}

void JsonWriter::rewind(Mark mark) {
  RUNNEL_ASSERT(mark.size <= size());
  at_ = begin_ + mark.size;
  replaced_ = mark.replaced;
  comma_due_ = mark.comma_due;
  overflowed_ = false;
}

}  // namespace runnel::codec
