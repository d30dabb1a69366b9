// Fields in network byte order, at any alignment.
#pragma once

#include <concepts>

#include "base/bytes.hpp"

namespace runnel::codec {

// To network byte order, and back.
template <std::unsigned_integral T>
constexpr T swapped(T value) {
  static_assert(std::endian::native == std::endian::little);
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}
template <std::unsigned_integral T>
T load_big(const std::byte* from) {
  return swapped(load<T>(from));
}
template <std::unsigned_integral T>
void store_big(std::byte* to, T value) {
  store(to, swapped(value));
}

}  // namespace runnel::codec
