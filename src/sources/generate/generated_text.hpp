// The bodies that `generate` makes: "000000000042 " and then words, which depend only on the seed
// and the number. The words come from one block of text, made once; a body is a stretch of it from
// a place that the number decides. So bodies differ, compress like logs, and cost one copy.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace runnel::sources {

class GeneratedText {
 public:
  static constexpr std::size_t block_bytes = 64 * 1024;
  static constexpr std::size_t number_digits = 12;
  static constexpr std::size_t body_bytes_min = number_digits;

  // `block` is `block_bytes` long; `body` is as long as bodies are to be. Both outlive this.
  GeneratedText(MutableBytes block, MutableBytes body, std::uint64_t seed);

  // Valid until the next call.
  Bytes body(std::uint64_t number);

 private:
  MutableBytes block_;
  MutableBytes body_;
  std::uint64_t seed_;
};

}  // namespace runnel::sources
