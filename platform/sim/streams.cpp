// Streams over buffer pools: which stream gets the next free buffer, and who waits for one.
#include <algorithm>
#include <cstring>

#include "platform/sim/reactor.hpp"

namespace runnel::sim {

using io::Operation;

namespace {

constexpr std::size_t pattern_check_bytes = 64;

}  // namespace

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

// --- buffers -------------------------------------------------------------------------------------

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

// Invariant: while a buffer is free, either nobody is parked or as many are armed as are free.
void SimReactor::unpark(Pool& pool) {
  while (!pool.parked.empty() && pool.armed < pool.free.size()) {
    const std::uint32_t index = pool.parked.front();
    pool.parked.erase(pool.parked.begin());
    slots_[index].parked = false;
    slots_[index].armed = true;
    ++pool.armed;
    want_fill(index);
  }
}

// It has taken its buffer, or it never will (it was cancelled, it has ended, there is nothing to
// receive any more): then the next one gets the chance, or a buffer would lie unused.
void SimReactor::end_turn(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (!slot.armed) return;
  slot.armed = false;
  Pool& pool = pool_of(*static_cast<io::StreamOperation&>(*slot.operation).pool);
  RUNNEL_ASSERT(pool.armed > 0);
  --pool.armed;
  unpark(pool);
}

}  // namespace runnel::sim
