// Receiving into buffers of a pool without waiting: what the drivers do for streams when the kernel
// does not fill buffers by itself.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.hpp"
#include "io/buffer_pool.hpp"
#include "io/operation.hpp"

namespace runnel::linux_os {

// What has arrived, with one system call: bytes of a stream, which fill one buffer after the other,
// or datagrams, one in each. Sets data, size, peer and truncated of the first ones; answers how
// many, never 0. `would_block`; `closed` at the end of a byte stream; otherwise what the socket
// says, which after a first datagram waits for the next call. `capacity` is at most the pool's
// `buffer_bytes`.
inline constexpr std::uint32_t buffers_a_call = 32;
Result<std::uint32_t> receive_into(io::Verb verb, int descriptor,
                                   std::span<io::Buffer* const> buffers, std::uint32_t capacity);

}  // namespace runnel::linux_os
