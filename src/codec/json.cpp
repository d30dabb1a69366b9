#include "codec/json.hpp"

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

bool is_plain(std::byte byte) {
  return byte >= std::byte{0x20} && byte < std::byte{0x80} && byte != std::byte{'"'} &&
         byte != std::byte{'\\'};
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
  const std::byte* const end = from + bytes.size();
  while (from != end && !overflowed_) {
    // Eight at a time; local copies, because what is stored could otherwise be the members.
    std::byte* to = at_;
    std::size_t plain = 8;
    while (plain == 8 && end - from >= 8 && end_ - to >= 8) {
      // All eight are stored; those past the plain ones are overwritten by what follows.
      const auto word = load<std::uint64_t>(from);
      plain = plain_prefix(word);
      store(to, word);
      to += plain;
      from += plain;
    }
    at_ = to;
    if (from == end) break;
    if (plain == 8 && is_plain(*from) && to != end_)
      *at_++ = *from++;  // the last few, or the last room
    else
      from += special({from, end});
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
