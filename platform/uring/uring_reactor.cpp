#include "platform/uring/uring_reactor.hpp"

#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include "platform/uring/operation_flags.hpp"

namespace runnel::uring {

// Bundles came with Linux 6.10. Asked for only from 6.15 on, of which this other feature is the
// mark: no kernel between the two has been tried.
constexpr unsigned receives_bundles = (1U << 14) | (1U << 17);

UringReactor::UringReactor(const io_uring& ring, Tier tier, bool truncates, std::string description)
    : ring_(ring),
      tier_(tier),
      bundles_(tier == Tier::a && (ring.features & receives_bundles) == receives_bundles),
      truncates_(truncates),
      description_(std::move(description)) {
  datagram_shape_.msg_namelen = sizeof(sockaddr_in6);
}

UringReactor::~UringReactor() {
  // Nobody is told any more: whoever owned these has gone or will not ask again.
  while (finished_.take_front() != nullptr) {
  }
  for (BufferRing& buffers : pools_)
    if (buffers.attached()) buffers.detach(&ring_);
  io_uring_queue_exit(&ring_);
}

Instant UringReactor::now() const {
  timespec time;
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return instant_from_ns(std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec);
}

void UringReactor::submit(io::Operation& operation) {
  RUNNEL_ASSERT(operation.state != io::Operation::State::submitted);
  operation.state = io::Operation::State::submitted;
  operation.error = Error::none;
  operation.result = 0;
  operation.truncated = false;
  operation.driver_flags = 0;
  operation.driver_link.operation = &operation;
  if (linux_os::Moderation::is_prompt(operation.verb)) ++prompt_count_;
  moderation_.submitted(operation.verb);
  start(operation);
}

void UringReactor::cancel(io::Operation& operation) {
  if (operation.state != io::Operation::State::submitted) return;
  if (has(operation, done | cancel_wanted)) return;
  set(operation, cancel_wanted);
  if (has(operation, parked)) {
    operation.driver_link.unlink();
    --parked_count_;
    finish(operation, Error::cancelled);
  } else if (has(operation, waiting_for_stat)) {
    operation.driver_link.unlink();
    finish(operation, Error::cancelled);
  } else if (has(operation, to_park)) {
    clear(operation, to_park);
    finish(operation, Error::cancelled);
  } else if (operation.verb != io::Verb::close) {
    // A close that did not happen would leave a handle that nobody knows: it is let through.
    io_uring_sqe& request = next_request();
    io_uring_prep_cancel64(&request, reinterpret_cast<std::uintptr_t>(&operation), 0);
    io_uring_sqe_set_data(&request, nullptr);
  }
}

void UringReactor::poll(Instant until, io::CompletedList& completed) {
  while (true) {
    const bool more_to_arm = arm_parked();
    const Instant started = now();
    const bool may_wait = finished_.empty() && !more_to_arm && started < until;
    if (may_wait && prompt_count_ == 0) linux_os::rest(moderation_.take_rest(started, until));
    enter(may_wait, until);
    take_completions();
    const Instant ended = now();
    if (!finished_.empty()) {
      moderation_.turn_ends(ended);
      hand_over(completed);
      return;
    }
    if (ended >= until) return;
  }
}

void UringReactor::attach(io::BufferPool& pool) {
  for (std::size_t group = 0; group < pools_max; ++group) {
    if (pools_[group].attached()) continue;
    pools_[group].attach(pool, tier_ == Tier::a ? &ring_ : nullptr,
                         static_cast<std::uint16_t>(group));
    return;
  }
  RUNNEL_ASSERT(false && "more buffer pools than pools_max");
}

void UringReactor::detach(io::BufferPool& pool) { ring_of(pool).detach(&ring_); }

void UringReactor::recycle(io::BufferPool& pool, io::Buffer& buffer) {
  // Streams that ran out are armed at the next poll, all that are due together.
  ring_of(pool).give_back(buffer);
}

void UringReactor::discard(io::Handle handle) {
  if (handle == io::Handle::none) return;
  io_uring_sqe& request = next_request();
  io_uring_prep_close(&request, static_cast<int>(handle));
  io_uring_sqe_set_data(&request, nullptr);
}

std::size_t UringReactor::mapped_bytes() const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t rings = std::max(ring_.sq.ring_sz, ring_.cq.ring_sz);
  return align_up(rings, page) +
         align_up(std::size_t{ring_.sq.ring_entries} * sizeof(io_uring_sqe), page);
}

}  // namespace runnel::uring
