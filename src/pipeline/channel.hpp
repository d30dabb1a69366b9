// The channel: a ring of records in fixed memory, between the sources that put and the
// subscriptions that take. An event is copied once, into the ring; readers see it there. What comes
// back up is one number, the custody position: everything before it is somebody else's to keep.
//
// Put is all or nothing and never open across a co_await. When the ring is full: `block` makes the
// putter wait, `drop_newest` and `drop_oldest` drop, count, and leave a gap for the receiver.
//
// Room goes round: while somebody waits for it, whoever has not waited is refused (`no_room`) and
// joins the end of the queue, and who has been woken has all the room until it has put. Otherwise
// the source that is never at rest takes every byte that comes free, and a slower one starves.
//
// Invariants: tail <= watermark <= cursor <= head of every subscription, head - tail <= capacity
// (only drop_oldest moves the tail past a watermark, and takes that along).
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>

#include "async/scheduler.hpp"
#include "async/scope.hpp"
#include "async/wait.hpp"
#include "base/mark.hpp"
#include "base/region.hpp"
#include "pipeline/blocks.hpp"
#include "pipeline/counters.hpp"
#include "pipeline/position.hpp"
#include "pipeline/record.hpp"
#include "pipeline/subscription.hpp"

namespace runnel::pipeline {

class Store;
class StorePlan;

enum class WhenFull : std::uint8_t { block, drop_newest, drop_oldest };

struct ChannelSettings {
  std::size_t capacity_bytes = 4u << 20;  // rounded up to 4 KiB
  WhenFull when_full = WhenFull::block;
  std::uint32_t subscriptions_max = 1;
  // What lies below the ring; null: nothing, it is all in memory. Then `when_full` is the store's.
  std::shared_ptr<const StorePlan> store;
};
inline constexpr std::size_t channel_capacity_min = 64 * 1024;
inline constexpr std::size_t channel_capacity_max = std::size_t{1} << 30;

struct ChannelMemory {
  static ChannelMemory carve(Region& region, const ChannelSettings& settings);
  MutableBytes ring;
  std::span<Subscription> subscriptions;
  std::span<Block> blocks;  // with a store
};

class Put;
class Writable;
struct WritableTag;
class Turn;

class Channel {
 public:
  Channel(async::Scheduler& scheduler, const char* name, const ChannelSettings& settings,
          const ChannelMemory& memory);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // --- for sources ---------------------------------------------------------------------------
  [[nodiscard]] Put put();
  [[nodiscard]] Put put(const Turn& turn);
  // Ready when a record of `bytes` fits (at once unless `block`). First come, first served: the
  // others wait until `turn` is given up.
  [[nodiscard]] Writable writable(std::size_t bytes, Turn& turn);
  bool fits(std::size_t bytes) const { return needed(bytes) <= room(); }
  // An append of this size to the put that is open, or to one whose turn it is, would succeed: what
  // a policy drops counts as taken.
  bool takes(std::size_t bytes) const;
  // Larger records would not fit beside their padding, or into a block of the store.
  std::size_t record_bytes_max() const { return record_bytes_max_; }
  bool blocks() const { return when_full_ == WhenFull::block; }
  // For room, or with it as long as it is theirs.
  bool somebody_waits() const { return turn_ != nullptr || !writers_.empty(); }

  // --- for sinks -----------------------------------------------------------------------------
  // Start-up only: sees every event put from now on.
  Subscription& subscribe(const char* name);

  // --- custody -------------------------------------------------------------------------------
  // Sources may forget everything they put before this.
  Position custody() const { return blocks_ ? custody_ : tail_; }
  Position head() const { return head_.position; }
  // What the busiest subscription has still to take; 0 while all of them wait for more.
  std::size_t backlog_bytes() const;
  // Rings when a worker asks for its next batch.
  async::Notice& taken() { return taken_; }

  // No more puts; subscriptions drain, then end. `keeping`: what is unread stays in the store, and
  // they end at once.
  void close(bool keeping = false);
  bool closed() const { return closed_; }
  // Nothing is held for anybody.
  bool drained() const { return custody() == head_.position; }

  const char* name() const { return name_; }
  std::size_t capacity() const { return ring_.size(); }
  std::size_t used() const { return static_cast<std::size_t>(head_.position - tail_); }
  const ChannelCounters& counters() const { return counters_; }
  ChannelCounters& counters() { return counters_; }
  std::span<Subscription> subscriptions() { return subscriptions_.first(subscribed_); }

  // --- for the store below it ----------------------------------------------------------------
  // Start-up only, before anything is put: custody and room are the store's from now on.
  void rest_on(Store& store);
  void begin_at(Position head);
  BlockTable& block_table() { return *blocks_; }
  bool has_blocks() const { return blocks_.has_value(); }
  Bytes records_of(const Block& block) const {
    return Bytes(ring_).subspan(block.first.offset, block.bytes);
  }
  // Everything that is put is in a block; false when that has to wait for room in the table.
  bool seal();
  // The same, for the store: whoever waits for data is given it.
  bool seal_for_store();
  std::size_t open_bytes() const { return open_.bytes; }
  Instant open_since() const { return open_.bytes == 0 ? never : open_.since; }
  // Sources may forget what is before `until`.
  void safe_until(Position until) { custody_ = std::max(custody_, until); }
  // What is before `until` is written down or needs no writing: sources that read ahead go on.
  void written_until(Position until);
  // The oldest block leaves the table, and the ring has its room.
  void release_oldest();
  // The store is full and nobody wants to wait: what is put from now on is dropped, or no more.
  void drop_newest_while(bool full);

 private:
  friend class Put;
  friend class Turn;
  friend class Writable;
  friend class Subscription;
  friend class RecordReader;

  // Putting; `writing_` runs ahead of `head_` while a put is open.
  Status append(const Event& event);
  Status make_room(const Event& event, std::size_t size);
  Status drop_newest(const Event& event, std::size_t size);
  std::byte* place(std::size_t size);
  void say_last_gap();
  Position commit();
  void abandon();
  std::size_t room() const {
    return ring_.size() - static_cast<std::size_t>(writing_.position - tail_);
  }
  std::size_t contiguous() const { return ring_.size() - writing_.offset; }
  std::size_t needed(std::size_t size) const {
    return contiguous() < size ? contiguous() + size : size;
  }

  // Blocks: what has been put since is looked at once, and cut where a block is full.
  void cut_blocks();
  void close_block();

  void queue(Writable& writer);
  void resumed(Writable& writer);

  // Called by subscriptions.
  void watermark_moved();
  void free_room_by_dropping(std::size_t size);
  void rewind_when_empty();
  // With what has to be said in front of it.
  bool fits_with_gap(std::size_t bytes) const {
    return fits(bytes + (gap_.empty() ? 0 : gap_record_bytes));
  }
  void write_pending_gap();
  void wake_next_writer();
  void step(Mark& mark, std::size_t size) const {
    mark.position += size;
    mark.offset += size;
    if (mark.offset == ring_.size()) mark.offset = 0;
  }
  const std::byte* at(const Mark& mark) const { return ring_.data() + mark.offset; }

  async::Scheduler& scheduler_;
  const char* name_;
  MutableBytes ring_;
  WhenFull when_full_;
  std::size_t record_bytes_max_;

  Mark head_;
  Mark writing_;
  Position tail_ = 0;
  std::uint64_t events_put_ = 0;  // event and gap records committed
  std::uint64_t events_writing_ = 0;
  std::uint64_t gaps_writing_ = 0;  // how many of those are gap records
  std::uint64_t bytes_writing_ = 0;
  bool put_open_ = false;
  bool put_refused_ = false;  // others waited first
  bool closed_ = false;

  // drop_newest: what was dropped at the head; written before the next event that fits.
  Gap gap_;
  Gap gap_before_put_;

  std::span<Subscription> subscriptions_;
  std::size_t subscribed_ = 0;
  List<Writable, WritableTag> writers_;
  Writable* woken_writer_ = nullptr;  // keeps its place among them until it runs
  Turn* turn_ = nullptr;              // whose it is since then, until it has put
  async::Notice taken_;
  ChannelCounters counters_;

  // With a store. The open block is behind the last one of the table.
  struct OpenBlock {
    Mark first, walked;  // where it begins, and how far it has been looked at: up to the head
    std::size_t bytes = 0;
    RecordCounts counts;
    Instant since;
  };
  Store* store_ = nullptr;
  std::optional<BlockTable> blocks_;
  OpenBlock open_;
  Position custody_ = 0;
  Position written_ = 0;
  bool keeping_ = false;  // closed, and the rest is the store's
};

// What a putter has waited for: that the others let it go first, until it gives up its turn or this
// ends. Lives in the frame of whoever puts.
class Turn {
 public:
  Turn() = default;
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { give_up(); }
  void give_up() {
    waited_ = false;
    if (channel_ != nullptr) leave();
  }

 private:
  friend class Channel;
  friend class Put;
  friend class Writable;
  void leave();
  Channel* channel_ = nullptr;
  bool waited_ = false;
};

// The right to put, for as long as it lives. Not committed: nothing happened.
class [[nodiscard]] Put {
 public:
  Put(Channel& channel, const Turn& turn) : Put(channel, turn.waited_) {}
  explicit Put(Channel& channel, bool waited = false) : channel_(channel) {
    // Invariant: at most one put is open; a co_await inside one would break that here.
    RUNNEL_ASSERT(!channel.put_open_ && !channel.closed_);
    channel.put_open_ = true;
    channel.put_refused_ = !waited && channel.somebody_waits();
    channel.gap_before_put_ = channel.gap_;
  }
  Put(const Put&) = delete;
  Put& operator=(const Put&) = delete;
  ~Put() {
    if (open_) channel_.abandon();
  }
  // `no_room`: commit what there is, await `writable`, put again. `too_large`: never fits.
  Status append(const Event& event) { return channel_.append(event); }
  // The position behind the last event.
  Position commit() {
    RUNNEL_ASSERT(open_);
    open_ = false;
    return channel_.commit();
  }

 private:
  Channel& channel_;
  bool open_ = true;
};

class [[nodiscard]] Writable final : public async::Wait, public Link<WritableTag> {
 public:
  Writable(Channel& channel, std::size_t bytes, Turn& turn)
      : channel_(channel), bytes_(bytes), turn_(turn) {}
  Status await_resume() noexcept {
    channel_.resumed(*this);
    return error();
  }

 private:
  friend class Channel;
  void start() override;
  void abort() override;
  void end(Error error);
  Channel& channel_;
  std::size_t bytes_;
  Turn& turn_;
};

inline Put Channel::put() { return Put(*this); }
inline Put Channel::put(const Turn& turn) { return Put(*this, turn); }
inline Writable Channel::writable(std::size_t bytes, Turn& turn) {
  return Writable(*this, bytes, turn);
}

// The hot path: one event into the ring.
inline Status Channel::append(const Event& event) {
  const std::size_t size = record_bytes(event);
  if (!gap_.empty() || put_refused_ || size > record_bytes_max() || !fits(size)) [[unlikely]] {
    if (const Status status = make_room(event, size); !status) return status;
    if (!gap_.empty()) return {};  // dropped and counted
  }
  write_record(place(size), event, size);
  ++events_writing_;
  bytes_writing_ += event.body.size();
  return {};
}

inline std::byte* Channel::place(std::size_t size) {
  if (contiguous() < size) [[unlikely]] {
    passed(Seldom::ring_wrapped);
    const std::size_t rest = contiguous();
    write_padding(ring_.data() + writing_.offset, rest);
    step(writing_, rest);
  }
  std::byte* at = ring_.data() + writing_.offset;
  step(writing_, size);
  return at;
}

}  // namespace runnel::pipeline
