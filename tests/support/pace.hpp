// How many worlds a test goes through. All of them where programs run at full speed; under
// sanitizers and in an emulator a part of them, which is enough for what only those can find.
// RUNNEL_LONG in the environment: all, everywhere.
#pragma once

#include <cstdint>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RUNNEL_SLOW_HERE
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || !defined(__x86_64__)
#define RUNNEL_SLOW_HERE
#endif

namespace runnel::test {

inline bool is_slow_here() {
#ifdef RUNNEL_SLOW_HERE
  return std::getenv("RUNNEL_LONG") == nullptr;
#else
  return false;
#endif
}

// `all`, or the part for where it is slow.
inline std::uint64_t paced(std::uint64_t all, std::uint64_t part) {
  return is_slow_here() ? part : all;
}

}  // namespace runnel::test
