#include "pipeline/channel.hpp"

#include <algorithm>
#include <utility>

#include "base/canary.hpp"
#include "base/mark.hpp"
#include "pipeline/store.hpp"

namespace runnel::pipeline {

ChannelMemory ChannelMemory::carve(Region& region, const ChannelSettings& settings) {
  ChannelMemory memory;
  const std::size_t capacity = align_up(settings.capacity_bytes, Region::base_alignment);
  memory.ring = region.bytes(capacity, "ring", Region::base_alignment);
  memory.subscriptions = region.array<Subscription>(settings.subscriptions_max, "subscriptions");
  if (settings.store != nullptr) {
    const std::size_t blocks = BlockTable::slots_for(capacity, settings.store->block_bytes());
    memory.blocks = region.array<Block>(blocks, "blocks");
  }
  return memory;
}

Channel::Channel(async::Scheduler& scheduler, const char* name, const ChannelSettings& settings,
                 const ChannelMemory& memory)
    : scheduler_(scheduler),
      name_(name),
      ring_(memory.ring),
      when_full_(settings.when_full),
      record_bytes_max_(ring_.size() / 2),
      subscriptions_(memory.subscriptions) {
  if (settings.store != nullptr) {
    when_full_ = WhenFull::block;
    record_bytes_max_ = std::min(record_bytes_max_, settings.store->record_bytes_max());
    blocks_.emplace(memory.blocks, settings.store->block_bytes());
  }
  RUNNEL_ASSERT(ring_.size() >= channel_capacity_min && ring_.size() % record_alignment == 0);
}

Subscription& Channel::subscribe(const char* name) {
  RUNNEL_ASSERT(subscribed_ < subscriptions_.size());
  Subscription& added = subscriptions_[subscribed_++];
  added.begin(*this, name);
  return added;
}

bool Channel::takes(std::size_t bytes) const {
  if (bytes > record_bytes_max() || (put_open_ && put_refused_)) return false;
  if (when_full_ == WhenFull::drop_newest || fits_with_gap(bytes)) return true;
  // drop_oldest frees everything but the events of the open put itself.
  const auto of_this_put = static_cast<std::size_t>(writing_.position - head_.position);
  return when_full_ == WhenFull::drop_oldest && needed(bytes) <= ring_.size() - of_this_put;
}

// Room for `size` bytes, by the channel's policy. Ok with a gap pending: the event was dropped.
Status Channel::make_room(const Event& event, std::size_t size) {
  if (size > record_bytes_max()) return Error::too_large;
  switch (when_full_) {
    case WhenFull::block:
      if (put_refused_ || !fits_with_gap(size)) return Error::no_room;
      // Left from when the store was full.
      if (!gap_.empty()) write_pending_gap();
      return {};
    case WhenFull::drop_newest:
      return drop_newest(event, size);
    case WhenFull::drop_oldest:
      if (!fits(size)) free_room_by_dropping(size);
      // Only this put's own events are in the way: the source commits and goes on.
      return fits(size) ? Status() : Status(Error::no_room);
  }
  return Error::unexpected;
}

// What was dropped so far goes in front of the first event that fits behind it.
Status Channel::drop_newest(const Event& event, std::size_t size) {
  if (gap_.empty() && fits(size)) return {};
  if (!gap_.empty() && fits(gap_record_bytes + size)) {
    write_pending_gap();
    return {};
  }
  const std::uint64_t said = canary(Canary::gap_forgotten) && !gap_.empty() ? 0 : 1;
  gap_.add(Gap{said, event.body.size(), event.time, event.time});
  ++counters_.dropped_events;
  counters_.dropped_bytes += event.body.size();
  return {};
}

void Channel::write_pending_gap() {
  write_gap(place(gap_record_bytes), gap_);
  ++events_writing_;
  ++gaps_writing_;
  gap_ = Gap{};
  passed(Seldom::gap_record_written);
}

// Takes the tail from whoever holds it, up to what is committed.
void Channel::free_room_by_dropping(std::size_t size) {
  const Position wanted = writing_.position + needed(size) - ring_.size();
  const Position target = std::min(wanted, head_.position);
  for (Subscription& subscription : subscriptions()) subscription.drop_until(target);
  watermark_moved();
}

Position Channel::commit() {
  put_open_ = false;
  if (writing_.position == head_.position) return head_.position;
  head_ = writing_;
  events_put_ += events_writing_;
  counters_.put_events += events_writing_ - gaps_writing_;
  counters_.put_bytes += bytes_writing_;
  events_writing_ = gaps_writing_ = bytes_writing_ = 0;
  if (blocks_) cut_blocks();
  for (Subscription& subscription : subscriptions()) subscription.more_to_read();
  return head_.position;
}

void Channel::abandon() {
  put_open_ = false;
  writing_ = head_;
  gap_ = gap_before_put_;
  events_writing_ = gaps_writing_ = bytes_writing_ = 0;
}

void Channel::close(bool keeping) {
  RUNNEL_ASSERT(!put_open_ && (blocks_ || !keeping));
  say_last_gap();
  closed_ = true;
  keeping_ = keeping;
  for (Writable& writer : writers_) {
    // One that has been woken finds out by itself.
    if (&writer != woken_writer_) writer.end(Error::closed);
  }
  for (Subscription& subscription : subscriptions()) subscription.more_to_read();
}

// A gap that no event will follow any more. In a full ring there is a next batch to carry it.
void Channel::say_last_gap() {
  if (gap_.empty()) return;
  if (fits(gap_record_bytes)) {
    write_gap(place(gap_record_bytes), gap_);
    ++events_writing_;
    ++gaps_writing_;
    commit();
  } else {
    for (Subscription& subscription : subscriptions()) subscription.gap_.add(gap_);
  }
  gap_ = Gap{};
}

std::size_t Channel::backlog_bytes() const {
  if (blocks_) return static_cast<std::size_t>(head_.position - written_);
  std::size_t most = 0;
  for (const Subscription& each : subscriptions_.first(subscribed_))
    most = std::max(most, each.backlog_bytes());
  return most;
}

void Channel::watermark_moved() {
  if (blocks_) return store_->acknowledged();
  Position lowest = head_.position;
  for (const Subscription& subscription : subscriptions())
    lowest = std::min(lowest, subscription.watermark());
  RUNNEL_ASSERT(lowest >= tail_);
  tail_ = lowest;
  if (!put_open_) rewind_when_empty();
  wake_next_writer();
}

// A drained ring starts again at its first byte: the same few pages stay warm and resident, however
// large the ring is. Everybody stands at the head then, so nobody has to read over the rest.
void Channel::rewind_when_empty() {
  if (tail_ != head_.position || head_.offset == 0) return;
  passed(Seldom::ring_rewound);
  const Position before = head_.position;
  head_.position += ring_.size() - head_.offset;
  head_.offset = 0;
  writing_ = head_;
  tail_ = head_.position;
  for (Subscription& subscription : subscriptions()) subscription.rewound(before, head_);
}

// One at a time, and the next one when it has put: so each finds all the room there is.
void Channel::wake_next_writer() {
  if (canary(Canary::writers_not_woken)) return;
  if (woken_writer_ != nullptr || turn_ != nullptr) return;
  if (writers_.empty() || !fits_with_gap(writers_.front().bytes_)) return;
  woken_writer_ = &writers_.front();
  woken_writer_->complete(Error::none);
}

void Channel::resumed(Writable& writer) {
  if (writer.error() == Error::none) writer.turn_.waited_ = true;
  if (&writer != woken_writer_) return;
  woken_writer_ = nullptr;
  static_cast<Link<WritableTag>&>(writer).unlink();
  turn_ = &writer.turn_;
  turn_->channel_ = this;
}

void Turn::leave() {
  channel_->turn_ = nullptr;
  std::exchange(channel_, nullptr)->wake_next_writer();
}

void Channel::queue(Writable& writer) {
  writers_.push_back(writer);
  for (Subscription& subscription : subscriptions()) subscription.room_is_wanted();
}

void Writable::start() {
  if (channel_.closed_) {
    complete(Error::closed);
    return;
  }
  RUNNEL_ASSERT(bytes_ <= channel_.record_bytes_max() && turn_.channel_ == nullptr);
  // Those who wait already come first: a large record is not starved by small ones.
  if (!channel_.blocks() || (!channel_.somebody_waits() && channel_.fits_with_gap(bytes_))) {
    complete(Error::none);
    return;
  }
  channel_.queue(*this);
}

void Writable::end(Error error) {
  Link<WritableTag>::unlink();
  complete(error);
}

void Writable::abort() {
  end(Error::cancelled);
  // It may have wanted more than those behind it.
  channel_.wake_next_writer();
}

}  // namespace runnel::pipeline
