// Into the kernel and out of it: requests, completions and the hand-over.
#include <cerrno>

#include "platform/linux/errno.hpp"
#include "platform/uring/operation_flags.hpp"
#include "platform/uring/uring_reactor.hpp"

namespace runnel::uring {

io_uring_sqe& UringReactor::request_for(io::Operation& operation) {
  RUNNEL_ASSERT(!has(operation, in_kernel | done));
  io_uring_sqe& request = next_request();
  set(operation, in_kernel);
  return request;
}

// The ring of requests is filled here and given to the kernel in `poll`; only a full one goes
// earlier. The caller prepares the request and then sets its data.
io_uring_sqe& UringReactor::next_request() {
  // An old kernel takes no requests while completions overflow: then they are taken first. What
  // is left to fail is the kernel being out of memory.
  constexpr int attempts_max = 10'000;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (io_uring_sqe* request = io_uring_get_sqe(&ring_)) return *request;
    const int submitted = io_uring_submit(&ring_);
    if (submitted < 0 || io_uring_cq_ready(&ring_) > *ring_.cq.kring_entries / 2)
      take_completions();
  }
  RUNNEL_ASSERT(false && "the kernel takes no requests");
  __builtin_unreachable();
}

void UringReactor::enter(bool may_wait, Instant until) {
  int result = 0;
  if (!may_wait) {
    // A turn that neither asks nor waits costs no system call, unless the kernel says that it has
    // completions which only a call brings into the ring.
    const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
    if (io_uring_sq_ready(&ring_) == 0 &&
        (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0)
      return;
    result = io_uring_submit_and_get_events(&ring_);
  } else if (until == never) {
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, nullptr, nullptr);
  } else {
    // The kernel's timer stands still during a suspend, so it is asked for what is left of the
    // deadline; `poll` compares with the boot clock and asks again when it came too early.
    const std::int64_t left_ns = std::max<std::int64_t>(0, (until - now()).count());
    __kernel_timespec left = {};
    left.tv_sec = left_ns / 1'000'000'000;
    left.tv_nsec = left_ns % 1'000'000'000;
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &left, nullptr);
  }
  // EBUSY and EAGAIN: completions overflow or memory is short; the next turn tries again.
  RUNNEL_ASSERT(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY ||
                result == -EAGAIN || result == -ENOMEM);
}

void UringReactor::take_completions() {
  // Bounded, so that a flood of datagrams cannot keep the loop here. Each completion leaves the
  // ring before it is looked at: looking may make requests, which may come back here.
  std::uint32_t left = io_uring_cq_ready(&ring_);
  for (; left > 0 && io_uring_cq_ready(&ring_) > 0; --left) {
    const std::uint32_t head = *ring_.cq.khead;
    const io_uring_cqe completion = ring_.cq.cqes[head & *ring_.cq.kring_mask];
    io_uring_cq_advance(&ring_, 1);
    auto* operation =
        reinterpret_cast<io::Operation*>(static_cast<std::uintptr_t>(completion.user_data));
    // Of cancellations and discards nobody wants to know the outcome.
    if (operation != nullptr) on_completion(*operation, completion.res, completion.flags);
  }
}

void UringReactor::on_completion(io::Operation& operation, int result, std::uint32_t flags) {
  RUNNEL_ASSERT(has(operation, in_kernel));
  if (has(operation, polling)) {
    clear(operation, in_kernel | polling);
    if (result < 0) {
      finish(operation, linux_os::error_from_errno(-result));
    } else if (has(operation, cancel_wanted)) {
      // It became ready, but a cancelled operation must not start to wait anew.
      finish(operation, Error::cancelled);
    } else {
      attempt(operation);
    }
    return;
  }
  if (io::is_stream(operation.verb)) {
    on_stream_completion(static_cast<io::StreamOperation&>(operation), result, flags);
    return;
  }
  clear(operation, in_kernel);
  conclude(operation, result);
}

void UringReactor::finish(io::Operation& operation, Error error) {
  RUNNEL_ASSERT(!has(operation, in_kernel | done));
  operation.error = error;
  clear(operation, parked | waiting_for_stat);
  set(operation, done);
  queue(operation);
}

void UringReactor::queue(io::Operation& operation) {
  if (has(operation, queued)) return;
  set(operation, queued);
  finished_.push_back(operation.driver_link);
}

void UringReactor::hand_over(io::CompletedList& completed) {
  while (io::DriverLink* link = finished_.take_front()) {
    io::Operation& operation = *link->operation;
    clear(operation, queued);
    if (has(operation, done)) {
      operation.state = io::Operation::State::completed;
      if (linux_os::Moderation::is_prompt(operation.verb)) --prompt_count_;
    } else if (has(operation, to_park)) {
      clear(operation, to_park);
      park(static_cast<io::StreamOperation&>(operation));
    }
    completed.push_back(operation);
  }
}

}  // namespace runnel::uring
