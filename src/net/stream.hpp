// A connected byte stream: TCP, Unix or TLS, all alike to who uses it.
//
// One task may read while another writes; never two of a kind. Deadlines are instants of the
// scheduler's clock; cancelling the scope ends a read or write as `cancelled`. After any error but
// a read's `timed_out` nothing more can be done with it than `close`.
#pragma once

#include <cstdint>

#include "async/task.hpp"
#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/time.hpp"

namespace runnel::net {

// What went over the network for a stream, since it was connected: headers of TLS included, those
// of TCP and IP not.
struct Traffic {
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;

  // 1 to `into.size()` bytes. `closed`: the peer has ended the stream in order.
  virtual async::Task<Result<std::uint32_t>> read(MutableBytes into, Instant deadline) = 0;
  // All of it is with the kernel, or an error (how much of it went out is not known then).
  virtual async::Task<Status> write(Bytes bytes, Instant deadline) = 0;
  // Says goodbye where the protocol has one (TLS: close_notify). Not needed before `close`.
  virtual async::Task<Status> shut(Instant deadline) = 0;
  // Ends it at once. No read or write may be under way. Nothing happens when it is closed.
  virtual void close() = 0;
  virtual bool is_open() const = 0;
  virtual const Traffic& traffic() const = 0;
};

}  // namespace runnel::net
