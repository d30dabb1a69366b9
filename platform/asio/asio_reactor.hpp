// The reactor where io_uring is missing or forbidden: epoll by way of standalone Asio, used for
// readiness only. Operations wait in intrusive lists per descriptor and direction and are carried
// out with non-blocking calls when it is ready. Regular files are read and written in poll, in
// pieces of at most 1 MiB and at most `file_bytes_a_turn` a turn; syncs go through Linux AIO.
// A handle that was ever submitted is closed by Verb::close or `discard`, never behind its back.
#pragma once

#include <memory>
#include <string_view>

#include "base/region.hpp"
#include "base/text.hpp"
#include "io/reactor.hpp"
#include "platform/asio/aio_sync.hpp"
#include "platform/asio/readiness.hpp"
#include "platform/asio/slot.hpp"
#include "platform/linux/moderation.hpp"

namespace runnel::asio_driver {

struct PoolTag;

// A pool's free buffers, and the streams that wait for one, oldest first.
struct PoolState : Link<PoolTag> {
  io::BufferPool* pool = nullptr;
  List<io::Buffer, io::BufferTag> free;
  List<Direction, ParkedTag> parked;
};

struct AsioOptions {
  bool without_aio = false;  // syncs in place, as where Linux AIO is refused
};

struct AsioMemory {
  SlotTable slots;
  std::span<PoolState> pools;
};

class AsioReactor final : public io::Reactor {
 public:
  static constexpr std::uint32_t pools_max = 128;
  static constexpr std::uint32_t file_bytes_a_turn = 4 * 1024 * 1024;
  static constexpr std::uint32_t file_calls_a_turn = 64;
  static constexpr std::uint32_t calls_a_turn = 16;  // of one direction of one descriptor
  // Of one stream. A socket with more than that is served again in the next turn, which does not
  // wait.
  static constexpr std::uint32_t buffers_a_turn = 32;

  // `handles_max` bounds descriptor numbers: a handle past it fails with `too_many_handles` when it
  // would have to wait. Asio's own state, about 150 bytes a handle, comes from the heap at start.
  static AsioMemory carve(Region& region, std::uint32_t handles_max);
  // Start-up only. The memory must outlive the reactor, and be that of no other one before.
  static Built<std::unique_ptr<AsioReactor>> create(const AsioMemory& memory,
                                                    const AsioOptions& options = {});
  ~AsioReactor() override;

  Instant now() const override;
  void submit(io::Operation& operation) override;
  void cancel(io::Operation& operation) override;
  void poll(Instant until, io::CompletedList& completed) override;
  void attach(io::BufferPool& pool) override;
  void detach(io::BufferPool& pool) override;
  void recycle(io::BufferPool& pool, io::Buffer& buffer) override;
  void discard(io::Handle handle) override;
  std::string_view description() const override { return description_.text(); }

 private:
  using OperationList = List<io::Operation, io::OperationTag>;
  // Where a submitted operation is (Operation::driver_flags).
  enum Place : std::uint32_t { queued, waiting, running, streaming };

  AsioReactor(const AsioMemory& memory, const AsioOptions& options,
              std::unique_ptr<Readiness> readiness);

  void finish(io::Operation& operation);
  void finish(io::Operation& operation, Error error);
  void finish_made(io::Operation& operation);
  void hand_over(io::StreamOperation& stream);
  int close_now(int descriptor);  // errno

  void begin_submitted();
  void begin(io::Operation& operation);
  void begin_waiting(io::Operation& operation);
  void begin_sync(io::Operation& operation);
  void begin_stream(io::StreamOperation& stream);
  void end_stream(Direction& direction, Error error);

  void want(Slot& slot, Direction& direction);
  void attend_ready();
  void attend(Direction& direction);
  void fail_all(Direction& direction, Error error);
  void work_on_files();
  bool waits_behind_others(const io::Operation& operation);
  void collect_syncs();

  // What one receive came to: there may be more, there is nothing more now, the stream is over.
  enum class Served : std::uint8_t { more, drained, ended };
  Served receive(Direction& direction, PoolState& state, std::uint32_t& buffers_left);
  Served refused(Direction& direction, Error error);
  void yield_buffer(io::StreamOperation& stream, io::Buffer& buffer);
  void serve_again(Direction& direction);
  void serve_stream(Direction& direction);
  void serve_parked();
  PoolState& state_of(io::BufferPool& pool);

  linux_os::Moderation moderation_;
  SlotTable slots_;
  std::span<PoolState> pools_;
  std::unique_ptr<Readiness> readiness_;
  AioSync aio_;

  OperationList submitted_;            // not looked at yet
  OperationList files_;                // carried out in poll, in order
  OperationList syncs_;                // wait for a place in Linux AIO
  OperationList done_;                 // completed or yielded, in order
  List<PoolState, PoolTag> refilled_;  // pools with free buffers and parked streams
  Text<128> description_;
};

}  // namespace runnel::asio_driver
