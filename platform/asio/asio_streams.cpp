// The streams of the driver: receives into free buffers of a pool, a few a turn, and those that
// wait for a buffer.
#include <algorithm>
#include <span>
#include <utility>

#include "base/assert.hpp"
#include "platform/asio/asio_reactor.hpp"
#include "platform/linux/receiving.hpp"

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

void AsioReactor::yield_buffer(StreamOperation& stream, io::Buffer& buffer) {
  buffer.state = io::Buffer::State::filled;
  moderation_.received(buffer.size);
  stream.filled->push_back(buffer);
}

AsioReactor::Served AsioReactor::refused(Direction& direction, Error error) {
  if (error == Error::would_block) return Served::drained;
  end_stream(direction, error);
  return Served::ended;
}

AsioReactor::Served AsioReactor::receive(Direction& direction, PoolState& state,
                                         std::uint32_t& buffers_left) {
  RUNNEL_ASSERT(buffers_left > 0 && !state.free.empty());
  StreamOperation& stream = *direction.stream;
  const bool datagrams = stream.verb == io::Verb::recv_from_stream;
  // Other drivers need the overhead; with less here a datagram is cut at the same length in all.
  const std::uint32_t capacity =
      state.pool->buffer_bytes() - (datagrams ? io::BufferPool::datagram_overhead : 0);
  io::Buffer* taken[linux_os::buffers_a_call];
  const std::uint32_t wanted = std::min(buffers_left, linux_os::buffers_a_call);
  std::uint32_t count = 0;
  while (count < wanted && !state.free.empty()) taken[count++] = &state.free.pop_front();
  const auto received =
      linux_os::receive_into(stream.verb, direction.descriptor, std::span(taken, count), capacity);
  const std::uint32_t filled = received ? *received : 0;
  for (std::uint32_t index = 0; index < filled; ++index) yield_buffer(stream, *taken[index]);
  for (std::uint32_t index = count; index > filled; --index)
    state.free.push_front(*taken[index - 1]);
  if (!received) return refused(direction, received.error());
  buffers_left -= filled;
  hand_over(stream);
  // What did not fill everything has nothing more: one futile call saved.
  const bool all_full = filled == count && (datagrams || taken[count - 1]->size == capacity);
  return all_full ? Served::more : Served::drained;
}

void AsioReactor::serve_again(Direction& direction) {
  if (!direction.Link<ReadyTag>::linked()) readiness_->ready.push_back(direction);
}

void AsioReactor::serve_stream(Direction& direction) {
  if (direction.Link<ParkedTag>::linked()) return;
  PoolState& state = state_of(*direction.stream->pool);
  std::uint32_t buffers_left = buffers_a_turn;
  while (buffers_left > 0) {
    // Never past those that wait for a buffer already.
    if (state.free.empty() || !state.parked.empty()) return state.parked.push_back(direction);
    switch (receive(direction, state, buffers_left)) {
      case Served::more:
        continue;
      case Served::drained:
        return want(*slots_.find(direction.descriptor), direction);
      case Served::ended:
        return;
    }
  }
  serve_again(direction);
}

void AsioReactor::serve_parked() {
  while (PoolState* state = refilled_.take_front()) {
    while (!state->free.empty() && !state->parked.empty()) {
      Direction& direction = state->parked.pop_front();
      if (state->parked.empty()) {
        serve_stream(direction);
        break;
      }
      // Oldest first. Who does not get his turn now is the first one next time.
      std::uint32_t buffers_left = buffers_a_turn;
      switch (receive(direction, *state, buffers_left)) {
        case Served::more:
          serve_again(direction);
          break;
        case Served::drained:
          want(*slots_.find(direction.descriptor), direction);
          break;
        case Served::ended:
          break;
      }
    }
  }
}

}  // namespace runnel::asio_driver
