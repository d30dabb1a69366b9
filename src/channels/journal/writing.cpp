// Blocks on their way to disk, and the syncs behind them: one at a time, and each takes along
// everything that was written before it began. When, is pacing.cpp's to say.
#include <algorithm>
#include <cstring>

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "base/canary.hpp"
#include "base/mark.hpp"
#include "channels/journal/journal_store.hpp"

namespace runnel::channels::journal {

using async::Task;
using pipeline::Block;
using pipeline::BlockPlace;
using pipeline::Gap;
using pipeline::Position;
using pipeline::WhenFull;

namespace {

constexpr Duration pause_first = 100ms;
constexpr Duration pause_longest = 10s;

}  // namespace

Task<void> JournalStore::write_on() {
  while (true) {
    if (write_again_ && !syncing_) write_again();
    Block* next = write_again_ ? nullptr : next_to_write();
    if (next == nullptr) {
      withhold_no_more();
      const Status rang = co_await work_.wait(write_due());
      if (!rang && rang.error() == Error::cancelled) co_return;
      continue;
    }
    const Instant allowed = writes_again_at();
    if (allowed > context_.now()) {
      withhold(allowed);
      const Status rang = co_await work_.wait(allowed);
      if (!rang && rang.error() == Error::cancelled) co_return;
      continue;
    }
    withhold_no_more();
    const bool was_full = full_;
    const Status written = co_await write_block(*next);
    if (written.error() == Error::cancelled) co_return;
    if (written) {
      works();
      continue;
    }
    syncs_.ring();
    if (written.error() == Error::no_room) {
      if (!was_full) idle_.ring();
      // Until a reader has got on.
      const Status rang = co_await work_.wait();
      if (!rang) co_return;
      continue;
    }
    failed("cannot be written", written.error());
    idle_.ring();
    const Status slept = co_await async::sleep_until(after(context_.now(), pause_));
    if (!slept) co_return;
  }
}

// --- one block -----------------------------------------------------------------------------------

Task<Status> JournalStore::write_block(Block& block) {
  const Bytes records = channel().records_of(block);
  const auto payload = compressor_.compress(records, memory_.wire.subspan(BlockHeader::bytes));
  // Invariant: `wire` was planned for the worst that a block can become.
  RUNNEL_ASSERT(payload.has_value());
  const std::uint64_t size = block_bytes_on_disk(*payload);
  block.state = Block::State::writing;  // it stays where it is until this has ended
  if (next_.segment == Segments::none || next_.at + size > segments_.end_of(next_.segment)) {
    const Status begun = co_await begin_segment(block);
    if (!begun) {
      block.state = Block::State::sealed;
      co_return begun;
    }
  }
  BlockHeader header;
  header.payload_bytes = static_cast<std::uint32_t>(*payload);
  header.raw_bytes = static_cast<std::uint32_t>(block.bytes);
  header.events = block.counts.events;
  header.gaps = block.counts.gaps;
  header.generation = segments_.at(next_.segment).generation;
  header.sequence = block.sequence;
  header.epoch = block.epoch;
  header.first_position = block.first.position;
  header.last_position = block.end();
  header.first_ordinal = block.ordinal;
  header.unwritten_events = unwritten_events_;
  header.body_bytes = block.body_bytes_before;
  header.boot = context_.system.facts().boot_id;
  context_.clock.refresh();
  if (context_.clock.is_set()) header.clock_offset_ns = context_.clock.boot_to_wall_ns();
  header.custody = durable_position_;
  encode(header, superblock_.salt, memory_.wire.first(BlockHeader::bytes + *payload));
  const MutableBytes whole = memory_.wire.first(static_cast<std::size_t>(size));
  std::memset(whole.data() + BlockHeader::bytes + *payload, 0,
              whole.size() - BlockHeader::bytes - *payload);
  const Status written = co_await write_fully(file_, whole, next_.at);
  block.state = written ? Block::State::written : Block::State::sealed;
  if (!written) co_return written;
  block.place = next_.at;
  block.place_behind = next_.at + size;
  next_.at += size;
  written_sequence_ = block.sequence;
  counters().stored_events += block.counts.events;
  channel().written_until(block.end());
  if (settings_.sync == Sync::never || canary(Canary::journal_custody_before_sync)) {
    block.state = Block::State::synced;
    durable_ = next_;
    release();
  }
  syncs_.ring();
  idle_.ring();
  if (cursors_are_due()) cursors_moved_.ring();
  co_return Status();
}

Task<Status> JournalStore::write_fully(io::Handle file, Bytes bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const auto done = co_await async::write(file, bytes, at);
    if (!done) co_return done.error();
    if (*done == 0) co_return Error::no_space;
    counters().written_bytes += *done;
    cursors_.written_bytes += *done;
    budget_.spend(*done, context_.now());
    at += *done;
    bytes = bytes.subspan(*done);
  }
  co_return Status();
}

// --- segments ------------------------------------------------------------------------------------

// The one behind the newest: the oldest there is.
Task<Status> JournalStore::begin_segment(const Block& first) {
  const std::size_t index = next_.segment == Segments::none ? 0 : segments_.behind(next_.segment);
  const Status free = co_await make_free(index);
  if (!free) co_return free;
  SegmentHeader header;
  header.index = static_cast<std::uint32_t>(index);
  header.generation = segments_.empty() ? 1 : segments_.at(next_.segment).generation + 1;
  header.first_sequence = first.sequence;
  header.first_position = first.first.position;
  header.first_ordinal = first.ordinal;
  header.unwritten_events = unwritten_events_;
  header.body_bytes = first.body_bytes_before;
  encode(header, superblock_.salt, memory_.segment_page);
  const Status written =
      co_await write_fully(file_, memory_.segment_page, segments_.begin_of(index));
  if (!written) co_return written;
  segments_.at(index) = header;
  segments_.make_newest(index);
  next_ = {index, segments_.first_block_of(index)};
  co_return Status();
}

// `no_room`: its blocks are still wanted, and the channel waits for their reader.
Task<Status> JournalStore::make_free(std::size_t index) {
  if (segments_.at(index).generation == 0) co_return Status();
  if (is_needed(index)) {
    full_ = true;
    if (full_complaint_.due(context_.now()))
      log_warn(context_.name, settings_.path, " is full: ",
               settings_.when_full == WhenFull::block         ? "the sources wait"
               : settings_.when_full == WhenFull::drop_newest ? "what comes is dropped"
                                                              : "the oldest events are dropped");
    if (settings_.when_full == WhenFull::drop_newest) channel().drop_newest_while(true);
    if (settings_.when_full != WhenFull::drop_oldest) co_return Error::no_room;
    give_up(index);
  }
  if (full_ && settings_.when_full == WhenFull::drop_newest) channel().drop_newest_while(false);
  full_ = false;
  // A restart must not look for a reader's place in what is going to be overwritten.
  const SegmentHeader& next = segments_.at(segments_.behind(index));
  if (next.generation > 0)
    for (Subscription& reader : channel().subscriptions())
      reader.forget_blocks_before(first_block_of(segments_.behind(index)));
  if (durable_until_ < next.first_position) {
    const Status saved = co_await save_cursors(true);
    if (!saved) co_return saved;
  }
  segments_.at(index).generation = 0;
  co_return Status();
}

bool JournalStore::is_needed(std::size_t index) {
  if (canary(Canary::journal_segment_reused)) return false;
  const SegmentHeader& next = segments_.at(segments_.behind(index));
  return next.generation > 0 && acknowledged_by_all() < next.first_position;
}

BlockPlace JournalStore::first_block_of(std::size_t index) {
  const SegmentHeader& header = segments_.at(index);
  return {header.first_sequence,
          header.first_position,
          segments_.first_block_of(index),
          header.first_ordinal - header.unwritten_events,
          header.body_bytes,
          true};
}

// drop_oldest: readers that are behind go on with the next segment.
void JournalStore::give_up(std::size_t index) {
  const SegmentHeader& next = segments_.at(segments_.behind(index));
  const BlockPlace place = first_block_of(segments_.behind(index));
  for (Subscription& reader : channel().subscriptions()) {
    const BlockPlace stands = reader.unread_place();
    const std::uint64_t left_out = stands.written_only ? next.unwritten_events : 0;
    const Gap lost = missing_between(stands, next.first_ordinal - left_out, next.body_bytes);
    reader.drop_blocks_until(place, lost);
  }
  for (std::size_t each = own_cursors_; each < cursors_.cursors.size(); ++each) {
    Cursor& cursor = cursors_.cursors[each];
    if (cursor.position >= place.position) continue;
    // Its sink may come back, and is told then; counted from the beginning of the block that it
    // stands in.
    pipeline::Gap untold = kept_gap(cursor);
    untold.add(missing_between(
        {cursor.sequence, cursor.position, cursor.block_at, cursor.ordinal, next.body_bytes, true},
        next.written_before(), next.body_bytes));
    cursor.position = place.position;
    cursor.ordinal = place.ordinal;
    cursor.block_at = place.place;
    cursor.sequence = place.sequence;
    keep_gap(untold, cursor);
  }
}

// --- syncs ---------------------------------------------------------------------------------------

Task<void> JournalStore::sync_on() {
  while (true) {
    const bool by_time =
        settings_.mode == Mode::always && settings_.sync == Sync::interval && !flushing_;
    bool any = false;
    for (std::size_t index = 0; index < table().count() && !any; ++index)
      any = table().at(index).state == Block::State::written;
    // By time: when all that was due has been written; or the ring needs the room.
    const bool ready = by_time ? sync_due_ || is_crowded() : !waits_for_more();
    const bool due = any && !write_again_ && ready;
    if (!due) {
      const Status rang = co_await syncs_.wait();
      if (!rang) co_return;
      continue;
    }
    const Status synced = co_await sync();
    if (synced.error() == Error::cancelled) co_return;
    if (!synced) {
      failed("could not be made durable; it is written again", synced.error());
      const Status slept = co_await async::sleep_until(after(context_.now(), pause_));
      if (!slept) co_return;
    }
    work_.ring();
    idle_.ring();
  }
}

Task<Status> JournalStore::sync() {
  const WritePlace behind = next_;
  const std::uint64_t last = written_sequence_;
  syncing_ = true;
  sync_due_ = false;
  const Status synced = co_await sync_file();
  syncing_ = false;
  if (!synced) co_return synced;
  works();
  durable_ = behind;
  for (std::size_t index = 0; index < table().count(); ++index) {
    Block& block = table().at(index);
    if (block.state == Block::State::written && block.sequence <= last)
      block.state = Block::State::synced;
  }
  release();
  co_return Status();
}

// A failed sync is told to one caller, and what it was for may be gone for all: whoever has synced
// meanwhile cannot be sure of anything, and the blocks go out again.
Task<Status> JournalStore::sync_file() {
  const std::uint64_t failures_before = sync_failures_;
  const Status synced = co_await async::sync(file_);
  ++counters().syncs;
  ++cursors_.syncs;
  if (!synced && synced.error() != Error::cancelled) {
    ++sync_failures_;
    write_again_ = true;
    work_.ring();
  }
  if (synced && sync_failures_ != failures_before) co_return Error::io;
  co_return synced;
}

// The kernel may have dropped what it could not write: everything since the last good sync goes out
// again, from the ring, to where it was.
void JournalStore::write_again() {
  passed(Seldom::journal_written_again);
  write_again_ = false;
  for (std::size_t index = 0; index < table().count(); ++index) {
    Block& block = table().at(index);
    if (block.state != Block::State::written) continue;
    block.state = Block::State::sealed;
    block.place = block.place_behind = 0;
  }
  // Segments begun since are begun again, as they were; the very first one, too.
  const bool none_is_durable = durable_.segment == Segments::none;
  const std::size_t last = none_is_durable ? segments_.count() - 1 : durable_.segment;
  while (next_.segment != last && next_.segment != Segments::none) {
    segments_.at(next_.segment).generation = 0;
    next_.segment = (next_.segment + segments_.count() - 1) % segments_.count();
  }
  next_ = durable_;
  segments_.make_newest(durable_.segment);
}

// --- trouble -------------------------------------------------------------------------------------

void JournalStore::failed(std::string_view what, Error why) {
  ++counters().errors;
  last_error_ = why;
  pause_ = std::clamp(pause_ * 2, pause_first, pause_longest);
  if (complaint_.due(context_.now()))
    log_error(context_.name, settings_.path, " ", what, ": ", describe(why),
              "; events are kept in memory only, and what the sinks take is safe with them");
}

void JournalStore::works() {
  if (last_error_ != Error::none) log_info(context_.name, settings_.path, ": written again");
  last_error_ = Error::none;
  pause_ = Duration::zero();
}

}  // namespace runnel::channels::journal
