#include "codec/msgpack.hpp"

#include <array>
#include <limits>
#include <utility>

#include "base/assert.hpp"

namespace runnel::codec {
namespace {

using Kind = MsgpackValue::Kind;

template <class T>
constexpr bool fits(std::uint64_t value) {
  return value <= std::numeric_limits<T>::max();
}

// What the first byte of a value says.
struct Format {
  enum class Operand : std::uint8_t { none, unsigned_integer, signed_integer, real };
  Kind kind = Kind::nil;
  Operand operand = Operand::none;
  std::uint8_t operand_bytes = 0;  // behind the first byte, big-endian
  std::uint64_t value = 0;         // without an operand: the number, size or count itself
};

constexpr Format unsigned_operand(Kind kind, unsigned power) {
  return {kind, Format::Operand::unsigned_integer, static_cast<std::uint8_t>(1u << power), 0};
}
constexpr Format no_operand(Kind kind, std::uint64_t value) {
  return {kind, Format::Operand::none, 0, value};
}

// 0xc0 to 0xdf.
constexpr Result<Format> format_with_name(std::uint8_t byte) {
  if (byte == 0xc0) return Format{};
  if (byte == 0xc1) return fail(Error::malformed);
  if (byte <= 0xc3) return no_operand(Kind::boolean, byte & 1u);
  if (byte <= 0xc6) return unsigned_operand(Kind::binary, byte - 0xc4u);
  if (byte <= 0xc9) return unsigned_operand(Kind::extension, byte - 0xc7u);
  if (byte <= 0xcb)
    return Format{Kind::real, Format::Operand::real,
                  byte == 0xca ? std::uint8_t{4} : std::uint8_t{8}, 0};
  if (byte <= 0xcf) return unsigned_operand(Kind::integer, byte - 0xccu);
  if (byte <= 0xd3) {
    Format format = unsigned_operand(Kind::integer, byte - 0xd0u);
    format.operand = Format::Operand::signed_integer;
    return format;
  }
  if (byte <= 0xd8) return no_operand(Kind::extension, std::uint64_t{1} << (byte - 0xd4u));
  if (byte <= 0xdb) return unsigned_operand(Kind::string, byte - 0xd9u);
  if (byte <= 0xdd) return unsigned_operand(Kind::array, byte - 0xdcu + 1);
  return unsigned_operand(Kind::map, byte - 0xdeu + 1);
}

constexpr Result<Format> format_of(std::uint8_t byte) {
  if (byte <= 0x7f) return no_operand(Kind::integer, byte);
  if (byte <= 0x8f) return no_operand(Kind::map, byte & 0x0fu);
  if (byte <= 0x9f) return no_operand(Kind::array, byte & 0x0fu);
  if (byte <= 0xbf) return no_operand(Kind::string, byte & 0x1fu);
  if (byte <= 0xdf) return format_with_name(byte);
  return no_operand(Kind::negative, ~std::uint64_t{0xff} | byte);
}

std::uint64_t big_endian_number(Bytes bytes) {
  std::uint64_t number = 0;
  for (const std::byte byte : bytes) number = number << 8 | std::to_integer<std::uint64_t>(byte);
  return number;
}

std::uint64_t sign_extended(std::uint64_t number, std::size_t bytes) {
  const auto shift = static_cast<unsigned>(64 - 8 * bytes);
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(number << shift) >> shift);
}

// A value without what follows its operand: bytes are not set, their number is in `number`.
MsgpackValue head_of(const Format& format, Bytes operand) {
  MsgpackValue value;
  value.kind = format.kind;
  value.number = operand.empty() ? format.value : big_endian_number(operand);
  if (format.operand == Format::Operand::signed_integer) {
    value.number = sign_extended(value.number, operand.size());
    if (static_cast<std::int64_t>(value.number) < 0) value.kind = Kind::negative;
  }
  if (format.operand == Format::Operand::real) {
    const std::uint64_t bits = std::exchange(value.number, 0);
    value.real = operand.size() == 8
                     ? std::bit_cast<double>(bits)
                     : double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))};
  }
  return value;
}

// How many values follow that belong to this one.
std::uint64_t values_inside(const MsgpackValue& value) {
  return value.kind == Kind::map ? 2 * std::uint64_t{value.count} : value.count;
}

}  // namespace

void MsgpackWriter::positive(std::uint64_t value) {
  if (value <= 0x7f) return head(static_cast<std::uint8_t>(value));
  if (fits<std::uint8_t>(value)) return head(0xcc, static_cast<std::uint8_t>(value));
  if (fits<std::uint16_t>(value)) return head(0xcd, static_cast<std::uint16_t>(value));
  if (fits<std::uint32_t>(value)) return head(0xce, static_cast<std::uint32_t>(value));
  head(0xcf, value);
}

void MsgpackWriter::negative(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= -32) return head(static_cast<std::uint8_t>(bits));
  if (value >= INT8_MIN) return head(0xd0, static_cast<std::uint8_t>(bits));
  if (value >= INT16_MIN) return head(0xd1, static_cast<std::uint16_t>(bits));
  if (value >= INT32_MIN) return head(0xd2, static_cast<std::uint32_t>(bits));
  head(0xd3, bits);
}

void MsgpackWriter::sized_head(std::uint8_t format8, std::size_t size) {
  if (fits<std::uint8_t>(size)) return head(format8, static_cast<std::uint8_t>(size));
  const auto format16 = static_cast<std::uint8_t>(format8 + 1);
  const auto format32 = static_cast<std::uint8_t>(format8 + 2);
  if (fits<std::uint16_t>(size)) return head(format16, static_cast<std::uint16_t>(size));
  if (fits<std::uint32_t>(size)) return head(format32, static_cast<std::uint32_t>(size));
  overflowed_ = true;
}

void MsgpackWriter::binary_head(std::size_t size) { sized_head(0xc4, size); }

void MsgpackWriter::long_counted_head(std::uint8_t format16, std::size_t count) {
  const auto format32 = static_cast<std::uint8_t>(format16 + 1);
  if (fits<std::uint16_t>(count)) return head(format16, static_cast<std::uint16_t>(count));
  if (fits<std::uint32_t>(count)) return head(format32, static_cast<std::uint32_t>(count));
  overflowed_ = true;
}

void MsgpackWriter::extension(std::int8_t type, Bytes data) {
  if (std::has_single_bit(data.size()) && data.size() <= 16) {
    head(static_cast<std::uint8_t>(0xd4 + std::countr_zero(data.size())));
  } else {
    sized_head(0xc7, data.size());
  }
  head(static_cast<std::uint8_t>(type));
  raw(data);
}

void MsgpackWriter::rewind(Mark mark) {
  RUNNEL_ASSERT(mark.size <= size());
  at_ = begin_ + mark.size;
  overflowed_ = false;
}

Result<MsgpackValue> MsgpackReader::next() {
  const Bytes rest = input_.subspan(consumed_);
  if (rest.empty()) return fail(Error::closed);
  const auto format = format_of(std::to_integer<std::uint8_t>(rest[0]));
  if (!format) return fail(format.error());
  std::size_t head_bytes = 1u + format->operand_bytes;
  if (rest.size() < head_bytes) return fail(Error::closed);
  MsgpackValue value = head_of(*format, rest.subspan(1, format->operand_bytes));

  std::size_t body_bytes = 0;
  if (value.kind == Kind::array || value.kind == Kind::map) {
    if (value.number > limits_.count_max) return fail(Error::too_large);
    value.count = static_cast<std::uint32_t>(std::exchange(value.number, 0));
    // Each of them has one byte at least: a count that is passed on has its bytes.
    if (values_inside(value) > rest.size() - head_bytes) return fail(Error::closed);
  }
  if (value.is_text() || value.kind == Kind::extension) {
    if (value.number > limits_.bytes_max) return fail(Error::too_large);
    body_bytes = static_cast<std::size_t>(std::exchange(value.number, 0));
  }
  if (value.kind == Kind::extension) {
    if (rest.size() == head_bytes) return fail(Error::closed);
    value.extension_type = static_cast<std::int8_t>(rest[head_bytes]);
    ++head_bytes;
  }
  if (rest.size() - head_bytes < body_bytes) return fail(Error::closed);
  value.bytes = rest.subspan(head_bytes, body_bytes);
  consumed_ += head_bytes + body_bytes;
  return value;
}

Status MsgpackReader::skip() {
  const std::size_t start = consumed_;
  std::array<std::uint64_t, depth_max> left;  // values to come, of each array or map we are in
  std::size_t depth = 0;
  do {
    const auto value = next();
    // Invariant: a failure leaves the reader in front of the value.
    Error error = value ? Error::none : value.error();
    if (error == Error::none && values_inside(*value) > 0) {
      if (depth == depth_max) {
        error = Error::too_large;
      } else {
        left[depth++] = values_inside(*value);
        continue;
      }
    }
    if (error != Error::none) {
      consumed_ = start;
      return error;
    }
    while (depth > 0 && --left[depth - 1] == 0) --depth;
  } while (depth > 0);
  return {};
}

}  // namespace runnel::codec
