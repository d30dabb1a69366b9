// Views of bytes and the two casts between bytes and text, and little-endian fields at any
// alignment.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace runnel {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

static_assert(std::endian::native == std::endian::little,
              "on-disk and in-ring fields are little-endian and stored as they are");

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
template <class T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

// Copies `from` and gives the place behind it. Most of what is copied into records and headers is
// short, and a call costs more than its copy: the compiler is not asked, because the checks of
// fortified builds make it think that this is long.
[[gnu::always_inline]] inline std::byte* put_bytes(std::byte* to, Bytes from) {
  const std::size_t size = from.size();
  const std::byte* source = from.data();
  if (size > 32) {
    std::memcpy(to, source, size);
  } else if (size >= 16) {
    struct Sixteen {
      std::uint64_t low, high;
    };
    const auto begin = load<Sixteen>(source), end = load<Sixteen>(source + size - 16);
    store(to, begin);
    store(to + size - 16, end);
  } else if (size >= 8) {
    const auto begin = load<std::uint64_t>(source), end = load<std::uint64_t>(source + size - 8);
    store(to, begin);
    store(to + size - 8, end);
  } else if (size >= 4) {
    const auto begin = load<std::uint32_t>(source), end = load<std::uint32_t>(source + size - 4);
    store(to, begin);
    store(to + size - 4, end);
  } else if (size > 0) {
    to[0] = source[0];
    to[size / 2] = source[size / 2];
    to[size - 1] = source[size - 1];
  }
  return to + size;
}

// Stays at the largest value instead of starting again at zero: on a 32-bit machine a plan can ask
// for more than there are addresses.
inline constexpr std::size_t saturating_add(std::size_t left, std::size_t right) {
  const std::size_t sum = left + right;
  return sum < left ? SIZE_MAX : sum;
}

inline constexpr std::size_t align_up(std::size_t value, std::size_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace runnel
