#include "platform/uring/buffer_ring.hpp"

namespace runnel::uring {

void BufferRing::attach(io::BufferPool& pool, io_uring* kernel_ring, std::uint16_t group) {
  RUNNEL_ASSERT(pool_ == nullptr);
  pool_ = &pool;
  group_ = group;
  pool.driver_group = group;
  const auto count = static_cast<std::uint32_t>(pool.buffers().size());
  if (kernel_ring != nullptr) {
    io_uring_buf_reg registration = {};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(pool.driver_area().data());
    registration.ring_entries = count;
    registration.bgid = group;
    if (io_uring_register_buf_ring(kernel_ring, &registration, 0) == 0) {
      void* area = pool.driver_area().data();  // page aligned, or the kernel had refused it
      kernel_buffers_ = static_cast<io_uring_buf_ring*>(area);
      io_uring_buf_ring_init(kernel_buffers_);
    }
  }
  for (io::Buffer& buffer : pool.buffers()) {
    RUNNEL_ASSERT(!buffer.linked());
    buffer.state = io::Buffer::State::leased;
    give_back(buffer);
  }
}

void BufferRing::detach(io_uring* kernel_ring) {
  RUNNEL_ASSERT(pool_ != nullptr && parked.empty());
  if (kernel_buffers_ != nullptr) io_uring_unregister_buf_ring(kernel_ring, group_);
  while (free_.take_front() != nullptr) {
  }
  kernel_buffers_ = nullptr;
  pool_ = nullptr;
  free_count_ = 0;
}

io::Buffer& BufferRing::taken_by_kernel(std::uint32_t index) {
  RUNNEL_ASSERT(index < pool_->buffers().size());
  io::Buffer& buffer = pool_->buffers()[index];
  RUNNEL_ASSERT(buffer.state == io::Buffer::State::with_reactor && free_count_ > 0);
  --free_count_;
  buffer.state = io::Buffer::State::filled;
  return buffer;
}

io::Buffer* BufferRing::take() {
  io::Buffer* buffer = free_.take_front();
  if (buffer == nullptr) return nullptr;
  --free_count_;
  buffer->state = io::Buffer::State::filled;
  return buffer;
}

void BufferRing::give_back(io::Buffer& buffer) {
  RUNNEL_ASSERT(buffer.state != io::Buffer::State::with_reactor);
  buffer.state = io::Buffer::State::with_reactor;
  ++free_count_;
  if (in_kernel()) {
    add_to_kernel(buffer);
  } else {
    free_.push_back(buffer);
  }
}

void BufferRing::add_to_kernel(io::Buffer& buffer) {
  buffer.driver_slot = kernel_buffers_->tail;
  io_uring_buf_ring_add(kernel_buffers_, buffer.memory, pool_->buffer_bytes(), buffer.index, mask(),
                        0);
  io_uring_buf_ring_advance(kernel_buffers_, 1);
}

// The entry is still what was written there: the ring has as many entries as there are buffers, and
// this buffer has not been given back since.
io::Buffer& BufferRing::taken_behind(const io::Buffer& buffer) {
  const int slot = (buffer.driver_slot + 1) & mask();
  return taken_by_kernel(kernel_buffers_->bufs[slot].bid);
}

}  // namespace runnel::uring
