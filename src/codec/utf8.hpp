// UTF-8 as RFC 3629 section 4 defines it: shortest forms only, no surrogates, nothing past
// U+10FFFF.
#pragma once

#include "base/bytes.hpp"

namespace runnel::codec {

struct Utf8Sequence {
  std::uint8_t size = 1;  // bytes to step over, at least 1
  bool valid = false;     // else they are together to become one U+FFFD (the maximal subpart)
};

// The sequence at the start of `bytes`, which is not empty. It never looks past the end: a sequence
// that the end cuts off is not valid.
Utf8Sequence utf8_sequence(Bytes bytes);
// All of it, from its first byte to its last.
bool is_utf8(Bytes bytes);

}  // namespace runnel::codec
