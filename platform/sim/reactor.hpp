// The simulator's Reactor: one process of one SimMachine. Operations begin at the poll after their
// submission, in the order of submission, and complete inside a poll. When nothing is ready the
// virtual clock jumps to the next event or to `until`; waiting for ever with nothing to come marks
// the world as stalled and returns.
//
// Several reactors may live in one world, each polled in turn by its own loop: a poll returns
// early, empty-handed, when another reactor has something to hand over or wanted to be woken by
// now.
//
// It checks its users: a handle that is not open, a close with operations in flight, a buffer given
// back twice or written to after it was given back are failed assertions. A buffer that comes back
// is filled with a pattern, so that reading it later shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/reactor.hpp"
#include "platform/sim/files.hpp"
#include "platform/sim/machine.hpp"
#include "platform/sim/network.hpp"
#include "platform/sim/world.hpp"

namespace runnel::sim {

inline constexpr std::byte recycled_pattern{0xDB};

class SimReactor final : public io::Reactor {
 public:
  explicit SimReactor(SimMachine& machine);
  SimReactor(SimWorld& world) : SimReactor(world.machine()) {}
  ~SimReactor() override;
  SimReactor(const SimReactor&) = delete;
  SimReactor& operator=(const SimReactor&) = delete;

  Instant now() const override { return world_.now(); }
  void submit(io::Operation& operation) override;
  void cancel(io::Operation& operation) override;
  void poll(Instant until, io::CompletedList& completed) override;
  void attach(io::BufferPool& pool) override;
  void detach(io::BufferPool& pool) override;
  void recycle(io::BufferPool& pool, io::Buffer& buffer) override;
  void discard(io::Handle handle) override;
  std::string_view description() const override { return description_; }

  // The next `count` operations of this verb, after `skip` that pass, fail with `error` when they
  // begin.
  void fail_next(io::Verb verb, Error error, std::uint32_t count = 1, std::uint32_t skip = 0);
  void end_scripts() { scripts_.clear(); }
  std::uint32_t in_flight() const { return in_flight_; }
  // Somebody has to poll: something is ready, or has been submitted and not begun.
  bool wants_poll() const { return !ready_.empty() || !requests_.empty(); }
  std::uint64_t operations_completed() const { return operations_completed_; }
  // Of times a stream found its pool empty: a coverage mark.
  std::uint64_t times_parked() const { return times_parked_; }
  std::uint64_t cancels_too_late() const { return cancels_too_late_; }

  // The process has died: every operation is forgotten and idle. Files' operations in flight have
  // happened or not, as the seed says.
  void abandon();

  // --- for the other parts of the simulator ------------------------------------------------------
  io::Operation& operation(std::uint32_t slot) { return *slots_[slot].operation; }
  SimMachine& machine() { return machine_; }
  // The result is there: hands it over after the completion delay. The slot no longer waits.
  void finish(std::uint32_t slot, Error error, std::int32_t result = 0);
  // Streams: asks for an event at which `SimNetwork::fill` runs.
  void want_fill(std::uint32_t slot);
  // A free buffer for this stream, or null: then the stream is parked.
  io::Buffer* take_buffer(std::uint32_t slot);
  // Streams: something was put into `filled`.
  void yield(std::uint32_t slot);
  void finish_stream(std::uint32_t slot, Error error);
  void on_event(std::uint32_t slot, std::uint32_t generation);
  bool has_ready() { return !ready_.empty(); }
  // The instant at which the world has to stop for this reactor's loop. One that is due but that
  // nobody polls any more (its loop has ended) holds up the others only for a few of their polls.
  Instant wants() {
    const Instant due = has_ready() ? world_.now() : wanted_;
    if (due > world_.now()) return due;
    return ++passed_over_ > passed_over_max ? never : due;
  }

 private:
  struct Slot {
    io::Operation* operation = nullptr;
    std::uint32_t generation = 1;
    bool begun = false;
    bool scheduled = false;  // an event will come for it
    bool finished = false;   // its result is decided
    bool parked = false;     // a stream without buffers
    bool armed = false;      // a stream whose turn it is to take a buffer that came back
    bool is_file = false;
    bool counted = false;  // in its handle's `in_flight`
    bool waits_on_socket = false;
    Error fault = Error::none;
    SocketId socket;
    WaitQueue* queue = nullptr;  // of a watcher or of signals
    SyncPoint sync;
  };
  struct Request {
    std::uint32_t slot;
    std::uint32_t generation;
    bool is_cancel;
  };
  struct Pool {
    io::BufferPool* pool = nullptr;
    std::vector<io::Buffer*> free;
    std::vector<std::uint32_t> parked;  // streams' slots, oldest first
    std::size_t armed = 0;
  };
  struct Script {
    io::Verb verb;
    Error error;
    std::uint32_t count;
    std::uint32_t skip;
  };

  void begin_requests();
  void begin(std::uint32_t slot);
  void begin_ready(std::uint32_t slot, SimMachine::Entry& entry);
  void stop_waiting(std::uint32_t slot);
  void perform(std::uint32_t slot);
  void perform_read(io::Operation& operation, Inode inode);
  void perform_write(io::Operation& operation, Inode inode);
  void perform_open(io::Operation& operation);
  Error drawn_fault(const io::Operation& operation);
  Range latency_of(io::Verb verb) const;
  void complete(std::uint32_t slot);
  void schedule(std::uint32_t slot, Duration later);
  void unpark(Pool& pool);
  void end_turn(std::uint32_t slot);
  void hand_over(io::CompletedList& completed);
  void release(std::uint32_t slot);
  Pool& pool_of(const io::BufferPool& pool);
  void settle_abandoned(io::Operation& operation);
  bool has_handle(const io::Operation& operation) const;

  SimMachine& machine_;
  SimWorld& world_;
  std::uint32_t id_;
  std::string description_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Request> requests_, beginning_;
  io::CompletedList ready_;
  std::vector<Pool> pools_;
  std::vector<Script> scripts_;
  static constexpr std::uint32_t passed_over_max = 16;
  Instant wanted_ = never;
  std::uint32_t passed_over_ = 0;  // since its last poll
  std::uint32_t in_flight_ = 0;
  std::uint64_t operations_completed_ = 0;
  std::uint64_t times_parked_ = 0;
  std::uint64_t cancels_too_late_ = 0;
};

}  // namespace runnel::sim
