#include "pipeline/subscription.hpp"

#include <algorithm>

#include "base/canary.hpp"
#include "base/mark.hpp"
#include "pipeline/channel.hpp"

namespace runnel::pipeline {

using State = InFlight::State;

void Subscription::begin(Channel& channel, const char* name) {
  channel_ = &channel;
  name_ = name;
  cursor_ = channel.head_;
  written_ = watermark_ = cursor_.position;
  events_read_ = channel.events_put_;
}

namespace {

bool is_free(const InFlight& each) { return each.state == InFlight::State::free; }

}  // namespace

Subscription::Next Subscription::next(const Take& take) { return Next(*this, take); }

std::size_t Subscription::lag_bytes() const {
  return static_cast<std::size_t>(channel_->head_.position - watermark_);
}
std::size_t Subscription::backlog_bytes() const {
  if (!waiting_.empty()) return 0;
  return static_cast<std::size_t>(channel_->head_.position - cursor_.position);
}
bool Subscription::has_unread() const { return cursor_.position != channel_->head_.position; }
std::uint64_t Subscription::unread_events() const { return channel_->events_put_ - events_read_; }

// --- taking ----------------------------------------------------------------------------------

Instant Subscription::lingers_until(const Take& take) const {
  if (!has_free_slot()) return never;
  if (reader_ != nullptr) {
    const bool all_else_taken = reader_->records == nullptr && !reader_->waiting;
    const bool can_be_sealed = channel_->block_table().takes_small_ones();
    const Instant since = all_else_taken && can_be_sealed ? channel_->open_since() : never;
    return since == never ? never : after(since, take.linger);
  }
  return unread_since_ == never ? never : after(unread_since_, take.linger);
}

bool Subscription::worth_taking(const Take& take) const {
  // A gap that no record will follow any more goes out by itself.
  if (!has_unread()) return channel_->closed_ && !gap_.empty();
  const auto unread_bytes = channel_->head_.position - cursor_.position;
  const std::size_t due = take.bytes_due == 0 ? take.bytes_max : take.bytes_due;
  return unread_bytes >= due || unread_events() >= take.events_max || channel_->closed_ ||
         !channel_->writers_.empty() || channel_->scheduler_.now() >= lingers_until(take);
}

InFlight* Subscription::oldest_returned(const Take& take) {
  InFlight* oldest = nullptr;
  for (InFlight& each : in_flight_) {
    if (each.state != State::returned) continue;
    if (each.reserved_for != nullptr && each.reserved_for == take.worker) return &each;
    if (oldest == nullptr && each.reserved_for == nullptr) oldest = &each;
  }
  return oldest;
}

bool Subscription::has_returned() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const InFlight& each) {
    return each.state == State::returned && each.reserved_for == nullptr;
  });
}

InFlight& Subscription::take_again(InFlight& returned) {
  returned.state = State::taken;
  returned.reserved_for = nullptr;
  return returned;
}

InFlight* Subscription::try_take(const Take& take) {
  if (reader_ != nullptr) return try_take_block(take);
  const bool newer_first = canary(Canary::batch_out_of_order) && !sizing_ && worth_taking(take);
  if (InFlight* returned = newer_first ? nullptr : oldest_returned(take); returned != nullptr)
    return &take_again(*returned);
  return !sizing_ && has_free_slot() && worth_taking(take) ? &take_new(take) : nullptr;
}

// Takes everything up to the head; the reader cuts it to the limits.
InFlight& Subscription::take_new(const Take& take) {
  InFlight& slot = free_slot();
  slot.records = channel_->ring_.data();
  slot.first = cursor_;
  slot.last = channel_->head_.position;
  slot.events = static_cast<std::uint32_t>(unread_events());
  slot.sequence = sequence_++;
  cursor_ = channel_->head_;
  events_read_ += slot.events;
  unread_since_ = never;
  return begin_batch(slot, take);
}

// One that is slow can keep all others waiting: what they have acknowledged stays until it has.
bool Subscription::has_free_slot() const {
  return std::any_of(slots_.begin(), slots_.end(), is_free);
}

InFlight& Subscription::free_slot() {
  const auto slot = std::find_if(slots_.begin(), slots_.end(), is_free);
  RUNNEL_ASSERT(slot != slots_.end());
  return *slot;
}

InFlight& Subscription::begin_batch(InFlight& slot, const Take& take) {
  slot.state = State::taken;
  slot.sized = false;
  slot.bytes_max = take.bytes_max;
  slot.events_max = take.events_max;
  slot.gap = std::exchange(gap_, Gap{});
  if (!slot.gap.empty()) passed(Seldom::gap_before_batch);
  slot.lost = Gap{};
  slot.reserved_for = nullptr;
  in_flight_.push_back(slot);
  sizing_ = true;
  return slot;
}

void Subscription::sized(InFlight& batch) {
  batch.sized = true;
  sizing_ = false;
  offer();
}

// Given back before anybody knew where it ends: as if it had never been taken.
void Subscription::untake(InFlight& batch) {
  RUNNEL_ASSERT(&in_flight_.back() == &batch && batch.last == cursor_.position);
  cursor_ = batch.first;
  if (reader_ != nullptr) {
    reader_->taken = batch.first_record;
  } else {
    events_read_ -= batch.events;
    --sequence_;
  }
  Gap gap = batch.gap;
  gap.add(gap_);
  gap_ = gap;
  if (reader_ == nullptr && has_unread()) unread_since_ = channel_->scheduler_.now();
  release(batch);
  sized(batch);
}

// --- waking ----------------------------------------------------------------------------------

void Subscription::more_to_read() {
  if (reader_ == nullptr && unread_since_ == never && has_unread())
    unread_since_ = channel_->scheduler_.now();
  offer();
}

// A putter waits for room: what there is goes out now, however little.
void Subscription::room_is_wanted() {
  offer();
  pressure_.ring();
}

bool Subscription::settling_is_urgent() const {
  return unsettled_bytes() > 0 &&
         (!channel_->writers_.empty() || unsettled_bytes() * 2 >= channel_->capacity());
}

// Gives batches to those who wait, oldest first; whoever gets none waits out the linger.
void Subscription::offer() {
  while (!waiting_.empty()) {
    Next& next = waiting_.front();
    InFlight* taken = try_take(next.take_);
    const bool ended = taken == nullptr && has_ended();
    if (taken == nullptr && !ended) {
      const Instant until = lingers_until(next.take_);
      if (next.deadline() != until) next.rearm(until);
      return;
    }
    static_cast<Link<NextTag>&>(next).unlink();
    next.taken_ = taken;
    next.complete(ended ? Error::closed : Error::none);
  }
}

void Subscription::Next::start() {
  if (take_.worker != nullptr)
    subscription_.waiting_.push_front(*this);
  else
    subscription_.waiting_.push_back(*this);
  subscription_.offer();
  subscription_.channel_->taken_.ring();
}

// The linger is over: what there is goes out. Or the scope was cancelled.
void Subscription::Next::abort() {
  Link<NextTag>::unlink();
  if (abort_reason() == Error::timed_out) taken_ = subscription_.try_take(take_);
  complete(taken_ == nullptr ? Error::cancelled : Error::none);
}

Result<Batch> Subscription::Next::await_resume() {
  if (taken_ == nullptr) return fail(error());
  return Batch(subscription_, *taken_);
}

// --- settling --------------------------------------------------------------------------------

void Subscription::release(InFlight& batch) {
  batch.unlink();
  batch.state = State::free;
}

void Subscription::commit(InFlight& done) {
  if (!done.sized) sized(done);
  if (done.state == State::detached) {
    release(done);
  } else {
    done.state = State::acknowledged;
    advance_over_acknowledged();
  }
  offer();  // somebody may have waited for a slot
}

// Acknowledgements come in any order; the watermark moves over the contiguous part.
void Subscription::advance_over_acknowledged() {
  while (!in_flight_.empty() && in_flight_.front().state == State::acknowledged) {
    InFlight& oldest = in_flight_.front();
    // Invariant: a subscription's batches are either all committed or all held and settled.
    RUNNEL_ASSERT(watermark_ == written_);
    // A store may have given up what lies before.
    watermark_ = written_ = std::max(watermark_, oldest.last);
    release(oldest);
  }
  if (reader_ != nullptr) reader_->acknowledge(watermark_);
  channel_->watermark_moved();
}

void Subscription::hold(InFlight& done) {
  if (!done.sized) sized(done);
  if (done.state == State::detached) {
    release(done);
    return;
  }
  // Invariant: whoever holds has one batch in flight, so they are written in order.
  RUNNEL_ASSERT(&in_flight_.front() == &done);
  // A store may have given up what lies before, and this with it.
  written_ = std::max(written_, done.last);
  unsettled_gap_.add(done.gap);
  release(done);
  pressure_.ring();
}

void Subscription::settle(Position until) {
  const Position settled = std::min(until, written_);
  if (settled == written_) unsettled_gap_ = Gap{};
  if (settled <= watermark_) return;
  passed(Seldom::held_and_settled);
  watermark_ = settled;
  watermark_is_a_mark_ = true;
  if (reader_ != nullptr) reader_->acknowledge(watermark_);
  channel_->watermark_moved();
}

bool Subscription::rewind_to_watermark() {
  if (!watermark_is_a_mark_) return false;
  ++rewinds_;
  Gap unsaid = std::exchange(unsettled_gap_, Gap{});
  for (InFlight& batch : in_flight_) {
    unsaid.add(batch.gap);
    batch.gap = batch.lost = Gap{};
    const bool in_hand = batch.state == State::taken || batch.state == State::encoded;
    // Given out in this very turn, not yet read: it goes out empty.
    if (batch.state == State::taken) batch.events = 0;
    batch.unlink();
    batch.state = in_hand ? State::detached : State::free;
  }
  unsaid.add(gap_);
  gap_ = unsaid;
  if (reader_ != nullptr) {
    rewind_blocks();
    return true;
  }
  // Nothing between watermark and cursor has moved since it was put, so their offsets differ by as
  // much as their positions do.
  const Position back = cursor_.position - watermark_;
  const std::size_t capacity = channel_->capacity();
  RUNNEL_ASSERT(back <= capacity);
  Mark at{watermark_, (cursor_.offset + capacity - static_cast<std::size_t>(back)) % capacity};
  const Mark first = at;
  while (at.position < cursor_.position) {
    const Record record(channel_->at(at));
    if (record.kind() != RecordKind::padding) --events_read_;
    channel_->step(at, record.size());
  }
  // Invariant: the walk from one mark ends at the other.
  RUNNEL_ASSERT(at.position == cursor_.position && at.offset == cursor_.offset);
  cursor_ = first;
  written_ = watermark_;
  unread_since_ = has_unread() ? channel_->scheduler_.now() : never;
  offer();
  return true;
}

void Subscription::give_back(InFlight& batch) {
  if (batch.state == State::detached) {
    give_up(batch);
    if (!batch.sized) sized(batch);
    return;
  }
  if (!batch.sized) {
    untake(batch);
    return;
  }
  if (!comes_again(batch)) {
    batch.lost = Gap{batch.events, 0, Time::arrived(channel_->scheduler_.now()),
                     Time::arrived(channel_->scheduler_.now())};
    give_up(batch);
    return;
  }
  batch.state = State::returned;
  passed(Seldom::batch_given_back);
  offer();
}

bool Subscription::comes_again(const InFlight& batch) const {
  if (batch.state == State::detached) return false;
  return reader_ == nullptr || batch.block.sequence >= reader_->dropped_until;
}

// Only the newest batch can give back its end: what follows is then unread again.
void Subscription::give_back_from(InFlight& batch, const Mark& end, std::uint32_t events_kept) {
  RUNNEL_ASSERT(&in_flight_.back() == &batch && batch.last == cursor_.position);
  RUNNEL_ASSERT(events_kept > 0);
  if (reader_ != nullptr)
    reader_->taken = batch.first_record + events_kept;
  else
    events_read_ -= batch.events - events_kept;
  batch.events = events_kept;
  batch.last = end.position;
  cursor_ = end;
  if (reader_ == nullptr && unread_since_ == never) unread_since_ = channel_->scheduler_.now();
  if (!batch.sized) sized(batch);
}

void Subscription::rewound(Position before, const Mark& head) {
  // One that has not acknowledged all of it reads on in the store.
  if (watermark_ != before) return;
  cursor_ = head;
  written_ = watermark_ = head.position;
  watermark_is_a_mark_ = true;
}

}  // namespace runnel::pipeline
