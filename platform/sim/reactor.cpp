#include "platform/sim/reactor.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::sim {

using io::Operation;
using io::Verb;

namespace {

constexpr std::uint32_t operation_bytes_max = 1u << 30;
constexpr std::size_t pattern_check_bytes = 64;

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
  if (slot.waits_on_socket) world_.network().cancelled(slot.socket, index, *this);
  slot.waits_on_socket = false;
  if (slot.queue != nullptr)
    std::erase_if(*slot.queue, [this, index](const Waiter& each) {
      return each.reactor == this && each.slot == index;
    });
  slot.queue = nullptr;
}

// --- faults and latencies ------------------------------------------------------------------------

void SimReactor::fail_next(Verb verb, Error error, std::uint32_t count, std::uint32_t skip) {
  scripts_.push_back({verb, error, count, skip});
}

Error SimReactor::drawn_fault(const Operation& operation) {
  for (Script& script : scripts_) {
    if (script.verb != operation.verb || script.count == 0) continue;
    if (script.skip > 0) {
      --script.skip;
      continue;
    }
    --script.count;
    world_.count_fault();
    return script.error;
  }
  const SimOptions& options = world_.options();
  switch (operation.verb) {
    case Verb::read:
      return world_.fault(options.read_errors) ? Error::io : Error::none;
    case Verb::write:
      if (world_.fault(options.space_errors)) return Error::no_space;
      return world_.fault(options.write_errors) ? Error::io : Error::none;
    case Verb::allocate:
      return world_.fault(options.space_errors) ? Error::no_space : Error::none;
    case Verb::sync:
      return world_.fault(options.sync_errors) ? Error::io : Error::none;
    case Verb::open:
    case Verb::rename:
    case Verb::unlink:
    case Verb::truncate:
      return world_.fault(options.entry_errors) ? Error::io : Error::none;
    default:
      return Error::none;
  }
}

Range SimReactor::latency_of(Verb verb) const {
  const SimOptions& options = world_.options();
  switch (verb) {
    case Verb::read:
      return options.read_latency;
    case Verb::write:
      return options.write_latency;
    case Verb::sync:
      return options.sync_latency;
    default:
      return options.entry_latency;
  }
}

// --- files ---------------------------------------------------------------------------------------

void SimReactor::perform(std::uint32_t index) {
  Slot& slot = slots_[index];
  Operation& operation = *slot.operation;
  SimFiles& files = machine_.files();
  const auto* entry = slot.counted ? machine_.entry(operation.handle) : nullptr;
  if (slot.fault != Error::none) {
    if (operation.verb == Verb::sync) files.fail_sync(entry->inode, slot.sync);
    operation.error = slot.fault;
    // A failed close has closed all the same.
    if (operation.verb != Verb::close) return;
  }
  switch (operation.verb) {
    case Verb::open:
      return perform_open(operation);
    case Verb::read:
      return perform_read(operation, entry->inode);
    case Verb::write:
      if (!entry->writable)
        operation.error = Error::unexpected;
      else
        perform_write(operation, entry->inode);
      return;
    case Verb::sync:
      return files.finish_sync(entry->inode, slot.sync);
    case Verb::truncate:
      operation.error = entry->writable ? files.truncate(entry->inode, operation.offset).error()
                                        : Error::unexpected;
      return;
    case Verb::allocate:
      operation.error = entry->writable
                            ? files.allocate(entry->inode, operation.offset, operation.size).error()
                            : Error::unexpected;
      return;
    case Verb::stat: {
      RUNNEL_ASSERT(operation.info != nullptr);
      if (operation.path == nullptr) {
        *operation.info =
            entry->kind == SimMachine::Kind::file ? files.info(entry->inode) : io::FileInfo();
        return;
      }
      const auto info = files.info(operation.path);
      if (info)
        *operation.info = *info;
      else
        operation.error = info.error();
      return;
    }
    case Verb::rename:
      operation.error =
          files.rename(operation.path, operation.path_to, operation.mode == io::OpenMode::exclusive)
              .error();
      return;
    case Verb::unlink:
      operation.error = files.unlink(operation.path).error();
      return;
    case Verb::close:
      slot.counted = false;
      machine_.entry(operation.handle)->in_flight = 0;
      machine_.remove(operation.handle);
      return;
    default:
      RUNNEL_ASSERT(false && "not a verb of files");
  }
}

void SimReactor::perform_open(Operation& operation) {
  const auto inode = machine_.files().open(operation.path, operation.mode);
  if (!inode) {
    operation.error = inode.error();
    return;
  }
  SimMachine::Entry entry;
  entry.kind = SimMachine::Kind::file;
  entry.inode = *inode;
  entry.writable = operation.mode != io::OpenMode::read && operation.mode != io::OpenMode::folder;
  const auto handle = machine_.add(entry);
  if (handle) {
    operation.result = static_cast<std::int32_t>(*handle);
  } else {
    machine_.files().close(*inode);
    operation.error = handle.error();
  }
}

void SimReactor::perform_read(Operation& operation, Inode inode) {
  std::size_t size = operation.size;
  if (size > 1 && world_.schedule_random().chance(world_.options().partial_reads))
    size = world_.schedule_random().between(1, size - 1);
  const auto count = machine_.files().read(inode, operation.offset, {operation.data, size});
  if (count)
    operation.result = static_cast<std::int32_t>(*count);
  else
    operation.error = count.error();
}

void SimReactor::perform_write(Operation& operation, Inode inode) {
  std::size_t size = operation.size;
  if (size > 1 && world_.schedule_random().chance(world_.options().partial_writes))
    size = world_.schedule_random().between(1, size - 1);
  SimFiles& files = machine_.files();
  const bool at_end = operation.offset == io::current_position;
  const auto count = files.write(inode, at_end ? files.info(inode).size : operation.offset,
                                 {operation.data, size});
  if (count)
    operation.result = static_cast<std::int32_t>(*count);
  else
    operation.error = count.error();
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
}

void SimReactor::complete(std::uint32_t index) {
  Slot& slot = slots_[index];
  slot.finished = true;
  slot.operation->state = Operation::State::completed;
  if (!slot.operation->linked()) ready_.push_back(*slot.operation);
}

void SimReactor::want_fill(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.scheduled || slot.parked || slot.finished) return;
  schedule(index, world_.schedule_random().between(world_.options().completion_delay));
}

void SimReactor::yield(std::uint32_t index) {
  Operation& operation = *slots_[index].operation;
  if (!operation.linked()) ready_.push_back(operation);
}

void SimReactor::finish_stream(std::uint32_t index, Error error) {
  stop_waiting(index);
  slots_[index].operation->error = error;
  complete(index);
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
    if (operation->state == Operation::State::completed) release(index);
    completed.push_back(*operation);
  }
}

void SimReactor::poll(Instant until, io::CompletedList& completed) {
  world_.begin_turn();
  passed_over_ = 0;
  unpark();
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

// --- buffers
// ---------------------------------------------------------------------------------------

void SimReactor::attach(io::BufferPool& pool) {
  Pool& added = pools_.emplace_back();
  added.pool = &pool;
  for (io::Buffer& buffer : pool.buffers()) {
    RUNNEL_ASSERT(buffer.state == io::Buffer::State::with_reactor && !buffer.linked());
    std::memset(buffer.memory, static_cast<int>(recycled_pattern), pool.buffer_bytes());
    added.free.push_back(&buffer);
  }
  std::reverse(added.free.begin(), added.free.end());
}

void SimReactor::detach(io::BufferPool& pool) {
  Pool& going = pool_of(pool);
  RUNNEL_ASSERT(going.parked.empty());
  std::erase_if(pools_, [&pool](const Pool& each) { return each.pool == &pool; });
}

SimReactor::Pool& SimReactor::pool_of(const io::BufferPool& pool) {
  for (Pool& each : pools_)
    if (each.pool == &pool) return each;
  RUNNEL_ASSERT(false && "a buffer pool that is not attached");
  return pools_.front();
}

void SimReactor::recycle(io::BufferPool& pool, io::Buffer& buffer) {
  Pool& mine = pool_of(pool);
  RUNNEL_ASSERT(buffer.index < pool.buffers().size() && &pool.buffers()[buffer.index] == &buffer);
  RUNNEL_ASSERT(buffer.state != io::Buffer::State::with_reactor && "a buffer is given back twice");
  RUNNEL_ASSERT(!buffer.linked() && "a buffer is given back while it is queued");
  std::memset(buffer.memory, static_cast<int>(recycled_pattern), pool.buffer_bytes());
  buffer.state = io::Buffer::State::with_reactor;
  buffer.data = nullptr;
  buffer.size = 0;
  buffer.truncated = false;
  // On a rough day not the newest but any: nobody may rely on which buffer comes next.
  mine.free.push_back(&buffer);
  if (world_.options().shuffle)
    std::swap(mine.free.back(), mine.free[world_.schedule_random().below(mine.free.size())]);
  mine.returned = true;
}

io::Buffer* SimReactor::take_buffer(std::uint32_t index) {
  auto& stream = static_cast<io::StreamOperation&>(*slots_[index].operation);
  Pool& pool = pool_of(*stream.pool);
  if (pool.free.empty()) {
    slots_[index].parked = true;
    pool.parked.push_back(index);
    ++times_parked_;
    return nullptr;
  }
  io::Buffer* buffer = pool.free.back();
  pool.free.pop_back();
  const std::size_t count = std::min<std::size_t>(pattern_check_bytes, stream.pool->buffer_bytes());
  RUNNEL_ASSERT(std::all_of(buffer->memory, buffer->memory + count,
                            [](std::byte each) { return each == recycled_pattern; }) &&
                "a buffer was written to after it had been given back");
  buffer->state = io::Buffer::State::filled;
  buffer->truncated = false;
  return buffer;
}

void SimReactor::unpark() {
  for (Pool& pool : pools_) {
    if (!pool.returned) continue;
    pool.returned = false;
    const std::size_t count = std::min(pool.free.size(), pool.parked.size());
    for (std::size_t index = 0; index < count; ++index) {
      slots_[pool.parked[index]].parked = false;
      want_fill(pool.parked[index]);
    }
    pool.parked.erase(pool.parked.begin(),
                      pool.parked.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

// --- ends
// ------------------------------------------------------------------------------------------

void SimReactor::discard(io::Handle handle) {
  if (handle != io::Handle::none) machine_.remove(handle);
}

// The kernel may have got this far before the process died, or not.
void SimReactor::settle_abandoned(Operation& operation) {
  Random& random = world_.fault_random();
  if (random.below(2) == 0) return;
  SimFiles& files = machine_.files();
  const auto* entry = has_handle(operation) ? machine_.entry(operation.handle) : nullptr;
  switch (operation.verb) {
    case Verb::write:
      if (entry->writable && operation.size > 0)
        (void)files.write(entry->inode, operation.offset,
                          {operation.data, random.between(1, operation.size)});
      return;
    case Verb::truncate:
      if (entry->writable) (void)files.truncate(entry->inode, operation.offset);
      return;
    case Verb::rename:
      (void)files.rename(operation.path, operation.path_to,
                         operation.mode == io::OpenMode::exclusive);
      return;
    case Verb::unlink:
      (void)files.unlink(operation.path);
      return;
    default:
      return;
  }
}

void SimReactor::abandon() {
  for (std::uint32_t index = 0; index < slots_.size(); ++index) {
    Slot& slot = slots_[index];
    if (slot.operation == nullptr) continue;
    Operation& operation = *slot.operation;
    if (slot.begun && slot.is_file && !slot.finished && slot.fault == Error::none)
      settle_abandoned(operation);
    stop_waiting(index);
    operation.unlink();
    operation.state = Operation::State::idle;
    release(index);
  }
  requests_.clear();
  scripts_.clear();
  pools_.clear();
  wanted_ = never;
}

}  // namespace runnel::sim
