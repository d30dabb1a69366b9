// FNV-1a with 64 bits: tells a few texts apart. Not against somebody who wants two to be the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"

namespace runnel {

class Fnv {
 public:
  constexpr Fnv& add(std::uint8_t byte) {
    hash_ = (hash_ ^ byte) * 0x100'0000'01B3;
    return *this;
  }
  constexpr Fnv& add(std::string_view text) {
    for (const char c : text) add(static_cast<std::uint8_t>(c));
    return *this;
  }
  Fnv& add(Bytes bytes) { return add(as_text(bytes)); }
  constexpr std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xCBF2'9CE4'8422'2325;
};

}  // namespace runnel
