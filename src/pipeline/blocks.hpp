// The blocks of a channel that has a store below its ring (channels/journal): stretches of records
// that lie one behind the other, with a number of their own. A batch never reaches over the end of
// one, so what goes out can be told apart by (block, records) for ever.
//
// Sealed blocks are in this table while their records are in the ring; the oldest leave first, when
// the store has them or nobody needs them any more. Behind the last is what is not sealed yet.
//
// Invariant: the table's blocks have successive numbers, and no record of the ring lies between
// them.
#pragma once

#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "base/time.hpp"
#include "pipeline/position.hpp"

namespace runnel::pipeline {

// What is counted over a stretch of records.
struct RecordCounts {
  std::uint32_t events = 0;
  std::uint32_t gaps = 0;
  std::uint64_t body_bytes = 0;
  std::uint32_t records() const { return events + gaps; }
};

struct Block {
  enum class State : std::uint8_t { sealed, writing, written, synced };
  std::uint64_t sequence = 0;
  State state = State::sealed;
  Mark first;  // of its first record; in a loaded block the offset counts from its beginning
  std::size_t bytes = 0;
  RecordCounts counts;
  std::uint64_t ordinal = 0;            // events before it
  std::uint64_t body_bytes_before = 0;  // of those
  std::uint64_t place = 0;              // where the store has it; 0: nowhere
  std::uint64_t place_behind = 0;       // where the store looks for the next one
  Instant opened_at;                    // when its first record was put
  std::uint64_t epoch = 0;              // of the store when it was sealed
  static constexpr std::int64_t clock_not_set = INT64_MIN;
  // Of a loaded one: wall clock minus time since boot when that was in
  // another boot of the machine (else zero, and `foreign` is false).
  bool foreign = false;
  std::int64_t clock_offset_ns = 0;
  // Of a loaded one: events before it that were never written.
  bool is_loaded = false;
  std::uint64_t unwritten_events = 0;

  Position end() const { return first.position + bytes; }  // behind its last record
};

// A place in the sequence of blocks: where a reader stands.
struct BlockPlace {
  std::uint64_t sequence = 0;  // of the block that holds `position`, or begins there
  Position position = 0;
  std::uint64_t place = 0;  // where the store has that block, or where to look for it; 0: not known
  std::uint64_t ordinal = 0;     // events before that block
  std::uint64_t body_bytes = 0;  // of those
  bool written_only = false;     // the ordinal leaves out what was never written
};

// Of a loaded block the places leave out what was never written: the next one that is found may lie
// behind more of that.
inline BlockPlace place_of(const Block& block) {
  return {block.sequence,
          block.first.position,
          block.place,
          block.ordinal - block.unwritten_events,
          block.body_bytes_before,
          block.is_loaded};
}
inline BlockPlace place_behind(const Block& block) {
  BlockPlace place = place_of(block);
  ++place.sequence;
  place.position = block.end();
  place.place = block.place_behind;
  place.ordinal += block.counts.events;
  place.body_bytes += block.counts.body_bytes;
  return place;
}

class BlockTable {
 public:
  // `bytes`: when a block is full; a record that is larger is a block alone.
  BlockTable(std::span<Block> slots, std::size_t bytes) : slots_(slots), bytes_(bytes) {}
  BlockTable(const BlockTable&) = delete;
  BlockTable& operator=(const BlockTable&) = delete;

  // How many the table of a ring needs: those that are full, and as many small ones again.
  static std::size_t slots_for(std::size_t ring_bytes, std::size_t block_bytes) {
    return 2 * full_ones(ring_bytes, block_bytes);
  }

  std::size_t block_bytes() const { return bytes_; }
  std::size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  Block& front() { return at(0); }
  Block& at(std::size_t index) {
    RUNNEL_ASSERT(index < count_);
    return slots_[(begin_ + index) % slots_.size()];
  }
  std::uint64_t next_sequence() const { return next_sequence_; }
  std::uint64_t first_sequence() const { return next_sequence_ - count_; }
  // Null: not sealed yet, or no longer here.
  Block* find(std::uint64_t sequence) {
    if (sequence < first_sequence() || sequence >= next_sequence_) return nullptr;
    return &at(static_cast<std::size_t>(sequence - first_sequence()));
  }
  // There is room for a block that is not full; one that is full always finds some.
  bool takes_small_ones() const { return count_ < slots_.size() / 2; }

  Block& push(const Mark& first, std::size_t bytes, const RecordCounts& counts, Instant opened);
  void pop_front() {
    RUNNEL_ASSERT(count_ > 0);
    begin_ = (begin_ + 1) % slots_.size();
    --count_;
  }
  std::uint64_t events_sealed() const { return events_; }
  std::uint64_t body_bytes_sealed() const { return body_bytes_; }
  // Start-up only: goes on behind what the store has.
  void begin(std::uint64_t epoch, std::uint64_t next_sequence, std::uint64_t events,
             std::uint64_t body_bytes) {
    epoch_ = epoch;
    next_sequence_ = next_sequence;
    events_ = events;
    body_bytes_ = body_bytes;
  }

 private:
  static std::size_t full_ones(std::size_t ring_bytes, std::size_t block_bytes) {
    // Two neighbours are larger than one block, and the ring's end cuts one.
    return 2 * (ring_bytes / block_bytes) + 4;
  }

  std::span<Block> slots_;
  std::size_t bytes_;
  std::size_t begin_ = 0, count_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t events_ = 0, body_bytes_ = 0;
};

inline Block& BlockTable::push(const Mark& first, std::size_t bytes, const RecordCounts& counts,
                               Instant opened) {
  RUNNEL_ASSERT(count_ < slots_.size() && bytes > 0);
  ++count_;
  Block& block = at(count_ - 1);
  block = Block{};
  block.sequence = next_sequence_++;
  block.epoch = epoch_;
  block.first = first;
  block.bytes = bytes;
  block.counts = counts;
  block.ordinal = events_;
  block.body_bytes_before = body_bytes_;
  block.opened_at = opened;
  events_ += counts.events;
  body_bytes_ += counts.body_bytes;
  return block;
}

}  // namespace runnel::pipeline
