// The streams of the driver: receives into free buffers of a pool, a few a turn, and those that
// wait for a buffer.
#include <utility>

#include "base/assert.hpp"
#include "platform/asio/asio_reactor.hpp"
#include "platform/linux/calls.hpp"

namespace runnel::asio_driver {

using io::Operation;
using io::StreamOperation;

PoolState& AsioReactor::state_of(io::BufferPool& pool) {
  RUNNEL_ASSERT(pool.driver_group < pools_.size());
  PoolState& state = pools_[pool.driver_group];
  RUNNEL_ASSERT(state.pool == &pool);
  return state;
}

void AsioReactor::attach(io::BufferPool& pool) {
  std::uint16_t group = 0;
  while (group < pools_.size() && pools_[group].pool != nullptr) ++group;
  RUNNEL_ASSERT(group < pools_.size());
  pool.driver_group = group;
  PoolState& state = pools_[group];
  state.pool = &pool;
  for (io::Buffer& buffer : pool.buffers()) {
    buffer.state = io::Buffer::State::with_reactor;
    state.free.push_back(buffer);
  }
}

void AsioReactor::detach(io::BufferPool& pool) {
  PoolState& state = state_of(pool);
  RUNNEL_ASSERT(state.parked.empty());
  while (state.free.take_front() != nullptr) {
  }
  state.unlink();
  state.pool = nullptr;
}

void AsioReactor::recycle(io::BufferPool& pool, io::Buffer& buffer) {
  PoolState& state = state_of(pool);
  RUNNEL_ASSERT(buffer.state != io::Buffer::State::with_reactor);
  RUNNEL_ASSERT(!buffer.linked());
  buffer.state = io::Buffer::State::with_reactor;
  state.free.push_front(buffer);  // the one that is still in the cache
  if (!state.parked.empty() && !state.linked()) refilled_.push_back(state);
}

void AsioReactor::begin_stream(StreamOperation& stream) {
  RUNNEL_ASSERT(stream.pool != nullptr && stream.filled != nullptr);
  Slot* slot = slots_.at(static_cast<int>(stream.handle));
  if (slot == nullptr) return finish(stream, Error::too_many_handles);
  Direction& direction = slot->reading;
  RUNNEL_ASSERT(direction.stream == nullptr);
  direction.stream = &stream;
  stream.driver_flags = streaming;
  stream.driver_data = &direction;
  want(*slot, direction);
}

void AsioReactor::end_stream(Direction& direction, Error error) {
  StreamOperation& stream = *std::exchange(direction.stream, nullptr);
  direction.Link<ParkedTag>::unlink();
  stream.error = error;
  stream.result = 0;
  stream.state = Operation::State::completed;
  hand_over(stream);
}

AsioReactor::Served AsioReactor::receive(Direction& direction, PoolState& state) {
  StreamOperation& stream = *direction.stream;
  const bool datagrams = stream.verb == io::Verb::recv_from_stream;
  // Other drivers need the overhead; with less here a datagram is cut at the same length in all.
  const std::uint32_t capacity =
      state.pool->buffer_bytes() - (datagrams ? io::BufferPool::datagram_overhead : 0);
  io::Buffer& buffer = state.free.pop_front();
  const Status status = linux_os::receive_into(stream.verb, direction.descriptor, buffer, capacity);
  if (!status.ok()) {
    state.free.push_front(buffer);
    if (status.error() == Error::would_block) return Served::blocked;
    end_stream(direction, status.error());
    return Served::ended;
  }
  buffer.state = io::Buffer::State::filled;
  stream.filled->push_back(buffer);
  hand_over(stream);
  // A byte stream that did not fill the buffer has nothing more: one futile call saved.
  return !datagrams && buffer.size < capacity ? Served::last : Served::one;
}

void AsioReactor::serve_stream(Direction& direction) {
  if (direction.Link<ParkedTag>::linked()) return;
  PoolState& state = state_of(*direction.stream->pool);
  for (std::uint32_t count = 0; count < buffers_a_turn; ++count) {
    // Never past those that wait for a buffer already.
    if (state.free.empty() || !state.parked.empty()) return state.parked.push_back(direction);
    switch (receive(direction, state)) {
      case Served::one:
        continue;
      case Served::last:
      case Served::blocked:
        return want(*slots_.find(direction.descriptor), direction);
      case Served::ended:
        return;
    }
  }
  readiness_->ready.push_back(direction);
}

void AsioReactor::serve_parked() {
  while (PoolState* state = refilled_.take_front()) {
    while (!state->free.empty() && !state->parked.empty()) {
      Direction& direction = state->parked.pop_front();
      // One buffer each, oldest first; more of it when all who waited have had theirs.
      switch (receive(direction, *state)) {
        case Served::one:
          if (!direction.Link<ReadyTag>::linked()) readiness_->ready.push_back(direction);
          break;
        case Served::last:
        case Served::blocked:
          want(*slots_.find(direction.descriptor), direction);
          break;
        case Served::ended:
          break;
      }
    }
  }
}

}  // namespace runnel::asio_driver
