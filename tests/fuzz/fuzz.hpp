// What all fuzz targets share: an input taken apart, and a check that ends the program with a word
// on why, in every build. A target is one file with LLVMFuzzerTestOneInput that asserts what its
// part promises to every input, not only that nothing crashes. Views handed to the code under test
// are heap copies of their exact size, so that reading past their end shows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

#define FUZZ_CHECK(...)                                                                \
  do {                                                                                 \
    if (!(__VA_ARGS__)) {                                                              \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
      std::abort();                                                                    \
    }                                                                                  \
  } while (false)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace runnel::fuzz {

// Takes values off the front of the input; an empty one gives zeros and empty texts for ever.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1).empty() ? 0 : last_.front()); }
  std::uint16_t word() {
    const std::uint16_t high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  // At most `size` bytes.
  std::string_view take(std::size_t size) {
    last_ = rest_.substr(0, std::min(size, rest_.size()));
    rest_.remove_prefix(last_.size());
    return last_;
  }
  // Up to the next `end`, which is taken too.
  std::string_view until(char end) {
    const std::string_view text = take(std::min(rest_.find(end), rest_.size()));
    take(1);
    return text;
  }
  std::string_view rest() { return take(rest_.size()); }

 private:
  std::string_view rest_;
  std::string_view last_;
};

// A heap copy of exactly the bytes.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(text.begin(), text.end()) {}
  std::string_view text() const { return {bytes_.data(), bytes_.size()}; }
  Bytes bytes() const { return as_bytes(text()); }
  // `part` lies inside, or is nothing.
  bool holds(std::string_view part) const {
    return part.empty() || (part.data() >= bytes_.data() &&
                            part.data() + part.size() <= bytes_.data() + bytes_.size());
  }

 private:
  std::vector<char> bytes_;
};

}  // namespace runnel::fuzz
