// The library's randomness: that of whoever called.
#pragma once

#include "platform/mbedtls/arena.hpp"

namespace runnel::mbedtls {

inline int random_bytes(void*, unsigned char* into, std::size_t size) {
  Call::current().surroundings().entropy({reinterpret_cast<std::byte*>(into), size});
  return 0;
}

}  // namespace runnel::mbedtls
