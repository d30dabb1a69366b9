// Cuts bytes into lines. A line ends at its newline, which is not part of it; every other byte is
// (a carriage return stays, a zero is a byte like any other). What follows the last newline is
// `rest()`: it is not a line yet.
#pragma once

#include <cstring>

#include "base/bytes.hpp"

namespace runnel::sources::tail {

class Lines {
 public:
  explicit Lines(Bytes bytes) : bytes_(bytes) {}

  // The next line; false when there is none.
  bool next(Bytes& line) {
    if (at_ == bytes_.size()) return false;
    const std::byte* from = bytes_.data() + at_;
    const void* newline = std::memchr(from, '\n', bytes_.size() - at_);
    if (newline == nullptr) return false;
    line = Bytes(from, static_cast<const std::byte*>(newline));
    at_ += line.size() + 1;
    return true;
  }
  std::size_t consumed() const { return at_; }
  Bytes rest() const { return bytes_.subspan(at_); }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

}  // namespace runnel::sources::tail
