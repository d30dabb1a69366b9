// The reactor on io_uring. Tier A (Linux 6.1): completions run only inside `poll`, streams are
// multishot receives into buffer rings. Tier B (Linux 5.11): single requests, streams are a poll
// and a receive when something is there. One thread, one io_uring_enter a turn.
//
// Nothing is allocated after `create`, except that the kernel keeps completions which do not fit
// into its ring. An operation has at most one request in the kernel at any time (a cancellation of
// it aside), and is handed over only after the last completion of that request.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include <liburing.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "io/reactor.hpp"
#include "platform/linux/moderation.hpp"
#include "platform/uring/buffer_ring.hpp"

namespace runnel::uring {

struct UringOptions {
  bool force_tier_b = false;
};

enum class Tier : char { a = 'A', b = 'B' };

class UringReactor final : public io::Reactor {
 public:
  // The problem says why this machine refuses: the caller takes the asio driver then.
  static Built<std::unique_ptr<UringReactor>> create(const UringOptions& options = {});
  ~UringReactor() override;
  UringReactor(const UringReactor&) = delete;
  UringReactor& operator=(const UringReactor&) = delete;

  Instant now() const override;
  void submit(io::Operation& operation) override;
  void cancel(io::Operation& operation) override;
  void poll(Instant until, io::CompletedList& completed) override;
  void attach(io::BufferPool& pool) override;
  void detach(io::BufferPool& pool) override;
  void recycle(io::BufferPool& pool, io::Buffer& buffer) override;
  void discard(io::Handle handle) override;
  std::string_view description() const override { return description_; }

  Tier tier() const { return tier_; }
  // What the kernel shares with this process for the rings: for the memory plan.
  std::size_t mapped_bytes() const;

  static constexpr std::size_t pools_max = 64;

 private:
  UringReactor(const io_uring& ring, Tier tier, bool truncates, std::string description);

  // verbs.cpp: from an operation to a request of the kernel, and back to its outcome.
  void start(io::Operation& operation);
  void start_stat(io::Operation& operation);
  void wait_until_ready(io::Operation& operation);
  void attempt(io::Operation& operation);
  void conclude(io::Operation& operation, int result);

  // completions.cpp
  io_uring_sqe& request_for(io::Operation& operation);
  io_uring_sqe& next_request();
  void enter(bool may_wait, Instant until);
  void take_completions();
  void on_completion(io::Operation& operation, int result, std::uint32_t flags);
  void finish(io::Operation& operation, Error error);
  void queue(io::Operation& operation);
  void hand_over(io::CompletedList& completed);

  // streams.cpp
  void arm(io::StreamOperation& stream);
  void receive_ready(io::StreamOperation& stream);
  void on_stream_completion(io::StreamOperation& stream, int result, std::uint32_t flags);
  void deliver_bytes(io::StreamOperation& stream, io::Buffer& first, std::uint32_t received);
  void deliver(io::StreamOperation& stream, io::Buffer& buffer);
  void park(io::StreamOperation& stream);
  bool arm_parked();
  BufferRing& ring_of(const io::BufferPool& pool) { return pools_[pool.driver_group]; }

  io_uring ring_;
  const Tier tier_;
  const bool bundles_;    // one receive may fill several buffers
  const bool truncates_;  // the kernel has IORING_OP_FTRUNCATE
  const std::string description_;

  linux_os::Moderation moderation_;
  std::uint32_t prompt_count_ = 0;  // operations here whose outcome somebody waits for

  io::DriverList finished_;  // completed or yielded, not handed over yet, in that order

  std::array<BufferRing, pools_max> pools_;
  std::size_t parked_count_ = 0;
  msghdr datagram_shape_ = {};  // what every multishot recvmsg asks for: the sender's address

  // statx writes into memory of the caller's; these are few because a stat waits for nobody.
  static constexpr std::size_t stats_max = 16;
  std::array<struct statx, stats_max> stats_ = {};
  std::uint32_t stats_free_ = (1U << stats_max) - 1;
  io::DriverList waiting_for_stat_;
};

}  // namespace runnel::uring
