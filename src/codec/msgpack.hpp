// MessagePack (github.com/msgpack/msgpack, spec.md): a writer into a fixed buffer and a reader over
// bytes that nobody vouches for.
//   {"ack": "x"} is 81 a3 61 63 6b a1 78
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "codec/big_endian.hpp"

namespace runnel::codec {

// Every value takes its shortest form. That an array or a map has as many values as it said is the
// caller's business. What does not fit sets overflowed(), after which nothing more is written until
// a rewind: a caller marks the start of what belongs together and goes back to it.
class MsgpackWriter {
 public:
  struct Mark {
    std::size_t size;
  };
  static constexpr std::size_t head_bytes_max = 5;  // of a string, binary, array or map

  explicit MsgpackWriter(MutableBytes buffer)
      : begin_(buffer.data()), at_(buffer.data()), end_(buffer.data() + buffer.size()) {}

  void nil() { head(0xc0); }
  void boolean(bool value) { head(value ? 0xc3 : 0xc2); }
  template <std::integral T>
    requires(!std::same_as<T, char> && !std::same_as<T, bool>)
  void number(T value) {
    if constexpr (std::signed_integral<T>) {
      if (value < 0) return negative(value);
    }
    positive(static_cast<std::uint64_t>(value));
  }
  void float64(double value) { head(0xcb, std::bit_cast<std::uint64_t>(value)); }
  // A `str`. The format wants UTF-8; that it is, is the caller's business.
  void string(Bytes bytes) {
    string_head(bytes.size());
    raw(bytes);
  }
  void string(std::string_view text) { string(as_bytes(text)); }
  void binary(Bytes bytes) {
    binary_head(bytes.size());
    raw(bytes);
  }
  // The bytes come from elsewhere, right behind this.
  void binary_head(std::size_t size);
  void array(std::size_t count) { counted_head(0x90, 0xdc, count); }
  void map(std::size_t pairs) { counted_head(0x80, 0xde, pairs); }
  void extension(std::int8_t type, Bytes data);
  // Values as they were encoded before.
  void encoded(Bytes values) { raw(values); }

  Bytes bytes() const { return {begin_, size()}; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }
  bool overflowed() const { return overflowed_; }

  Mark mark() const { return {size()}; }
  // As if nothing had been written since; an overflow since then is forgotten with it.
  void rewind(Mark mark);

 private:
  void positive(std::uint64_t value);
  void negative(std::int64_t value);
  void string_head(std::size_t size) {
    if (size <= 0x1f) return head(static_cast<std::uint8_t>(0xa0 | size));
    sized_head(0xd9, size);
  }

  void head(std::uint8_t format) {
    if (!has_room(1)) return;
    *at_++ = std::byte{format};
  }
  template <std::unsigned_integral T>
  void head(std::uint8_t format, T value) {
    if (!has_room(1 + sizeof(T))) return;
    *at_ = std::byte{format};
    store_big(at_ + 1, value);
    at_ += 1 + sizeof(T);
  }
  // `format8` and the two behind it, by how many bytes the length takes.
  void sized_head(std::uint8_t format8, std::size_t size);
  void counted_head(std::uint8_t short_format, std::uint8_t format16, std::size_t count) {
    if (count <= 0x0f) return head(static_cast<std::uint8_t>(short_format | count));
    long_counted_head(format16, count);
  }
  void long_counted_head(std::uint8_t format16, std::size_t count);
  void raw(Bytes bytes) {
    if (has_room(bytes.size())) at_ = put_bytes(at_, bytes);
  }
  bool has_room(std::size_t size) {
    overflowed_ = overflowed_ || size > room();
    return !overflowed_;
  }

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  bool overflowed_ = false;
};

struct MsgpackValue {
  enum class Kind : std::uint8_t {
    nil,
    boolean,    // number: 0 or 1
    integer,    // number: zero or more
    negative,   // number: in two's complement
    real,       // real
    string,     // bytes
    binary,     // bytes
    array,      // count: values that follow
    map,        // count: pairs that follow, each a key and a value
    extension,  // extension_type, bytes
  };
  Kind kind = Kind::nil;
  std::int8_t extension_type = 0;
  std::uint32_t count = 0;
  std::uint64_t number = 0;
  double real = 0;
  Bytes bytes;  // of the input

  bool is_text() const { return kind == Kind::string || kind == Kind::binary; }
  std::string_view text() const { return as_text(bytes); }
};

// Pulls one value after the other from bytes that may have arrived only in part. Nothing is
// believed of a length or a count: it is held against the limits first and against what is there
// second, so who reads may loop over a count. A failure leaves the reader where it was, in front of
// the value:
//   closed     the input ends inside the value; look again when there is more
//   too_large  a limit was passed
//   malformed  the one byte that begins nothing (0xc1)
class MsgpackReader {
 public:
  struct Limits {
    std::uint32_t bytes_max = 64 * 1024;  // of a string, binary or extension
    std::uint32_t count_max = 1024;       // values of an array, pairs of a map
  };
  static constexpr std::size_t depth_max = 16;  // arrays and maps in one another, when skipped

  MsgpackReader(Bytes input, Limits limits) : input_(input), limits_(limits) {}

  Result<MsgpackValue> next();
  // Over one value with all that is in it. Its work is bound by the bytes that are there.
  Status skip();

  std::size_t consumed() const { return consumed_; }
  bool at_end() const { return consumed_ == input_.size(); }

 private:
  Bytes input_;
  Limits limits_;
  std::size_t consumed_ = 0;
};

}  // namespace runnel::codec
