// A subscription of a channel with blocks: it takes from one block at a time, in the ring as long
// as it keeps up, else from the store.
#include <algorithm>

#include "base/mark.hpp"
#include "pipeline/channel.hpp"
#include "pipeline/store.hpp"

namespace runnel::pipeline {

using State = InFlight::State;

// --- start ---------------------------------------------------------------------------------------

void Subscription::read_blocks(BlockReader& reader, MutableBytes buffer) {
  reader_ = &reader;
  reader.buffer = buffer;
}

void Subscription::begin_at(const BlockPlace& place, const Gap& gap) {
  reader_->written_only = place.written_only;
  reader_->sequence = place.sequence;
  reader_->place = place.place;
  reader_->ordinal = place.ordinal;
  reader_->body_bytes = place.body_bytes;
  cursor_ = {place.position, 0};
  written_ = watermark_ = place.position;
  gap_ = gap;
}

BlockPlace Subscription::unread_place() const {
  return {reader_->sequence,   cursor_.position,
          reader_->place,      reader_->ordinal + (reader_->entered ? reader_->taken : 0),
          reader_->body_bytes, reader_->written_only};
}

BlockPlace Subscription::acknowledged_place() const {
  const BlockReader& reader = *reader_;
  BlockPlace place = {reader.sequence, watermark_,        reader.place,
                      reader.ordinal,  reader.body_bytes, reader.written_only};
  if (reader.trail_count > 0) {
    const BlockReader::Step& first = reader.trail[0];
    // All of it: then it need not be written, and what is counted begins behind it.
    const bool whole = first.behind.position > 0 && watermark_ >= first.behind.position;
    place = whole ? first.behind : first.at;
  }
  place.position = watermark_;
  return place;
}

Position Subscription::kept_from() const {
  return reader_->trail_count > 0 ? reader_->trail[0].at.position : watermark_;
}

Gap Subscription::untold_gap() {
  Gap untold = unsettled_gap_;
  const Time now = Time::arrived(channel_->scheduler_.now());
  for (InFlight& each : in_flight_) {
    untold.add(each.gap);
    // Given up by the store while a worker had it in hand: if that comes to nothing, so does it.
    const bool arrived = each.state == State::acknowledged;
    if (each.block.sequence < reader_->dropped_until && !arrived)
      untold.add(Gap{each.events, 0, now, now});
  }
  untold.add(gap_);
  return untold;
}

void Subscription::forget_blocks_before(const BlockPlace& first) {
  RUNNEL_ASSERT(watermark_ >= first.position);
  reader_->forget_before(first);
}

// --- where it stands -----------------------------------------------------------------------------

// The cursor's records can be read now. If not: the store has been asked for them, or there is no
// sealed block that has not been read.
bool Subscription::resolve() {
  BlockReader& reader = *reader_;
  BlockTable& table = channel_->block_table();
  while (true) {
    if (reader.entered && cursor_.position >= reader.block.end()) {
      const BlockPlace next = place_behind(reader.block);
      reader.sequence = next.sequence;
      reader.place = next.place;
      reader.ordinal = next.ordinal;
      reader.body_bytes = next.body_bytes;
      reader.written_only = next.written_only;
      reader.taken = 0;
      reader.entered = false;
    }
    reader.records = nullptr;
    if (reader.sequence >= table.next_sequence()) {
      cursor_.position = std::max(cursor_.position, channel_->open_.first.position);
      return false;
    }
    const Block* block = table.find(reader.sequence);
    if (block != nullptr) {
      reader.records = channel_->records_of(*block).data();
    } else if (has_in_buffer(reader.sequence)) {
      block = &reader.loaded;
      reader.records = reader.buffer.data();
    } else {
      ask_for(unread_place());
      return false;
    }
    reader.block = *block;
    if (!reader.entered) enter_block();
    if (cursor_.position < reader.block.end()) return true;
  }
}

// Finds the cursor's record in its block. A position that is none's means all of the block.
void Subscription::enter_block() {
  BlockReader& reader = *reader_;
  const Block& block = reader.block;
  Position at = block.first.position;
  reader.taken = 0;
  while (at < cursor_.position && at < block.end()) {
    at += Record(reader.records + (at - block.first.position)).size();
    ++reader.taken;
  }
  if (at != cursor_.position && at != block.end()) {
    at = block.first.position;
    reader.taken = 0;
  }
  // What lies between two blocks was nothing, or was lost: nobody will acknowledge it.
  const bool all_acknowledged = in_flight_.empty() && written_ == watermark_;
  cursor_.position = std::max(at, block.first.position);
  if (all_acknowledged && watermark_ < cursor_.position) written_ = watermark_ = cursor_.position;
  reader.entered = true;
  const BlockPlace place = place_of(block);
  reader.ordinal = place.ordinal;
  reader.body_bytes = place.body_bytes;
  reader.written_only = place.written_only;
  reader.enter({place, place_behind(block)});
  reader.acknowledge(watermark_);
}

// --- taking --------------------------------------------------------------------------------------

InFlight* Subscription::try_take_block(const Take& take) {
  if (sizing_ || channel_->keeping_) return nullptr;
  if (InFlight* returned = oldest_returned(take); returned != nullptr)
    return find_records(*returned) ? &take_again(*returned) : nullptr;
  if (!has_free_slot()) return nullptr;
  if (!resolve()) {
    if (reader_->waiting) return nullptr;
    const bool sealed = open_block_is_due(take) && channel_->seal();
    if (!sealed && channel_->closed_ && !gap_.empty()) return &take_last_gap(take);
    if (!sealed || !resolve()) return nullptr;
  }
  return &take_from_block(take);
}

bool Subscription::open_block_is_due(const Take& take) const {
  const auto& open = channel_->open_;
  if (open.bytes == 0) return false;
  const std::size_t due = take.bytes_due == 0 ? take.bytes_max : take.bytes_due;
  return open.bytes >= due || open.counts.records() >= take.events_max || channel_->closed_ ||
         channel_->somebody_waits() || channel_->scheduler_.now() >= lingers_until(take);
}

InFlight& Subscription::take_from_block(const Take& take) {
  BlockReader& reader = *reader_;
  InFlight& slot = free_slot();
  slot.block = reader.block;
  slot.records = reader.records;
  slot.first = {cursor_.position,
                static_cast<std::size_t>(cursor_.position - reader.block.first.position)};
  slot.last = reader.block.end();
  slot.first_record = reader.taken;
  slot.events = reader.block.counts.records() - reader.taken;
  slot.sequence = reader.block.sequence;
  cursor_.position = slot.last;
  reader.taken = reader.block.counts.records();
  return begin_batch(slot, take);
}

InFlight& Subscription::take_last_gap(const Take& take) {
  InFlight& slot = free_slot();
  slot.block = Block{};
  slot.records = nullptr;
  slot.first = cursor_;
  slot.last = cursor_.position;
  slot.first_record = reader_->taken;
  slot.events = 0;
  slot.sequence = reader_->sequence;
  return begin_batch(slot, take);
}

// Not while another block is on its way into it.
bool Subscription::has_in_buffer(std::uint64_t sequence) const {
  return reader_->has_loaded && !reader_->waiting && reader_->loaded.sequence == sequence;
}

// Its block may have left the ring since it was taken.
bool Subscription::find_records(InFlight& returned) {
  BlockReader& reader = *reader_;
  const std::uint64_t sequence = returned.block.sequence;
  if (returned.events == 0) return true;
  if (const Block* block = channel_->block_table().find(sequence)) {
    returned.records = channel_->records_of(*block).data();
    return true;
  }
  if (has_in_buffer(sequence)) {
    returned.records = reader.buffer.data();
    return true;
  }
  BlockPlace wanted = place_of(returned.block);
  wanted.position = returned.first.position;
  ask_for(wanted);
  return false;
}

void Subscription::ask_for(const BlockPlace& wanted) {
  if (reader_->waiting) return;
  reader_->waiting = true;
  reader_->wanted = wanted;
  channel_->store_->wanted(*this);
}

// --- from the store ------------------------------------------------------------------------------

void Subscription::leaves_table(const Block& block) {
  BlockReader& reader = *reader_;
  reader.found(block.sequence, block.place);
  if (reader.block.sequence == block.sequence) reader.block = block;
  for (InFlight& each : in_flight_)
    if (each.block.sequence == block.sequence) each.block.place = block.place;
}

bool Subscription::is_reading(const Block& block) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const InFlight& each) {
    return each.state == State::taken && each.block.sequence == block.sequence;
  });
}

void Subscription::loaded(const Block& block, const Gap& missing) {
  BlockReader& reader = *reader_;
  RUNNEL_ASSERT(reader.waiting);
  reader.waiting = false;
  reader.loaded = block;
  reader.has_loaded = true;
  if (block.sequence != reader.wanted.sequence) {
    give_up_returned(reader.wanted.sequence);
    // It may have gone elsewhere meanwhile.
    if (reader.sequence == reader.wanted.sequence) {
      count(missing, gap_);
      reader.sequence = block.sequence;
      reader.place = block.place;
      reader.entered = false;
    }
  }
  offer();
}

// Batches that were given back and whose records nobody has any more.
void Subscription::give_up_returned(std::uint64_t sequence) {
  const Time now = Time::arrived(channel_->scheduler_.now());
  for (InFlight& each : in_flight_) {
    if (each.state != State::returned || each.block.sequence != sequence) continue;
    each.lost = Gap{each.events, 0, now, now};
    give_up(each);
  }
}

void Subscription::nothing_to_load(const Gap& missing) {
  BlockReader& reader = *reader_;
  RUNNEL_ASSERT(reader.waiting);
  reader.waiting = false;
  give_up_returned(reader.wanted.sequence);
  if (reader.sequence == reader.wanted.sequence) {
    count(missing, gap_);
    reader.sequence = channel_->block_table().first_sequence();
    reader.place = 0;
    reader.entered = false;
    reader.taken = 0;
  }
  offer();
}

void Subscription::drop_blocks_until(const BlockPlace& next, const Gap& lost) {
  BlockReader& reader = *reader_;
  reader.dropped_until = std::max(reader.dropped_until, next.sequence);
  if (watermark_ >= next.position) {
    reader.forget_before(next);
    return;
  }
  for (InFlight& each : in_flight_) {
    if (each.state != State::returned || each.block.sequence >= next.sequence) continue;
    each.lost = Gap{each.events, 0, lost.first, lost.last};
    give_up(each);
  }
  reader.trail_count = 0;
  if (reader.sequence < next.sequence) {
    count(lost, gap_);
    reader.sequence = next.sequence;
    reader.place = next.place;
    reader.ordinal = next.ordinal;
    reader.body_bytes = next.body_bytes;
    reader.written_only = next.written_only;
    reader.entered = false;
    reader.taken = 0;
    cursor_.position = written_ = watermark_ = next.position;
    watermark_is_a_mark_ = true;
  } else {
    // It has read further than it has acknowledged: it cannot go back any more.
    watermark_ = std::min(written_, next.position);
    watermark_is_a_mark_ = false;
    const BlockPlace stands = {reader.sequence, reader.block.first.position, reader.place,
                               reader.ordinal,  reader.body_bytes,           reader.written_only};
    reader.enter({stands, {}});
  }
}

void Subscription::rewind_blocks() {
  BlockReader& reader = *reader_;
  const BlockPlace back = acknowledged_place();
  cursor_.position = written_ = watermark_;
  reader.sequence = back.sequence;
  reader.place = back.place;
  reader.ordinal = back.ordinal;
  reader.body_bytes = back.body_bytes;
  reader.written_only = back.written_only;
  reader.entered = false;
  reader.records = nullptr;
  reader.taken = 0;
  reader.trail_count = 0;
  // What was asked for may be another block: the answer is looked at anew.
  offer();
}

bool Subscription::has_ended() const {
  if (!channel_->closed_) return false;
  if (reader_ == nullptr) return !has_unread() && !sizing_;
  if (channel_->keeping_) return true;
  return !sizing_ && !reader_->waiting && reader_->records == nullptr &&
         reader_->sequence >= channel_->block_table().next_sequence() && channel_->open_.bytes == 0;
}

}  // namespace runnel::pipeline
