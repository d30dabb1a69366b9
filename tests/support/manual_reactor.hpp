// A reactor for tests of the runtime: time moves when it is told to, and operations complete when
// the test says so. Not a simulator of anything (that is platform/sim).
#pragma once

#include <vector>

#include "io/reactor.hpp"

namespace runnel::test {

class ManualReactor final : public io::Reactor {
 public:
  Instant now() const override { return now_; }
  void submit(io::Operation& operation) override {
    operation.state = io::Operation::State::submitted;
    submitted.push_back(&operation);
  }
  void cancel(io::Operation& operation) override { cancelled.push_back(&operation); }
  // Jumps to `until` when nothing has completed.
  void poll(Instant until, io::CompletedList& completed) override {
    if (completed_.empty() && until > now_ && until != never) now_ = until;
    completed.splice_back(completed_);
  }
  void attach(io::BufferPool&) override {}
  void detach(io::BufferPool&) override {}
  void recycle(io::BufferPool&, io::Buffer& buffer) override {
    buffer.state = io::Buffer::State::with_reactor;
    ++recycled;
  }
  void discard(io::Handle) override {}
  std::string_view description() const override { return "manual"; }

  void finish(io::Operation& operation, std::int32_t result, Error error = Error::none) {
    operation.state = io::Operation::State::completed;
    operation.result = result;
    operation.error = error;
    completed_.push_back(operation);
  }
  void yielded(io::Operation& operation) { completed_.push_back(operation); }

  std::vector<io::Operation*> submitted;
  std::vector<io::Operation*> cancelled;
  int recycled = 0;

 private:
  Instant now_ = instant_from_ns(1'000'000'000);
  io::CompletedList completed_;
};

}  // namespace runnel::test
