// While one lives, what is allocated is not looked for by a leak checker. For processes that are
// killed in the simulator: nobody destroys them, and what they had allocated is known only to
// memory and coroutines that are gone with them.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RUNNEL_COUNTS_LEAKS
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define RUNNEL_COUNTS_LEAKS
#endif
#ifdef RUNNEL_COUNTS_LEAKS
#include <sanitizer/lsan_interface.h>
#endif

namespace runnel {

class Unaccounted {
 public:
#ifdef RUNNEL_COUNTS_LEAKS
  Unaccounted() { __lsan_disable(); }
  ~Unaccounted() { __lsan_enable(); }
#else
  Unaccounted() {}
#endif
  Unaccounted(const Unaccounted&) = delete;
  Unaccounted& operator=(const Unaccounted&) = delete;
};

}  // namespace runnel
