// Counts every heap allocation of the process, those of libraries included, and ends the process
// at the first one while it is armed: printed with write(2) as its size and the component that
// runs. Linked into test builds only. It takes the place of malloc and its kin in front of glibc's
// own, so it is for dynamically linked programs without a sanitizer (those bring their malloc;
// then nothing is counted and `allocations_are_counted` is false).
//
// Of each thread on its own: the program's one thread is armed, those of librdkafka never are, and
// what it allocates on ours is let through (platform/kafka/library_call.hpp).
#pragma once

#include <cstdint>

namespace runnel::test {

extern const bool allocations_are_counted;
// malloc, calloc, realloc and the aligned ones; operator new arrives here as malloc.
extern thread_local constinit std::uint64_t allocation_count;

// The name of what runs now, for the message. Must not allocate; may answer null.
using RunningComponent = const char* (*)();

// From here on an allocation is a defect. With `abort_at_once` it ends the process; without, the
// first one after `arm` is printed and the rest only counted. `who` may be null.
void arm(bool abort_at_once, RunningComponent who);
// For what comes after the steady state: shutdown, the report of a test.
void disarm();

}  // namespace runnel::test
