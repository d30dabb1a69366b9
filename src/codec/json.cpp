#include "codec/json.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "codec/utf8.hpp"

namespace runnel::codec {
namespace {

constexpr std::uint64_t every(std::uint8_t byte) { return 0x0101010101010101u * byte; }

// The top bit of the first byte of `word` that does not stand for itself in a JSON string: a
// control character, a quote, a backslash, or a part of more than ASCII. Bits above that one say
// nothing: a subtraction borrows from the byte above only where its own byte is such a one.
constexpr std::uint64_t special_bytes(std::uint64_t word) {
  const std::uint64_t control = word - every(0x20);
  const std::uint64_t quote = (word ^ every('"')) - every(0x01);
  const std::uint64_t backslash = (word ^ every('\\')) - every(0x01);
  return (word | control | quote | backslash) & every(0x80);
}

// One to seven bytes, filled up with what needs no escape.
std::uint64_t short_word(const std::byte* from, std::size_t size) {
  const std::uint64_t filling = every(' ') << 8 * size;
  if (size >= 4) {
    const std::uint64_t begin = load<std::uint32_t>(from);
    const std::uint64_t end = load<std::uint32_t>(from + size - 4);
    return filling | begin | end << 8 * (size - 4);
  }
  const auto at = [&](std::size_t index) {
    return std::to_integer<std::uint64_t>(from[index]) << 8 * index;
  };
  return filling | at(0) | at(size / 2) | at(size - 1);
}

// Where there are vectors of sixteen bytes anyway. On others eight at a time is faster.
#if defined(__SSE2__) || defined(__ARM_NEON)
using Sixteen = signed char __attribute__((vector_size(16)));
bool has_special(Sixteen bytes) {
  // What is more than ASCII is negative, and so less than a space, too.
  const auto special = (bytes < 0x20) | (bytes == '"') | (bytes == '\\');
  using Halves = std::uint64_t __attribute__((vector_size(16)));
  const Halves halves = reinterpret_cast<Halves>(special);
  return (halves[0] | halves[1]) != 0;
}
#else
struct Sixteen {
  std::uint64_t low, high;
};
bool has_special(Sixteen bytes) {
  return (special_bytes(bytes.low) | special_bytes(bytes.high)) != 0;
}
#endif

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

void JsonWriter::plain_key(std::string_view name) {
  plain_string(name);
  raw(":");
  comma_due_ = false;
}

void JsonWriter::plain_string(std::string_view text) {
  comma();
  if (overflowed_ || room() < text.size() + 2) {
    overflowed_ = true;
    return;
  }
  at_[0] = std::byte{'"'};
  at_ = put_bytes(at_ + 1, as_bytes(text));
  *at_++ = std::byte{'"'};
}

void JsonWriter::string(Bytes bytes) {
  comma();
  quoted(bytes);
}

void JsonWriter::quoted(Bytes bytes) {
  raw("\"");
  if (overflowed_) return;
  const std::byte* from = bytes.data();
  std::size_t left = bytes.size();
  // Not the member: what is stored might change that, for all the compiler knows.
  std::byte* at = at_;
  const auto goes_on_behind = [&](std::size_t plain) {
    at += plain;
    from += plain;
    left -= plain;
  };
  const auto has_room = [&](std::size_t size) {
    return static_cast<std::size_t>(end_ - at) >= size;
  };
  while (left > 0 && has_room(sizeof(std::uint64_t))) {
    // As many as possible at a time. All are stored; those past the plain ones are overwritten by
    // what follows.
    if (left >= sizeof(Sixteen) && has_room(sizeof(Sixteen))) {
      const auto sixteen = load<Sixteen>(from);
      store(at, sixteen);
      if (!has_special(sixteen)) {
        goes_on_behind(sizeof(Sixteen));
        continue;
      }
    }
    const std::uint64_t word = left >= 8 ? load<std::uint64_t>(from) : short_word(from, left);
    const std::uint64_t specials = special_bytes(word);
    store(at, word);
    if (specials == 0) {
      goes_on_behind(std::min<std::size_t>(left, 8));
      continue;
    }
    goes_on_behind(static_cast<std::size_t>(std::countr_zero(specials)) / 8);
    if ((*from == std::byte{'"'} || *from == std::byte{'\\'}) && end_ - at >= 2) {
      at[0] = std::byte{'\\'};
      at[1] = *from;
      ++at;
      goes_on_behind(1);
      continue;
    }
    at_ = at;
    const std::size_t taken = special({from, left});
    at = at_;
    from += taken;
    left -= taken;
  }
  at_ = at;
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
