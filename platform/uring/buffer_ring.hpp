// The driver's side of one BufferPool: which buffers are free, and the streams that ran out of
// them. Where the kernel takes buffer rings (tier A) it picks the buffers itself, elsewhere the
// driver takes one when a socket is readable, so that an idle connection never holds a buffer.
#pragma once

#include <cstdint>

#include <liburing.h>

#include "io/buffer_pool.hpp"
#include "io/operation.hpp"

namespace runnel::uring {

class BufferRing {
 public:
  // `kernel_ring`: null means that the driver picks. A ring that the kernel refuses does the same.
  void attach(io::BufferPool& pool, io_uring* kernel_ring, std::uint16_t group);
  void detach(io_uring* kernel_ring);

  bool attached() const { return pool_ != nullptr; }
  // Does the kernel pick buffers of this pool?
  bool in_kernel() const { return kernel_buffers_ != nullptr; }
  std::uint16_t group() const { return group_; }
  std::uint32_t buffer_bytes() const { return pool_->buffer_bytes(); }
  std::uint32_t free() const { return free_count_; }

  // The kernel has taken this one. A number outside of the pool is a broken invariant.
  io::Buffer& taken_by_kernel(std::uint32_t index);
  // The one that it was given right behind `buffer`, which it has taken as well.
  io::Buffer& taken_behind(const io::Buffer& buffer);
  // Null when none is free.
  io::Buffer* take();
  void give_back(io::Buffer& buffer);

  // Streams that wait for a buffer, the one that has waited longest in front.
  io::DriverList parked;

 private:
  void add_to_kernel(io::Buffer& buffer);
  int mask() const {
    return io_uring_buf_ring_mask(static_cast<std::uint32_t>(pool_->buffers().size()));
  }

  io::BufferPool* pool_ = nullptr;
  io_uring_buf_ring* kernel_buffers_ = nullptr;
  List<io::Buffer, io::BufferTag> free_;
  std::uint32_t free_count_ = 0;
  std::uint16_t group_ = 0;
};

}  // namespace runnel::uring
