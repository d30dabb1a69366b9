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
      kernel_buffers_ = reinterpret_cast<io_uring_buf_ring*>(pool.driver_area().data());
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
  const auto count = static_cast<std::uint32_t>(pool_->buffers().size());
  io_uring_buf_ring_add(kernel_buffers_, buffer.memory, pool_->buffer_bytes(), buffer.index,
                        io_uring_buf_ring_mask(count), 0);
  io_uring_buf_ring_advance(kernel_buffers_, 1);
}

}  // namespace runnel::uring
