// Receives that go on. With a buffer ring in the kernel one request receives until it is told not
// to; without one, each round is a poll and a few receives into buffers of the pool. A stream that
// finds no buffer is parked at its pool.
#include <algorithm>
#include <cerrno>
#include <span>

#include <netinet/in.h>

#include "platform/linux/address.hpp"
#include "platform/linux/errno.hpp"
#include "platform/linux/receiving.hpp"
#include "platform/uring/operation_flags.hpp"
#include "platform/uring/uring_reactor.hpp"

namespace runnel::uring {
namespace {

using io::Buffer;
using io::StreamOperation;
using io::Verb;

constexpr std::uint16_t receive_bundle = 1U
                                         << 4;  // IORING_RECVSEND_BUNDLE, unknown to liburing 2.3

static_assert(sizeof(io_uring_recvmsg_out) + sizeof(sockaddr_in6) <=
              io::BufferPool::datagram_overhead);

// The kernel puts its own header and the sender's address in front of a datagram.
void read_datagram(Buffer& buffer, std::uint32_t received) {
  constexpr std::uint32_t front = sizeof(io_uring_recvmsg_out) + sizeof(sockaddr_in6);
  RUNNEL_ASSERT(received >= front);
  const auto header = load<io_uring_recvmsg_out>(buffer.memory);
  buffer.data = buffer.memory + front;
  buffer.size = std::min(received - front, header.payloadlen);
  buffer.truncated = (header.flags & MSG_TRUNC) != 0;
  buffer.peer = linux_os::from_kernel(
      buffer.memory + sizeof(header),
      std::min<socklen_t>(header.namelen, static_cast<socklen_t>(sizeof(sockaddr_in6))));
}

}  // namespace

void UringReactor::arm(StreamOperation& stream) {
  const BufferRing& buffers = ring_of(*stream.pool);
  RUNNEL_ASSERT(buffers.attached());
  if (!buffers.in_kernel()) {
    wait_until_ready(stream);
    return;
  }
  io_uring_sqe& request = request_for(stream);
  const int fd = static_cast<int>(stream.handle);
  if (stream.verb == Verb::recv_stream) {
    io_uring_prep_recv_multishot(&request, fd, nullptr, 0, 0);
    if (bundles_) request.ioprio |= receive_bundle;
  } else {
    io_uring_prep_recvmsg_multishot(&request, fd, &datagram_shape_, 0);
  }
  request.flags |= IOSQE_BUFFER_SELECT;
  request.buf_group = buffers.group();
  io_uring_sqe_set_data(&request, &stream);
}

void UringReactor::receive_ready(StreamOperation& stream) {
  BufferRing& buffers = ring_of(*stream.pool);
  if (buffers.in_kernel()) {
    arm(stream);
    return;
  }
  const std::uint32_t capacity =
      buffers.buffer_bytes() -
      (stream.verb == Verb::recv_from_stream ? io::BufferPool::datagram_overhead : 0);
  // One call, few enough buffers that a busy sender cannot keep the others waiting.
  Buffer* taken[linux_os::buffers_a_call];
  std::uint32_t count = 0;
  while (count < linux_os::buffers_a_call && buffers.free() > 0) taken[count++] = buffers.take();
  if (count == 0) {
    park(stream);
    return;
  }
  const auto received = linux_os::receive_into(stream.verb, static_cast<int>(stream.handle),
                                               std::span(taken, count), capacity);
  const std::uint32_t filled = received ? *received : 0;
  for (std::uint32_t index = 0; index < filled; ++index) deliver(stream, *taken[index]);
  for (std::uint32_t index = filled; index < count; ++index) buffers.give_back(*taken[index]);
  if (received && buffers.free() == 0) {
    // It took the last one: whoever else waits for a buffer has the next.
    park(stream);
  } else if (received || received.error() == Error::would_block) {
    wait_until_ready(stream);
  } else {
    finish(stream, received.error());
  }
}

void UringReactor::on_stream_completion(StreamOperation& stream, int result, std::uint32_t flags) {
  BufferRing& buffers = ring_of(*stream.pool);
  const bool is_datagram = stream.verb == Verb::recv_from_stream;
  if ((flags & IORING_CQE_F_BUFFER) != 0) {
    Buffer& buffer = buffers.taken_by_kernel(flags >> IORING_CQE_BUFFER_SHIFT);
    if (result > 0 && is_datagram) {
      read_datagram(buffer, static_cast<std::uint32_t>(result));
      deliver(stream, buffer);
    } else if (result > 0) {
      deliver_bytes(stream, buffer, static_cast<std::uint32_t>(result));
    } else {
      buffers.give_back(buffer);
    }
  }
  if ((flags & IORING_CQE_F_MORE) != 0) return;

  clear(stream, in_kernel);
  const bool goes_on = result > 0 || result == -ENOBUFS || result == -EAGAIN || result == -EINTR;
  if (result == 0 && !is_datagram) {
    finish(stream, Error::closed);
  } else if (!goes_on) {
    finish(stream, result == 0 ? Error::closed : linux_os::error_from_errno(-result));
  } else if (has(stream, cancel_wanted)) {
    finish(stream, Error::cancelled);
  } else if (result == -ENOBUFS) {
    park(stream);
  } else if (result == -EAGAIN) {
    wait_until_ready(stream);
  } else {
    arm(stream);
  }
}

// A bundle fills one buffer after the other, in the order in which the kernel was given them.
void UringReactor::deliver_bytes(StreamOperation& stream, Buffer& first, std::uint32_t received) {
  BufferRing& buffers = ring_of(*stream.pool);
  for (Buffer* buffer = &first;; buffer = &buffers.taken_behind(*buffer)) {
    buffer->data = buffer->memory;
    buffer->size = std::min(received, buffers.buffer_bytes());
    buffer->truncated = false;
    buffer->peer = {};
    deliver(stream, *buffer);
    received -= buffer->size;
    if (received == 0) return;
  }
}

void UringReactor::deliver(StreamOperation& stream, Buffer& buffer) {
  moderation_.received(buffer.size);
  stream.filled->push_back(buffer);
  queue(stream);
}

void UringReactor::park(StreamOperation& stream) {
  if (has(stream, queued)) {
    // Its link is in use until what it received has been handed over.
    set(stream, to_park);
    return;
  }
  set(stream, parked);
  ring_of(*stream.pool).parked.push_back(stream.driver_link);
  ++parked_count_;
}

// Arms as many parked streams as there are buffers, the longest parked first: one that turns out to
// have nothing to receive does not use its buffer up. True when a further round is due, because
// buffers are free and streams still parked. Each stream is armed once for every time that it
// parks, and parks only when it meets an empty pool, so this ends.
bool UringReactor::arm_parked() {
  if (parked_count_ == 0) return false;
  bool more = false;
  for (BufferRing& buffers : pools_) {
    for (std::uint32_t left = buffers.free(); left > 0 && !buffers.parked.empty(); --left) {
      io::Operation& stream = *buffers.parked.pop_front().operation;
      --parked_count_;
      clear(stream, parked);
      arm(static_cast<StreamOperation&>(stream));
    }
    more = more || (buffers.free() > 0 && !buffers.parked.empty());
  }
  return more;
}

}  // namespace runnel::uring
