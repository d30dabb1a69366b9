// A reader of a channel: a cursor (how far it has taken) and a watermark (how far its destination
// has acknowledged). Several subscriptions each see every event; several workers on one share them.
//
// A taken batch ends in one of three ways: `commit` (the destination has it), `hold` (it is
// written; the sink settles it later, when it is durable), or it is dropped uncommitted and comes
// back, to be taken again as it was, before anything newer.
//
// Invariant: watermark <= written <= cursor <= head.
#pragma once

#include <array>

#include "async/notice.hpp"
#include "async/wait.hpp"
#include "base/list.hpp"
#include "pipeline/block_reader.hpp"
#include "pipeline/blocks.hpp"
#include "pipeline/position.hpp"
#include "pipeline/record.hpp"

namespace runnel::pipeline {

class Channel;
class Batch;

// How much a batch takes, and how long the first event in it may wait for company.
struct Take {
  std::size_t bytes_max = 128 * 1024;  // of records, in the ring; one larger record is taken alone
  std::uint32_t events_max = 10'000;
  Duration linger = std::chrono::seconds(1);
  std::size_t bytes_due = 0;     // a batch is due when so many bytes wait; 0: when bytes_max do
  const void* worker = nullptr;  // set: what this one has reserved comes first
};

struct InFlightTag;
struct NextTag;

// A batch that was taken and not yet settled. Its place among the others is its order in the ring.
struct InFlight : Link<InFlightTag> {
  enum class State : std::uint8_t {
    free,
    taken,         // a worker reads its records
    encoded,       // a worker has a copy: the ring may take the room, then it is `detached`
    detached,      // no longer in the ring; still the worker's to deliver
    returned,      // waits to be taken again
    acknowledged,  // done, but one before it is not
  };
  State state = State::free;
  // Its end is where the reader came to its limits; until then it reaches to the head. At most one
  // batch of a subscription is out unsized.
  bool sized = true;
  const void* reserved_for = nullptr;  // the worker that gave it back; null: whoever comes
  std::uint32_t events_max = 0;
  std::size_t bytes_max = 0;
  const std::byte* records = nullptr;  // what the offsets of its marks count from
  Mark first;
  Position last = 0;
  std::uint32_t events = 0;  // event and gap records
  // Of a channel with blocks: the one that it is a part of, and which of its records is the first.
  Block block;
  std::uint32_t first_record = 0;
  std::uint64_t sequence = 0;
  Gap gap;   // dropped in front of it; goes out with it
  Gap lost;  // what is lost if a detached one is not delivered
};

class Subscription {
 public:
  static constexpr std::size_t in_flight_max = 16;

  class Next;
  // The next batch: at once when `take` is filled, else after `linger`; `closed` when the channel
  // is closed and everything has been taken.
  Next next(const Take& take);

  // Everything before `until` that was held is durable now.
  void settle(Position until);
  // Whoever holds should settle soon: a putter waits, or half of the ring is written but unsettled.
  bool settling_is_urgent() const;
  // What was written since the watermark did not last: everything behind the watermark is unread
  // again, and a batch in a worker's hands will not count when it ends, because it is taken again
  // too. For workers that hold. False, and nothing happens, when the channel has dropped a part of
  // what was written: where its records begin is not known any more.
  bool rewind_to_watermark();
  // How often that happened. Another number than when a batch was taken: it is taken again, from
  // further back, and must not go out in front of what comes before it.
  std::uint64_t rewinds() const { return rewinds_; }
  // Rings when a putter begins to wait and when a batch was held.
  async::Notice& pressure() { return pressure_; }

  // A batch was given back for whoever comes.
  bool has_returned() const;

  Position watermark() const { return watermark_; }
  Position written() const { return written_; }
  Position cursor() const { return cursor_.position; }
  std::size_t unsettled_bytes() const { return static_cast<std::size_t>(written_ - watermark_); }
  // Of everything in the ring and in the store.
  std::size_t lag_bytes() const;
  // What is put and not taken, while its workers are busy; 0 when one waits for more.
  std::size_t backlog_bytes() const;
  // When the oldest event that it has not taken was put; never: all is taken.
  Instant unread_since() const { return unread_since_; }
  const char* name() const { return name_; }
  Channel& channel() const { return *channel_; }

  // --- for the store of a channel with blocks (block_reading.cpp) -----------------------------
  // Start-up only. `buffer`: for one block.
  void read_blocks(BlockReader& reader, MutableBytes buffer);
  // `gap`: an earlier process had dropped it in front of the place and told nobody.
  void begin_at(const BlockPlace& place, const Gap& gap);
  const BlockReader& blocks_read() const { return *reader_; }
  MutableBytes blocks_buffer() const { return reader_->buffer; }
  // It leaves the table, and maybe the ring: whoever stands in it finds it in the store.
  void leaves_table(const Block& block);
  // A worker has been given a part of it in this very turn and has not read it yet.
  bool is_reading(const Block& block) const;
  // The block that was asked for, or the next one there is, lies in the reader's buffer.
  // `missing`: what should have been in front of it.
  void loaded(const Block& block, const Gap& missing);
  // There is none before the table's first.
  void nothing_to_load(const Gap& missing);
  // The store gives up everything before `next`; `lost` is what this reader had not taken of it.
  void drop_blocks_until(const BlockPlace& next, const Gap& lost);
  // The next that it will take, and (in the place) how many events come before that.
  BlockPlace unread_place() const;
  // Where a restart would go on, and where the first block begins that it would look for: going
  // back may read over blocks before it.
  BlockPlace acknowledged_place() const;
  Position kept_from() const;
  // What was dropped and nobody is known to have been told of: a restart tells it again.
  Gap untold_gap();
  // They will be overwritten; `first` has been acknowledged up to its beginning.
  void forget_blocks_before(const BlockPlace& first);

 private:
  friend class Channel;
  friend class Batch;
  friend class RecordReader;

  // For the channel.
  void begin(Channel& channel, const char* name);
  void more_to_read();
  void room_is_wanted();
  void drop_until(Position target);
  void rewound(Position before, const Mark& head);

  // For batches.
  void commit(InFlight& done);
  void hold(InFlight& written);
  void give_back(InFlight& batch);
  bool comes_again(const InFlight& batch) const;
  void give_back_from(InFlight& batch, const Mark& end, std::uint32_t events_kept);

  std::uint64_t unread_events() const;
  bool has_unread() const;
  bool worth_taking(const Take& take) const;
  Instant lingers_until(const Take& take) const;
  InFlight* try_take(const Take& take);
  InFlight* oldest_returned(const Take& take);
  InFlight& take_again(InFlight& returned);
  bool has_free_slot() const;
  InFlight& free_slot();
  InFlight& take_new(const Take& take);
  InFlight& begin_batch(InFlight& slot, const Take& take);
  void sized(InFlight& batch);
  void untake(InFlight& batch);
  void drop_in_flight(Position target);
  std::uint32_t drop_records(Mark& from, Position until, Gap& gap);
  Gap measure(Mark from, Position until) const;
  void count(const Gap& dropped, Gap& gap);
  void give_up(InFlight& batch);
  void release(InFlight& batch);
  void advance_over_acknowledged();
  void offer();
  bool has_ended() const;

  // Of a channel with blocks.
  InFlight* try_take_block(const Take& take);
  InFlight& take_from_block(const Take& take);
  InFlight& take_last_gap(const Take& take);
  bool has_in_buffer(std::uint64_t sequence) const;
  bool find_records(InFlight& returned);
  void ask_for(const BlockPlace& wanted);
  bool resolve();
  void enter_block();
  bool open_block_is_due(const Take& take) const;
  void rewind_blocks();
  void give_up_returned(std::uint64_t sequence);

  Channel* channel_ = nullptr;
  const char* name_ = "";
  Mark cursor_;
  Position written_ = 0;
  Position watermark_ = 0;
  bool watermark_is_a_mark_ = true;  // false: a drop has moved it into a record
  std::uint64_t events_read_ = 0;    // counted as the channel's events_put_
  std::uint64_t sequence_ = 0;
  std::uint64_t rewinds_ = 0;
  bool sizing_ = false;           // a batch is out whose end is not known yet
  Instant unread_since_ = never;  // when the oldest unread event was put; never: all is read
  Gap gap_;                       // drop_oldest: in front of the next batch
  Gap unsettled_gap_;             // went out with batches that are held

  std::array<InFlight, in_flight_max> slots_;
  List<InFlight, InFlightTag> in_flight_;  // ordered by position
  List<Next, NextTag> waiting_;
  async::Notice pressure_;
  BlockReader* reader_ = nullptr;  // of a channel with blocks
};

class [[nodiscard]] Subscription::Next final : public async::Wait, public Link<NextTag> {
 public:
  Next(Subscription& subscription, const Take& take) : subscription_(subscription), take_(take) {}
  Result<Batch> await_resume();

 private:
  friend class Subscription;
  void start() override;
  void abort() override;

  Subscription& subscription_;
  Take take_;
  InFlight* taken_ = nullptr;
};

// A taken batch, in the frame of the worker that took it.
class [[nodiscard]] Batch {
 public:
  Batch(Subscription& subscription, InFlight& slot) : subscription_(&subscription), slot_(&slot) {}
  Batch(Batch&& other) noexcept
      : subscription_(other.subscription_), slot_(std::exchange(other.slot_, nullptr)) {}
  Batch& operator=(Batch&&) = delete;
  ~Batch() {
    if (slot_ != nullptr) subscription_->give_back(*slot_);
  }

  std::uint32_t events() const { return slot_->events; }  // gap records count as one
  std::uint64_t sequence() const { return slot_->sequence; }
  Position first() const { return slot_->first.position; }
  Position last() const { return slot_->last; }
  // Dropped before this batch by `drop_oldest`; empty mostly.
  const Gap& gap() const { return slot_->gap; }

  // The worker has its own copy now. From here on the ring may take the room.
  void encoded() {
    if (!slot_->sized) subscription_->sized(*slot_);
    if (slot_->state == InFlight::State::taken) slot_->state = InFlight::State::encoded;
  }
  // Given back it would come again; false: the channel has dropped it, but for the worker's copy.
  bool comes_again() const { return subscription_->comes_again(*slot_); }
  // Of a channel with blocks; else of no meaning.
  const Block& block() const { return slot_->block; }
  std::uint32_t first_record() const { return slot_->first_record; }

  // When it is dropped now it waits for a Take of `worker`: no other gets it.
  void reserve(const void* worker) { slot_->reserved_for = worker; }
  // Somebody had it before and gave it back: it cannot be cut any more. Asked before it is read.
  bool is_taken_again() const { return slot_->sized; }

  void commit() { subscription_->commit(*std::exchange(slot_, nullptr)); }
  void hold() { subscription_->hold(*std::exchange(slot_, nullptr)); }

 private:
  friend class RecordReader;
  Subscription* subscription_;
  InFlight* slot_;
};

// Walks the records of a batch that is not yet `encoded`, without a co_await in between. The first
// walk also finds where the batch ends (the limits of its Take), so that nobody walks for that
// alone.
//   RecordReader reader(batch);
//   while (reader.next()) use(reader.record());
class RecordReader {
 public:
  explicit RecordReader(const Batch& batch);
  bool next();
  const Record& record() const { return record_; }
  // Leaves the current record and all behind it for the next batch; what was read before stays.
  // Only for the newest batch of the subscription. At least one record must have been kept.
  void cut_before();

 private:
  const Batch& batch_;
  const Channel& channel_;
  const std::byte* records_;
  Mark at_;      // of the current record
  Mark behind_;  // of the one after it
  std::uint32_t events_before_ = 0;
  bool started_ = false;
  Record record_{nullptr};
};

}  // namespace runnel::pipeline
