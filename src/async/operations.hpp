// The operations of the seam as awaitables. The awaiter IS the operation: it lies in the frame of
// whoever waits, nothing is allocated and nothing looked up. Buffers, paths and addresses must
// stay until the await has returned.
//
//   const auto received = co_await recv(handle, buffer, deadline);
//   if (!received) co_return received.error();
#pragma once

#include <type_traits>

#include "async/scheduler.hpp"
#include "async/scope.hpp"
#include "async/wait.hpp"
#include "io/operation.hpp"

namespace runnel::async {

class OperationWait : public Wait, public io::Operation {
 public:
  static OperationWait& of(io::Operation& operation) {
    return static_cast<OperationWait&>(operation);
  }
  void handed_over() { complete(io::Operation::error); }
  // Ends it as `timed_out`, if it has not completed by then.
  void expire() { rearm(scheduler().now()); }

 protected:
  OperationWait(const io::Request& request, Instant deadline)
      : Wait(deadline), Operation(request) {}

 private:
  void start() override { scheduler().reactor().submit(*this); }
  void abort() override { scheduler().reactor().cancel(*this); }
};

// T: std::uint32_t for bytes, io::Handle for a new handle, void for done.
template <class T>
class [[nodiscard]] IoWait final : public OperationWait {
 public:
  explicit IoWait(const io::Request& request, Instant deadline = never)
      : OperationWait(request, deadline) {}
  auto await_resume() const noexcept {
    if constexpr (std::is_void_v<T>) {
      return Status(Wait::error());
    } else {
      using Out = Result<T>;
      return Wait::error() == Error::none ? Out(static_cast<T>(result)) : Out(fail(Wait::error()));
    }
  }
};

// --- sockets -----------------------------------------------------------------------------------
IoWait<io::Handle> accept(io::Handle listener, io::Address& peer, Instant deadline = never);
// `path`: of a peer that is `local`.
IoWait<void> connect(io::Handle socket, io::Address& peer, Instant deadline = never,
                     const char* path = nullptr);
// 0 bytes: the peer closed.
IoWait<std::uint32_t> recv(io::Handle socket, MutableBytes into, Instant deadline = never);
// May be partial.
IoWait<std::uint32_t> send(io::Handle socket, Bytes bytes, Instant deadline = never);
IoWait<std::uint32_t> send_to(io::Handle socket, Bytes datagram, io::Address& peer,
                              Instant deadline = never);
IoWait<void> ready(io::Handle handle, Instant deadline = never);

// --- files -------------------------------------------------------------------------------------
IoWait<io::Handle> open(const char* path, io::OpenMode mode);
// May be partial; 0 bytes: end of file.
IoWait<std::uint32_t> read(io::Handle file, MutableBytes into, std::uint64_t offset);
IoWait<std::uint32_t> write(io::Handle file, Bytes bytes, std::uint64_t offset);
IoWait<void> sync(io::Handle file);
IoWait<void> truncate(io::Handle file, std::uint64_t size);
// [offset, offset + bytes) gets room on the disk, and the file grows to hold it.
IoWait<void> allocate(io::Handle file, std::uint64_t offset, std::uint32_t bytes);
IoWait<void> stat(const char* path, io::FileInfo& info);
IoWait<void> stat(io::Handle file, io::FileInfo& info);
IoWait<void> rename(const char* from, const char* to);
IoWait<void> rename_exclusive(const char* from, const char* to);  // `exists` instead of replacing
IoWait<void> unlink(const char* path);
IoWait<void> close(io::Handle handle);

}  // namespace runnel::async
