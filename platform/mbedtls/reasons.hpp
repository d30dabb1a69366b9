// mbedTLS's error numbers as errors of ours and words for people. Its own table of messages would
// be larger than all that is said here.
#pragma once

#include "base/error.hpp"
#include "base/text.hpp"

namespace runnel::mbedtls {

struct Reason {
  Error error;
  const char* words;  // may be empty
};

// `code`: negative, from any call of the library.
Reason reason_of(int code);
// What the peer says of us (RFC 8446 section 6.2).
Reason reason_of_alert(unsigned alert);
// "-0x7780", as in the library's documentation.
void write_code(TextWriter& out, int code);

}  // namespace runnel::mbedtls
