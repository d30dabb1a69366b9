// CRC-32C (Castagnoli, RFC 3720 appendix B.4): polynomial 0x1EDC6F41, reflected.
// crc32c("123456789") = 0xE3069283. Extend with the result of the bytes before.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace runnel {

std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0);

}  // namespace runnel
