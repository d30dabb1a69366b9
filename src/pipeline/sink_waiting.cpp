// What a sink waits for before it takes a batch: its turn in the group, the window of its link, the
// end of its back-off.
#include <algorithm>

#include "async/sleep.hpp"
#include "base/log.hpp"
#include "base/mark.hpp"
#include "pipeline/group.hpp"
#include "pipeline/shared_link.hpp"
#include "pipeline/sink_runner.hpp"

namespace runnel::pipeline {

using async::Task;

// A ring that drops its oldest may have nothing left of it but what the runner has.
bool SinkRunner::can_be_given_back(const Batch& batch) const {
  return context_.group != nullptr && context_.group->has_others(context_.member) &&
         batch.comes_again();
}

// With what it has given back behind it.
Task<bool> SinkRunner::wait_for_turn() {
  Group& group = *context_.group;
  group.holds(context_.member, false);
  if (std::exchange(gives_back_, false)) {
    group.fails(context_.member);
    const bool again =
        co_await wait_to_retry(failed_, group.of_one_sink() ? "its other connections try"
                                                            : "the other sinks of its group go on");
    if (!again) co_return false;
    ++context_.counters.retries;
  }
  // Nobody else can go on with what is reserved for it.
  if (refusals_.any()) co_return true;
  bool waited = false;
  const Status turn = co_await group.turn(context_.member, waited);
  if (turn && waited && !context_.stop.requested())
    log_info(context_.name,
             "takes over from the sinks of its group that fail or whose link is shut");
  co_return turn.ok();
}

// When there is nothing more to take: what others of the group have in hand, they may hand back.
Task<bool> SinkRunner::more_comes_back(Error why) {
  if (why != Error::closed) co_return false;
  if (context_.subscription.has_returned()) co_return true;
  const Status others = co_await context_.group->others(context_.member);
  co_return others.ok();
}

// At a stop what nobody keeps goes out at once; what a store keeps is not given out any more.
Duration SinkRunner::link_opens_in() {
  if (context_.link == nullptr || context_.link->always_open()) return Duration::zero();
  context_.clock.refresh();
  if (context_.subscription.channel().closed()) return Duration::zero();
  return context_.link->opens_in();
}

// The others of its group go on meanwhile, over their links.
Task<bool> SinkRunner::wait_for_link() {
  // Not longer: the clock may be set meanwhile, and a channel is closed some time after the stop.
  constexpr Duration look = std::chrono::minutes(1);
  constexpr Duration look_at_stop = std::chrono::milliseconds(50);
  if (context_.group != nullptr) context_.group->fails(context_.member);
  for (bool told = false;; told = true) {
    const Duration wait = link_opens_in();
    if (wait == Duration::zero()) break;
    if (!told && context_.link->waits_for_next_month() && !context_.clock.is_set())
      log_warn(context_.name, "its link has carried what it may in a month; nobody knows when the ",
               "next one begins before the clock is set, events wait in the channel");
    else if (!told && context_.link->waits_for_next_month())
      log_warn(context_.name, "its link has carried what it may in a month; it opens in ",
               HumanDuration{wait}, ", events wait in the channel");
    else if (!told)
      log_info(context_.name, "the window of its link opens in ", HumanDuration{wait},
               "; events wait in the channel");
    Status woken;
    if (context_.stop.requested())
      woken = co_await async::sleep_until(after(context_.now(), look_at_stop));
    else
      woken = co_await context_.stop.wait(after(context_.now(), std::min(wait, look)));
    if (woken.error() == Error::cancelled) co_return false;
  }
  if (context_.group != nullptr) context_.group->delivers(context_.member);
  co_return true;
}

Task<bool> SinkRunner::wait_to_retry(const Delivery& delivery, std::string_view meanwhile) {
  const Duration pause = std::max(backoff_.next(), delivery.retry_after);
  if (complaint_.due(context_.now()))
    log_warn(context_.name, "cannot deliver: ", describe(delivery.error),
             delivery.reason.empty() ? "" : ": ", delivery.reason, "; attempt ",
             backoff_.attempts(), ", again in ", HumanDuration{pause}, "; ", meanwhile);
  const Instant until = after(context_.now(), pause);
  if (context_.stop.requested()) {
    const Status slept = co_await async::sleep_until(until);
    co_return slept.ok();
  }
  const Status stopping = co_await context_.stop.wait(until);
  if (stopping) passed(Seldom::retry_at_stop);
  co_return stopping.ok() || stopping.error() == Error::timed_out;
}

}  // namespace runnel::pipeline
