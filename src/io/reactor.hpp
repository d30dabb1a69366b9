// The seam between Runnel and the machine while data flows. It knows nothing of coroutines, so a
// driver never resumes anything. One thread. Drivers: platform/uring, platform/asio, platform/sim;
// all pass tests/contract unedited.
#pragma once

#include <string_view>

#include "base/list.hpp"
#include "base/time.hpp"
#include "io/operation.hpp"

namespace runnel::io {

using CompletedList = List<Operation, OperationTag>;

class Reactor {
 public:
  virtual ~Reactor() = default;

  // Time since boot, suspends included. Costs a few nanoseconds (vDSO).
  virtual Instant now() const = 0;

  // Takes an idle or completed operation. Never fails (a failure is a completion) and never
  // completes before it returns.
  virtual void submit(Operation& operation) = 0;

  // A request only: the operation still completes exactly once, as `cancelled` or with whatever it
  // had come to. Nothing happens when it is not submitted. File operations that are already running
  // complete normally.
  virtual void cancel(Operation& operation) = 0;

  // Hands over everything that has completed or yielded, in the order it did. The only call that
  // may block: until something completes or `until` has come (an Instant that has passed: not at
  // all). Submissions go to the kernel here, all at once.
  virtual void poll(Instant until, CompletedList& completed) = 0;

  // Start-up only. The pool must outlive the reactor's last stream over it.
  virtual void attach(BufferPool& pool) = 0;
  // Start-up or after the last stream over the pool has completed.
  virtual void detach(BufferPool& pool) = 0;
  // Gives a leased buffer back and arms a stream that had run out, oldest first.
  virtual void recycle(BufferPool& pool, Buffer& buffer) = 0;

  // Closes without a word: for owners that go out of scope. No operation on it may be in flight.
  virtual void discard(Handle handle) = 0;

  // For the log at start: "io_uring tier A: multishot receive, buffer rings (kernel 6.1)".
  virtual std::string_view description() const = 0;
};

}  // namespace runnel::io
