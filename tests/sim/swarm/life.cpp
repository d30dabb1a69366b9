#include "tests/sim/swarm/life.hpp"

#include "base/text.hpp"

namespace runnel::swarm {

Life::Life(sim::SimMachine& machine, const agent::Settings& settings,
           const agent::MeasuredParts& measured)
    : machine_(machine),
      reactor_(std::make_unique<WatchedReactor>(machine)),
      system_(machine),
      measured_(measured),
      mapped_before_(machine.mapped_bytes()) {
  const Inside inside;
  agent_ = new agent::Agent(settings, measured, *reactor_, system_,
                            {.once = false, .live_status = false});
}

Life::~Life() { RUNNEL_ASSERT(agent_ == nullptr); }

bool Life::begin() {
  const Inside inside;
  const auto ready = agent_->prepare();
  if (!ready) return false;
  agent_->begin(0, seal_heap);
  return true;
}

void Life::turn(Instant until) {
  const Inside inside;
  agent_->turn(until);
}

void Life::read_counters(LifeFacts& into) const {
  const agent::Assembly& parts = agent_->parts();
  for (const auto& part : parts.sources) into.sources.push_back(part.counters);
  for (const auto& part : parts.sinks) into.sinks.push_back(part.counters);
  for (const auto& part : parts.channels)
    into.channels.push_back(part.channel == nullptr ? pipeline::ChannelCounters()
                                                    : part.channel->counters());
}

std::uint64_t Life::sent_events(std::size_t sink) const {
  const auto& sinks = agent_->parts().sinks;
  return sink < sinks.size() ? sinks[sink].counters.sent_events : 0;
}

pipeline::Channel* Life::channel(std::size_t index) const {
  const auto& channels = agent_->parts().channels;
  return index < channels.size() ? channels[index].channel : nullptr;
}

pipeline::Position Life::watermark(std::size_t sink) const {
  const auto& sinks = agent_->parts().sinks;
  const bool built = sink < sinks.size() && sinks[sink].context != nullptr;
  return built ? sinks[sink].context->subscription.watermark() : 0;
}

void Life::end() {
  unseal_heap();
  allocations_ = take_allocations_after_start();
  operations_ = reactor_->simulated().operations_completed();
}

void Life::take_apart(Checker& checker) {
  end();
  const bool started = agent_->started();
  const std::uint32_t in_flight = reactor_->simulated().in_flight();
  if (in_flight > 0)
    checker.report(Verdict::leaked, concat(in_flight, " operations are in flight after the end"));
  const std::size_t mapped = machine_.mapped_bytes() - mapped_before_;
  if (mapped > measured_.bytes())
    checker.report(Verdict::memory,
                   concat("the plan has ", measured_.bytes(), " bytes, it took ", mapped));
  {
    const Inside inside;
    delete agent_;
  }
  agent_ = nullptr;
  reactor_.reset();
  if (const std::uint64_t blocks = free_what_is_left(); blocks > 0)
    checker.report(Verdict::leaked, concat(blocks, " blocks of the heap were not given back"));
  // The signals' handle is the process's own. Who did not start leaves the rest to the kernel.
  if (const std::uint32_t handles = machine_.open_handles(); handles > 1 && started)
    checker.report(Verdict::leaked, concat(handles - 1, " handles are open after the end"));
  // The process ends.
  machine_.kill();
}

void Life::bury() {
  end();
  agent_ = nullptr;
  reactor_.reset();
  (void)free_what_is_left();
}

}  // namespace runnel::swarm
