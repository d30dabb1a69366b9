// A connection's or a datagram socket's incoming bytes, as leases on buffers of a pool. The kernel
// fills buffers while nobody looks, so `next` mostly finds one waiting.
//
// The stream starts at the first `next` and must be stopped (`co_await stream.stop()`) before it
// goes away, unless it has ended by itself: until then the kernel may write into the pool on its
// behalf.
#pragma once

#include <utility>

#include "async/scope.hpp"
#include "async/wait.hpp"
#include "io/operation.hpp"
#include "io/reactor.hpp"

namespace runnel::async {

// A filled buffer on loan. Goes back to the reactor at the end of its life.
class BufferLease {
 public:
  BufferLease() = default;
  BufferLease(io::Reactor& reactor, io::BufferPool& pool, io::Buffer& buffer)
      : reactor_(&reactor), pool_(&pool), buffer_(&buffer) {}
  BufferLease(BufferLease&& other) noexcept
      : reactor_(other.reactor_), pool_(other.pool_), buffer_(std::exchange(other.buffer_, {})) {}
  BufferLease& operator=(BufferLease&& other) noexcept {
    std::swap(reactor_, other.reactor_);
    std::swap(pool_, other.pool_);
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferLease() {
    if (buffer_ != nullptr) reactor_->recycle(*pool_, *buffer_);
  }
  const io::Buffer& operator*() const { return *buffer_; }
  const io::Buffer* operator->() const { return buffer_; }

 private:
  io::Reactor* reactor_ = nullptr;
  io::BufferPool* pool_ = nullptr;
  io::Buffer* buffer_ = nullptr;
};

class RecvStream : private io::StreamOperation {
 public:
  // `stream` is recv_stream or recv_from_stream.
  RecvStream(io::Verb stream, io::Handle handle, io::BufferPool& pool);
  ~RecvStream();

  // The next buffer, in order of arrival. `closed` at the end of the stream, when every buffer
  // before has been handed out.
  class [[nodiscard]] Next final : public Wait {
   public:
    Next(RecvStream& stream, Instant deadline) : Wait(deadline), stream_(stream) {}
    Result<BufferLease> await_resume();

   private:
    friend class RecvStream;
    void start() override;
    void abort() override;
    RecvStream& stream_;
  };
  Next next(Instant deadline = never) { return Next(*this, deadline); }
  bool has_next() const { return !arrived_.empty(); }
  // Ends a `next` that is waiting, as `cancelled`; the stream goes on. For owners that have to tell
  // their reader something.
  void wake();

  class [[nodiscard]] Stop final : public Wait {
   public:
    explicit Stop(RecvStream& stream) : stream_(stream) { shield(); }
    void await_resume();

   private:
    friend class RecvStream;
    void start() override;
    void abort() override {}  // shielded: never asked
    RecvStream& stream_;
  };
  Stop stop() { return Stop(*this); }

  // For the scheduler.
  static RecvStream& of(io::Operation& operation) {
    return static_cast<RecvStream&>(static_cast<io::StreamOperation&>(operation));
  }
  void handed_over();

 private:
  void give_back_arrived();

  mutable List<io::Buffer, io::BufferTag> arrived_;
  io::Reactor* reactor_ = nullptr;
  Next* next_ = nullptr;
  Stop* stop_ = nullptr;
};

}  // namespace runnel::async
