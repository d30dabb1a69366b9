// Receive buffers that the reactor fills without being told which one: the memory that idle
// connections do not need. A pool belongs to one source. Every buffer is either with the reactor
// (free to fill), queued on a stream, or leased to whoever took it from that queue; it goes back
// by Reactor::recycle, exactly once.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/list.hpp"
#include "base/region.hpp"
#include "io/address.hpp"

namespace runnel::io {

struct BufferTag;

struct Buffer : Link<BufferTag> {
  enum class State : std::uint8_t { with_reactor, filled, leased };

  std::byte* memory = nullptr;  // `buffer_bytes` of the pool
  std::byte* data = nullptr;    // what was received: inside `memory`
  std::uint32_t size = 0;
  std::uint16_t index = 0;
  std::uint16_t driver_slot = 0;  // for the driver: where in its own ring this buffer is
  State state = State::with_reactor;
  bool truncated = false;  // a datagram that was longer than the buffer
  Address peer;            // datagrams only

  Bytes bytes() const { return {data, size}; }
};

class BufferPool {
 public:
  // `count` is a power of two, at most 4096. Datagram pools lose `datagram_overhead` bytes of each
  // buffer to the reactor's own header.
  static BufferPool carve(Region& region, std::uint32_t count, std::uint32_t buffer_bytes,
                          const char* what);
  static constexpr std::uint32_t datagram_overhead = 128;

  BufferPool() = default;
  // Null memory on a measuring region: then nothing of this may be used.
  std::span<Buffer> buffers() const { return buffers_; }
  std::uint32_t buffer_bytes() const { return buffer_bytes_; }
  // Scratch for the driver's own ring over this pool (page aligned; 16 bytes a buffer).
  MutableBytes driver_area() const { return driver_area_; }

  // For drivers. Which group or ring this pool is; set by Reactor::attach.
  std::uint16_t driver_group = 0;

 private:
  std::span<Buffer> buffers_;
  MutableBytes memory_;
  MutableBytes driver_area_;
  std::uint32_t buffer_bytes_ = 0;
};

}  // namespace runnel::io
