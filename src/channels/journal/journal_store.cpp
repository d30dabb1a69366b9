#include "channels/journal/journal_store.hpp"

#include <algorithm>

#include "async/sleep.hpp"
#include "base/canary.hpp"

namespace runnel::channels::journal {

using async::Scope;
using async::Task;
using pipeline::Position;

JournalStore::Memory JournalStore::carve(Region& region, const Settings& settings) {
  const auto on_disk = static_cast<std::size_t>(block_bytes_max(settings.raw_bytes_max()));
  Memory memory;
  memory.wire = region.bytes(on_disk, "block to be written", page_bytes);
  memory.read = region.bytes(on_disk, "block read back", page_bytes);
  memory.page = region.bytes(page_bytes, "cursors", page_bytes);
  memory.segment_page = region.bytes(page_bytes, "segment header", page_bytes);
  memory.compressor = codec::Compressor::carve(region, settings.compressor());
  memory.decompressor = codec::Decompressor::carve(region);
  memory.segments = region.array<SegmentHeader>(segments_max, "segments");
  memory.readers = region.array<pipeline::BlockReader>(settings.subscriptions, "block readers");
  memory.loaded = region.bytes(settings.subscriptions * settings.raw_bytes_max(), "loaded blocks");
  // Four tasks, each two or three deep.
  region.frames(12, 1024);
  region.handles(4);
  return memory;
}

JournalStore::JournalStore(pipeline::ChannelContext& context, const Settings& settings,
                           const Memory& memory)
    : context_(context),
      settings_(settings),
      memory_(memory),
      compressor_(settings.compressor(), memory.compressor),
      decompressor_(memory.decompressor),
      budget_(settings.written_bytes_max_per_day) {
  channel().rest_on(*this);
}

JournalStore::~JournalStore() {
  for (const io::Handle handle : {file_, lock_})
    if (handle != io::Handle::none) context_.reactor().discard(handle);
}

Task<void> JournalStore::run() {
  Scope& outer = *co_await async::current_scope();
  Scope inner(outer, context_.name);
  inner.spawn(write_on());
  inner.spawn(sync_on());
  inner.spawn(load_on());
  inner.spawn(save_on());
  co_await inner.join();
}

// --- what may leave the ring ---------------------------------------------------------------------

Position JournalStore::acknowledged_by_all() const {
  Position lowest = channel().head();
  for (const Subscription& reader : channel().subscriptions())
    lowest = std::min(lowest, reader.watermark());
  for (std::size_t index = own_cursors_; index < cursors_.cursors.size(); ++index)
    lowest = std::min(lowest, cursors_.cursors[index].position);
  return lowest;
}

void JournalStore::acknowledged() {
  release();
  if (cursors_moved_.awaited()) cursors_moved_.ring();
  if (full_ || settings_.sync == Sync::interval || settings_.mode == Mode::overflow) work_.ring();
}

// Custody is what is durable or acknowledged by all, without a hole; from the ring goes what nobody
// reads there at the moment.
void JournalStore::release() {
  const Position acknowledged = acknowledged_by_all();
  channel().safe_until(acknowledged);
  bool all_durable = true;
  for (std::size_t index = 0; index < table().count(); ++index) {
    const Block& block = table().at(index);
    all_durable = all_durable && block.state == Block::State::synced;
    if (!all_durable && block.end() > acknowledged) break;
    if (all_durable) durable_position_ = std::max(durable_position_, block.end());
    channel().safe_until(block.end());
  }
  while (!table().empty()) {
    Block& oldest = table().front();
    // What a reader is about to take stays, as long as there is room.
    const bool wanted = oldest.end() > acknowledged && !is_crowded() && !flushing_;
    const bool gone = (oldest.state == Block::State::synced && !wanted) ||
                      (oldest.state == Block::State::sealed && skips(oldest));
    if (!gone) break;
    const auto readers = channel().subscriptions();
    const bool read_now =
        std::any_of(readers.begin(), readers.end(),
                    [&](const Subscription& each) { return each.is_reading(oldest); });
    if (read_now) break;
    if (oldest.state == Block::State::sealed) unwritten_events_ += oldest.counts.events;
    written_sequence_ = std::max(written_sequence_, oldest.sequence);
    channel().written_until(oldest.end());
    channel().release_oldest();
  }
}

// New blocks will soon need the room of old ones.
bool JournalStore::is_crowded() const {
  return channel().used() * 4 >= channel().capacity() * 3 || !table().takes_small_ones();
}

// Acknowledged by all before it was written: then nobody will read it again.
bool JournalStore::skips(const Block& block) {
  const bool written_at_once = settings_.mode == Mode::always && !writes_by_time() && !withheld_;
  return !written_at_once && block.end() <= acknowledged_by_all();
}

// Whether the disk has room for all that is in memory only, at its worst: if not, only the sinks
// can make it.
bool JournalStore::keeps() {
  if (settings_.when_full == pipeline::WhenFull::drop_oldest) return true;
  if (full_) return false;
  const std::uint64_t unwritten = channel().backlog_bytes();
  if (unwritten == 0) return true;
  const bool none = next_.segment == Segments::none;
  std::uint64_t room = none ? 0 : segments_.end_of(next_.segment) - next_.at;
  std::size_t index = none ? 0 : segments_.behind(next_.segment);
  for (std::size_t free = none ? 0 : 1; free < segments_.count(); ++free) {
    if (segments_.at(index).generation > 0 && is_needed(index)) break;
    room += segments_.segment_bytes() - page_bytes;
    index = segments_.behind(index);
  }
  // Each block ends on a page of its own, and may leave a segment that it does not fit into.
  const std::uint64_t blocks = table().count() + 1;
  const std::uint64_t worst = unwritten + blocks * (BlockHeader::bytes + page_bytes) +
                              block_bytes_max(settings_.raw_bytes_max());
  return worst <= room;
}

// --- the end -------------------------------------------------------------------------------------

Task<bool> JournalStore::shut() {
  flushing_ = true;
  // The table may have no room for the last small one before others have left.
  while (true) {
    const bool sealed = channel().seal();
    release();
    work_.ring();
    syncs_.ring();
    if (sealed && table().empty()) break;
    if (last_error_ != Error::none) break;
    // Full, it gets no room any more: its readers have stopped.
    const Status moved = co_await idle_.wait(after(context_.now(), full_ ? 200ms : 10s));
    if (!moved) break;
  }
  const bool all_kept = table().empty() && channel().open_bytes() == 0;
  if (!all_kept)
    log_error(context_.name, settings_.path, ": ", HumanSize{channel().backlog_bytes()},
              " of records could not be written (",
              last_error_ != Error::none ? describe(last_error_)
              : full_                    ? std::string_view("it is full")
                                         : std::string_view("the disk is too slow"),
              "); what its source does not read again is lost");
  const Status saved = co_await save_cursors(true);
  if (!saved)
    log_error(context_.name, settings_.path,
              ": how far the sinks are cannot be written: ", describe(saved.error()),
              "; the next start delivers again what they had since");
  co_return all_kept;
}

}  // namespace runnel::channels::journal
