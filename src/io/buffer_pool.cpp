#include "io/buffer_pool.hpp"

namespace runnel::io {

BufferPool BufferPool::carve(Region& region, std::uint32_t count, std::uint32_t buffer_bytes,
                             const char* what) {
  RUNNEL_ASSERT(count > 0 && count <= 4096 && (count & (count - 1)) == 0);
  BufferPool pool;
  pool.buffer_bytes_ = buffer_bytes;
  pool.buffers_ = region.array<Buffer>(count, "buffer nodes");
  pool.memory_ = region.bytes(std::size_t{count} * buffer_bytes, what);
  pool.driver_area_ = region.bytes(std::size_t{count} * 16, "buffer ring", region.page_bytes());
  if (region.is_measuring()) return pool;
  for (std::uint32_t index = 0; index < count; ++index) {
    Buffer& buffer = pool.buffers_[index];
    buffer.memory = pool.memory_.data() + std::size_t{index} * buffer_bytes;
    buffer.index = static_cast<std::uint16_t>(index);
  }
  return pool;
}

}  // namespace runnel::io
