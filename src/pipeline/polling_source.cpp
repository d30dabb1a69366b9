#include "async/sleep.hpp"
#include "base/log.hpp"
#include "pipeline/retry.hpp"
#include "pipeline/source.hpp"

namespace runnel::pipeline {

using async::Scope;
using async::Task;

namespace {

Task<void> cancel_on_stop(StopRequest& stop, Scope& work) {
  const Status stopped = co_await stop.wait();
  if (stopped) work.cancel();
}

}  // namespace

// A stop cancels the polling wherever it waits: nothing is lost, because checkpoints stay behind.
Task<void> PollingSource::run() {
  Scope& outer = *co_await async::current_scope();
  Scope polling(outer, context_.name);
  Scope watching(outer, context_.name);
  polling.spawn(poll_on(polling));
  watching.spawn(cancel_on_stop(context_.stop, polling));
  co_await polling.join();
  watching.cancel();
  co_await watching.join();
}

Task<void> PollingSource::poll_on(Scope& polling) {
  std::uint64_t seed = 0;
  context_.system.entropy(std::as_writable_bytes(std::span(&seed, 1)));
  Backoff backoff({.first = 100ms, .longest = 10s}, seed | 1);
  while (!polling.cancelled() && !exhausted()) {
    const auto put = co_await poll();
    if (!put) {
      if (put.error() == Error::cancelled) co_return;
      ++context_.counters.errors;
      const Duration pause = backoff.next();
      log_warn(context_.name, "poll failed: ", describe(put.error()), "; again in ",
               HumanDuration{pause});
      const Status slept = co_await async::sleep_until(after(context_.now(), pause));
      if (!slept) co_return;
      continue;
    }
    backoff.succeeded();
    // Even a source that always has more lets the others have their turn.
    if (*put > 0) {
      co_await async::yield();
      co_await context_.outlet.keep_lead_short(after(context_.now(), 100ms));
    } else if (!exhausted()) {
      co_await wait_for_work();
    }
  }
}

}  // namespace runnel::pipeline
