// The bound of a stop: cancels a scope when its time has come.
#pragma once

#include "async/sleep.hpp"
#include "async/task.hpp"

namespace runnel::sources {

inline async::Task<void> end_at(async::Scope& bounded, Instant when) {
  const Status slept = co_await async::sleep_until(when);
  if (slept) bounded.cancel();
}

}  // namespace runnel::sources
