// What a subscription loses when its channel drops the oldest, and how it is accounted for.
#include <algorithm>

#include "base/mark.hpp"
#include "pipeline/channel.hpp"
#include "pipeline/subscription.hpp"

namespace runnel::pipeline {

using State = InFlight::State;

Gap Subscription::measure(Mark from, Position until) const {
  Gap gap;
  while (from.position < until) {
    const Record record(channel_->at(from));
    if (record.kind() == RecordKind::event)
      gap.add(Gap{1, record.body().size(), record.time(), record.time()});
    channel_->step(from, record.size());
  }
  return gap;
}

// Adds to `gap` what was dropped, and to the channel's counters.
void Subscription::count(const Gap& dropped, Gap& gap) {
  gap.add(dropped);
  channel_->counters_.dropped_events += dropped.events;
  channel_->counters_.dropped_bytes += dropped.bytes;
}

// A batch that will not be delivered: what it would have said is said by the next one.
void Subscription::give_up(InFlight& batch) {
  Gap gap = batch.gap;
  count(batch.lost, gap);
  gap.add(gap_);
  gap_ = gap;
  release(batch);
}

// The ring takes back everything before `target` or a little more. What is written already is not
// lost; batches that a worker has a copy of stay with it; the rest becomes a gap.
void Subscription::drop_until(Position target) {
  if (watermark_ >= target) return;
  drop_in_flight(target);
  if (cursor_.position < target) {
    events_read_ += drop_records(cursor_, target, gap_);
    if (!has_unread()) unread_since_ = never;
  }
  // Invariant: nothing lies between what is written and the oldest batch in flight or unread
  // record.
  const Position written_before = written_;
  written_ = in_flight_.empty() ? cursor_.position : in_flight_.front().first.position;
  watermark_is_a_mark_ = written_before <= target;
  watermark_ = watermark_is_a_mark_ ? written_ : target;
}

// Moves `from` over whole records to `until` or a little further, and accounts for them. Returns
// how many there were.
std::uint32_t Subscription::drop_records(Mark& from, Position until, Gap& gap) {
  std::uint32_t records = 0;
  Gap dropped;
  while (from.position < until) {
    const Record record(channel_->at(from));
    records += record.kind() == RecordKind::padding ? 0u : 1u;
    if (record.kind() == RecordKind::event)
      dropped.add(Gap{1, record.body().size(), record.time(), record.time()});
    channel_->step(from, record.size());
  }
  count(dropped, gap);
  return records;
}

void Subscription::drop_in_flight(Position target) {
  for (InFlight& batch : in_flight_) {
    if (batch.first.position >= target) return;
    switch (batch.state) {
      case State::acknowledged:
        release(batch);
        break;
      case State::encoded:
        batch.lost = measure(batch.first, batch.last);
        batch.unlink();
        batch.state = State::detached;
        passed(Seldom::oldest_dropped_from_worker);
        break;
      case State::returned:
        batch.lost = measure(batch.first, batch.last);
        give_up(batch);
        break;
      case State::taken:
        // Given out in this very turn, not yet read: it begins later, or goes out empty.
        batch.events -= drop_records(batch.first, std::min(target, batch.last), batch.gap);
        if (batch.first.position < batch.last) break;
        batch.unlink();
        batch.state = State::detached;
        break;
      case State::free:
      case State::detached:
        RUNNEL_ASSERT(batch.state != State::free && batch.state != State::detached);
    }
  }
}

}  // namespace runnel::pipeline
