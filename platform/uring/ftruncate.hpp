// IORING_OP_FTRUNCATE (Linux 6.9), which liburing 2.3 does not know by name.
#pragma once

#include <cstdint>

#include <liburing.h>

namespace runnel::uring {

inline constexpr int operation_ftruncate = 55;

inline void prepare_ftruncate(io_uring_sqe& request, int descriptor, std::uint64_t size) {
  io_uring_prep_rw(operation_ftruncate, &request, descriptor, nullptr, 0, size);
}

}  // namespace runnel::uring
