#include "platform/sim/reactor.hpp"

#include <algorithm>

namespace runnel::sim {

using io::Operation;
using io::Verb;

namespace {

constexpr std::uint32_t operation_bytes_max = 1u << 30;

}  // namespace

SimReactor::SimReactor(SimMachine& machine)
    : machine_(machine),
      world_(machine.world()),
      id_(world_.join(*this)),
      description_("simulated (seed " + std::to_string(world_.seed()) + ")") {
  machine_.join(*this);
}

SimReactor::~SimReactor() {
  abandon();
  machine_.leave(*this);
  world_.leave(id_);
}

// --- taking operations ---------------------------------------------------------------------------

bool SimReactor::has_handle(const Operation& operation) const {
  switch (operation.verb) {
    case Verb::open:
    case Verb::rename:
    case Verb::unlink:
      return false;
    case Verb::stat:
      return operation.path == nullptr;
    default:
      return true;
  }
}

void SimReactor::submit(Operation& operation) {
  RUNNEL_ASSERT(operation.state != Operation::State::submitted && !operation.linked());
  RUNNEL_ASSERT(operation.size <= operation_bytes_max);
  std::uint32_t index;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = slots_[index];
  const std::uint32_t generation = slot.generation;
  slot = Slot();
  slot.generation = generation;
  slot.operation = &operation;
  if (has_handle(operation)) {
    auto* entry = machine_.entry(operation.handle);
    RUNNEL_ASSERT(entry != nullptr && "an operation on a handle that is not open");
    RUNNEL_ASSERT((operation.verb != Verb::close || entry->in_flight == 0) &&
                  "a handle is closed while an operation is in flight");
    ++entry->in_flight;
    slot.counted = true;
  }
  operation.state = Operation::State::submitted;
  operation.error = Error::none;
  operation.result = 0;
  operation.truncated = false;
  operation.driver_flags = index;
  operation.driver_data = this;
  ++in_flight_;
  requests_.push_back({index, generation, false});
}

void SimReactor::cancel(Operation& operation) {
  if (operation.state != Operation::State::submitted) return;
  RUNNEL_ASSERT(operation.driver_data == this);
  const std::uint32_t index = operation.driver_flags;
  requests_.push_back({index, slots_[index].generation, true});
}

void SimReactor::begin_requests() {
  beginning_.swap(requests_);
  for (const Request& request : beginning_) {
    Slot& slot = slots_[request.slot];
    if (slot.generation != request.generation) continue;
    if (!request.is_cancel) {
      begin(request.slot);
      continue;
    }
    // A file operation is running as soon as it has begun; on a rough day it may still be queued.
    const bool queued = slot.is_file && world_.options().shuffle &&
                        slot.operation->verb != Verb::close &&
                        world_.schedule_random().below(2) == 0;
    if (slot.finished || (slot.is_file && !queued)) {
      ++cancels_too_late_;
      continue;
    }
    stop_waiting(request.slot);
    finish(request.slot, Error::cancelled);
  }
  beginning_.clear();
}

void SimReactor::begin(std::uint32_t index) {
  Slot& slot = slots_[index];
  Operation& operation = *slot.operation;
  slot.begun = true;
  slot.fault = drawn_fault(operation);
  auto* entry = slot.counted ? machine_.entry(operation.handle) : nullptr;
  switch (operation.verb) {
    case Verb::accept:
    case Verb::connect:
    case Verb::recv:
    case Verb::send:
    case Verb::recv_from:
    case Verb::send_to:
    case Verb::recv_stream:
    case Verb::recv_from_stream:
      if (slot.fault != Error::none) return finish(index, slot.fault);
      if (entry->kind != SimMachine::Kind::socket) return finish(index, Error::unexpected);
      slot.socket = entry->socket;
      slot.waits_on_socket = true;
      return world_.network().start(entry->socket, *this, index);
    case Verb::ready:
      return begin_ready(index, *entry);
    case Verb::read:
    case Verb::write:
    case Verb::truncate:
    case Verb::allocate:
    case Verb::sync:
      if (entry->kind != SimMachine::Kind::file) return finish(index, Error::unsupported);
      if (operation.verb == Verb::sync) slot.sync = machine_.files().begin_sync(entry->inode);
      [[fallthrough]];
    default:
      slot.is_file = true;
      schedule(index, world_.schedule_random().between(latency_of(operation.verb)));
  }
}

void SimReactor::begin_ready(std::uint32_t index, SimMachine::Entry& entry) {
  Slot& slot = slots_[index];
  if (entry.kind == SimMachine::Kind::socket) {
    slot.socket = entry.socket;
    slot.waits_on_socket = true;
    return world_.network().start(entry.socket, *this, index);
  }
  if (machine_.is_ready(entry)) return finish(index, Error::none);
  slot.queue = &machine_.waiters(entry);
  slot.queue->push_back({this, index});
}

void SimReactor::stop_waiting(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.parked)
    for (Pool& pool : pools_) std::erase(pool.parked, index);
  slot.parked = false;
  end_turn(index);
  if (slot.waits_on_socket) world_.network().cancelled(slot.socket, index, *this);
  slot.waits_on_socket = false;
  if (slot.queue != nullptr)
    std::erase_if(*slot.queue, [this, index](const Waiter& each) {
      return each.reactor == this && each.slot == index;
    });
  slot.queue = nullptr;
}

// --- completing ----------------------------------------------------------------------------------

void SimReactor::schedule(std::uint32_t index, Duration later) {
  Slot& slot = slots_[index];
  RUNNEL_ASSERT(!slot.scheduled);
  slot.scheduled = true;
  Event event;
  event.at = after(world_.now(), later);
  event.kind = EventKind::operation;
  event.who = id_;
  event.index = index;
  event.generation = slot.generation;
  world_.schedule(event);
}

void SimReactor::finish(std::uint32_t index, Error error, std::int32_t result) {
  Slot& slot = slots_[index];
  RUNNEL_ASSERT(slot.operation != nullptr && !slot.finished);
  slot.finished = true;
  slot.waits_on_socket = false;
  slot.queue = nullptr;
  slot.operation->error = error;
  slot.operation->result = result;
  if (!slot.scheduled)
    schedule(index, world_.schedule_random().between(world_.options().completion_delay));
}

void SimReactor::on_event(std::uint32_t index, std::uint32_t generation) {
  Slot& slot = slots_[index];
  if (slot.generation != generation) return;
  slot.scheduled = false;
  if (slot.finished) return complete(index);
  if (slot.is_file) {
    perform(index);
    return complete(index);
  }
  RUNNEL_ASSERT(io::is_stream(slot.operation->verb));
  if (slot.waits_on_socket && !slot.parked) world_.network().fill(slot.socket, *this, index);
  end_turn(index);
}

void SimReactor::complete(std::uint32_t index) {
  Slot& slot = slots_[index];
  slot.finished = true;
  slot.operation->state = Operation::State::completed;
  if (!slot.operation->linked()) ready_.push_back(*slot.operation);
}

void SimReactor::release(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.counted) {
    auto* entry = machine_.entry(slot.operation->handle);
    RUNNEL_ASSERT(entry != nullptr && entry->in_flight > 0);
    --entry->in_flight;
  }
  slot.operation = nullptr;
  ++slot.generation;
  --in_flight_;
  free_slots_.push_back(index);
}

void SimReactor::hand_over(io::CompletedList& completed) {
  while (Operation* operation = ready_.take_front()) {
    const std::uint32_t index = operation->driver_flags;
    world_.fold(std::uint64_t{index} << 32 | static_cast<std::uint64_t>(operation->verb) << 16 |
                static_cast<std::uint64_t>(operation->error) << 8 |
                static_cast<std::uint64_t>(operation->state));
    world_.fold(static_cast<std::uint64_t>(operation->result));
    if (operation->state == Operation::State::completed) {
      ++operations_completed_;
      release(index);
    }
    completed.push_back(*operation);
  }
}

void SimReactor::poll(Instant until, io::CompletedList& completed) {
  world_.begin_turn();
  passed_over_ = 0;
  for (Pool& pool : pools_) unpark(pool);
  begin_requests();
  world_.run_due();
  while (ready_.empty()) {
    const Instant limit = std::min(until, world_.others_want(*this));
    const Instant next = world_.next_event();
    if (next == never && limit == never) {
      world_.mark_stalled();
      break;
    }
    if (next > limit) {
      world_.advance_to(limit);
      break;
    }
    world_.advance_to(next);
    world_.run_due();
  }
  if (!ready_.empty()) world_.not_stalled();
  wanted_ = ready_.empty() ? until : world_.now();
  hand_over(completed);
}

void SimReactor::discard(io::Handle handle) {
  if (handle != io::Handle::none) machine_.remove(handle);
}

}  // namespace runnel::sim
