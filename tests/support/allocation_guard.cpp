#include "tests/support/allocation_guard.hpp"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define RUNNEL_SANITIZER_OWNS_MALLOC 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUNNEL_SANITIZER_OWNS_MALLOC 1
#endif

namespace runnel::test {

thread_local constinit std::uint64_t allocation_count = 0;

namespace {

thread_local constinit bool armed = false;
thread_local constinit bool library_may = false;
bool abort_on_first = false;
RunningComponent running = nullptr;

[[maybe_unused]] void print(const char* text, std::size_t size) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, size);
}
[[maybe_unused]] void print(const char* text) { print(text, std::strlen(text)); }

// No stdio here: it allocates its buffers itself.
[[maybe_unused]] void complain(std::size_t size) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), size).ptr;
  const char* name = running != nullptr ? running() : nullptr;
  print("allocation of ");
  print(digits, static_cast<std::size_t>(end - digits));
  print(" bytes in steady state, while ");
  print(name != nullptr ? name : "(nobody)");
  print(" was running\n");
}

[[maybe_unused]] void count(std::size_t size) {
  ++allocation_count;
  if (!armed || library_may) return;
  armed = false;  // what follows may allocate: `abort` does, with a handler of its own
  complain(size);
  if (abort_on_first) std::abort();
}

}  // namespace

void arm(bool abort_at_once, RunningComponent who) {
  abort_on_first = abort_at_once;
  running = who;
  armed = true;
}

void disarm() { armed = false; }

}  // namespace runnel::test

extern "C" void runnel_library_may_allocate(bool may);
void runnel_library_may_allocate(bool may) { runnel::test::library_may = may; }

namespace runnel::test {

#ifdef RUNNEL_SANITIZER_OWNS_MALLOC

const bool allocations_are_counted = false;

}  // namespace runnel::test

#else

const bool allocations_are_counted = true;

}  // namespace runnel::test

// glibc's own functions under the names by which a replacement reaches them.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);

void* malloc(std::size_t size) noexcept {
  runnel::test::count(size);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  runnel::test::count(count * size);
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  runnel::test::count(size);
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  runnel::test::count(size);
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  runnel::test::count(size);
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** into, std::size_t alignment, std::size_t size) noexcept {
  runnel::test::count(size);
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
  void* memory = __libc_memalign(alignment, size);
  if (memory == nullptr) return ENOMEM;
  *into = memory;
  return 0;
}
void free(void* memory) noexcept { __libc_free(memory); }
}

#endif
