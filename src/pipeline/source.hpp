// The contract of sources. A passive source is a service: it listens, and its clients decide when
// data comes. An active source goes and fetches: it derives from PollingSource, whose runner owns
// cadence and back-off.
//
// Life: carve and construct, start, run, finish. One source object, used once.
#pragma once

#include "pipeline/context.hpp"

namespace runnel::pipeline {

class Source {
 public:
  virtual ~Source() = default;
  // Opens, listens, reads checkpoints. After a failure nothing else is called.
  virtual async::Task<Started> start() = 0;
  // Until a stop is requested (a passive source then stops accepting, reads what has already
  // arrived, within bounds, and closes) or, for an active one under --once, until its end. When its
  // scope is cancelled it ends at once.
  virtual async::Task<void> run() = 0;
  // After the sinks have shut: what custody allows is written down for the last time.
  virtual async::Task<void> finish() = 0;
};

class PollingSource : public Source {
 public:
  explicit PollingSource(SourceContext& context) : context_(context) {}

  // One bounded piece of work: how many events it put. 0: nothing to do for now.
  virtual async::Task<Result<std::uint32_t>> poll() = 0;
  // Until there may be work again, or `until`. Cancelled by a stop.
  virtual async::Task<void> wait_for_work() = 0;
  // Under --once: everything there was at start has been put.
  virtual bool exhausted() const = 0;

  async::Task<void> run() final;

 protected:
  SourceContext& context() const { return context_; }

 private:
  async::Task<void> poll_on(async::Scope& polling);

  SourceContext& context_;
};

}  // namespace runnel::pipeline
