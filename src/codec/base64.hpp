// Base64 (RFC 4648 section 4, with padding): "foobar" is Zm9vYmFy, "fo" is Zm8=.
#pragma once

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace runnel::codec {

inline constexpr std::size_t base64_bytes(std::size_t size) { return (size + 2) / 3 * 4; }

void write_base64(TextWriter& out, Bytes bytes);

}  // namespace runnel::codec
