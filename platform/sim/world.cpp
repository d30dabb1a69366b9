#include "platform/sim/world.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "platform/sim/machine.hpp"
#include "platform/sim/network.hpp"
#include "platform/sim/reactor.hpp"

namespace runnel::sim {
namespace {

constexpr Duration first_wall_time = 1'700'000'000s;  // 2023-11-14T22:13:20Z
// A program that polls for ever although nothing can come would spin; this many and it is over.
constexpr std::uint32_t stalls_in_a_row_max = 1000;

bool later(const Event& one, const Event& other) {
  return one.at != other.at ? one.at > other.at : one.order > other.order;
}

}  // namespace

SimWorld::SimWorld(std::uint64_t seed, const SimOptions& options)
    : seed_(seed),
      options_(options),
      schedule_random_(seed),
      fault_random_(schedule_random_.fork()),
      entropy_random_(schedule_random_.fork()),
      wall_offset_(first_wall_time),
      trace_(seed),
      network_(std::make_unique<SimNetwork>(*this)) {
  add_machine("simulated");
}

SimWorld::~SimWorld() = default;

SimMachine& SimWorld::add_machine(const std::string& host_name) {
  const auto index = static_cast<std::uint32_t>(machines_.size());
  RUNNEL_ASSERT(index < 250);
  machines_.push_back(std::make_unique<SimMachine>(*this, index, host_name));
  return *machines_.back();
}

void SimWorld::end_faults() {
  for (PerMillion* rate : {&options_.read_errors, &options_.write_errors, &options_.sync_errors,
                           &options_.space_errors, &options_.entry_errors, &options_.stream_resets,
                           &options_.datagram_loss, &options_.handle_errors, &options_.name_delays,
                           &options_.name_silence, &options_.name_failures, &options_.name_denials,
                           &options_.name_lies})
    *rate = 0;
  for (SimReactor* reactor : reactors_)
    if (reactor != nullptr) reactor->end_scripts();
  network_->heal();
}

void SimWorld::raise(io::Signal signal) { machine().raise(signal); }

void SimWorld::schedule(Event event) {
  RUNNEL_ASSERT(event.at >= now_ && event.at != never);
  event.order = next_order_++;
  if (options_.shuffle) event.order |= schedule_random_.below(1 << 24) << 40;
  events_.push_back(event);
  std::push_heap(events_.begin(), events_.end(), later);
}

void SimWorld::at(Instant when, std::function<void()> deed) {
  std::uint32_t index;
  if (free_deeds_.empty()) {
    index = static_cast<std::uint32_t>(deeds_.size());
    deeds_.emplace_back();
  } else {
    index = free_deeds_.back();
    free_deeds_.pop_back();
  }
  deeds_[index] = std::move(deed);
  Event event;
  event.at = std::max(when, now_);
  event.kind = EventKind::callback;
  event.index = index;
  schedule(event);
}

void SimWorld::advance_to(Instant when) { now_ = std::max(now_, when); }

void SimWorld::run_due() {
  while (!events_.empty() && events_.front().at <= now_) {
    std::pop_heap(events_.begin(), events_.end(), later);
    const Event event = events_.back();
    events_.pop_back();
    dispatch(event);
  }
}

void SimWorld::run_for(Duration duration) {
  const Instant end = after(now_, duration);
  while (next_event() <= end) {
    advance_to(next_event());
    run_due();
  }
  advance_to(end);
}

void SimWorld::dispatch(const Event& event) {
  ++events_handled_;
  fold(static_cast<std::uint64_t>(event.at.time_since_epoch().count()));
  fold(static_cast<std::uint64_t>(event.kind) << 56 | std::uint64_t{event.who} << 32 | event.index);
  switch (event.kind) {
    case EventKind::operation:
      if (SimReactor* reactor = reactors_[event.who])
        reactor->on_event(event.index, event.generation);
      return;
    case EventKind::callback: {
      const auto deed = std::move(deeds_[event.index]);
      deeds_[event.index] = nullptr;
      free_deeds_.push_back(event.index);
      deed();
      return;
    }
    default:
      network_->handle(event);
  }
}

std::uint32_t SimWorld::join(SimReactor& reactor) {
  reactors_.push_back(&reactor);
  return static_cast<std::uint32_t>(reactors_.size() - 1);
}

Instant SimWorld::others_want(const SimReactor& asking) const {
  Instant earliest = pause_at_;
  for (SimReactor* reactor : reactors_) {
    if (reactor == nullptr || reactor == &asking) continue;
    earliest = std::min(earliest, reactor->wants());
  }
  return earliest;
}

void SimWorld::mark_stalled() {
  if (!stalled_)
    log_error("sim", "seed ", seed_, ": deadlock: everybody waits for ever and nothing is to come");
  stalled_ = true;
  ++stalls_in_a_row_;
  RUNNEL_ASSERT(stalls_in_a_row_ < stalls_in_a_row_max);
}

}  // namespace runnel::sim
