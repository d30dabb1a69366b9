// When blocks are written and synced: at once, when the sync is due, or when memory is short;
// later, or not at all for a while, when max_bytes_written_per_day wants it.
#include <algorithm>

#include "channels/journal/journal_store.hpp"

namespace runnel::channels::journal {

using pipeline::Block;
using pipeline::WhenFull;

namespace {

constexpr std::size_t blocks_of_a_sync = 8;

}  // namespace

// Every so often all that there is, not each block as it comes.
bool JournalStore::writes_by_time() const {
  if (settings_.mode != Mode::always) return false;
  return settings_.sync == Sync::interval || budget_.stretch(context_.now()) > Duration::zero();
}

// The oldest that is not written, if it should be now.
Block* JournalStore::next_to_write() {
  release();
  const bool by_time = writes_by_time();
  const Instant now = context_.now();
  // While nothing can be written, what comes goes on to fill the block that is open.
  const bool seals = !withheld_ || flushing_;
  // What is not full waits for company, but not for long: its source waits for custody.
  if (settings_.mode == Mode::always && !by_time && !flushing_ && seals &&
      channel().open_since() != never && now >= after(channel().open_since(), settings_.block_age))
    (void)channel().seal_for_store();
  // When the oldest is due, all that there is goes out with it.
  if (by_time && now >= oldest_due()) flushes_ = true;
  if (seals && (flushing_ || flushes_)) (void)channel().seal_for_store();
  // Of overflow just as much as memory is short of.
  const std::size_t unwritten = channel().backlog_bytes();
  const bool short_of_memory =
      unwritten * 4 >= channel().capacity() * 3 || !table().takes_small_ones();
  const bool writes =
      flushing_ || flushes_ || short_of_memory || (settings_.mode == Mode::always && !by_time);
  if (Block* oldest = oldest_sealed(); oldest != nullptr) return writes ? oldest : nullptr;
  if (flushes_) {
    say_of_stretch(budget_.stretch(now));
    flushes_ = false;
    sync_due_ = true;
    syncs_.ring();
  }
  return nullptr;
}

Block* JournalStore::oldest_sealed() {
  for (std::size_t index = 0; index < table().count(); ++index)
    if (table().at(index).state == Block::State::sealed) return &table().at(index);
  return nullptr;
}

// By `sync`, and later when the budget is running short. Never: there is nothing to be written.

Instant JournalStore::oldest_due() {
  const Duration stretch = budget_.stretch(context_.now());
  const bool by_interval = settings_.sync == Sync::interval;
  const Block* sealed = oldest_sealed();
  return after(sealed != nullptr ? sealed->opened_at : channel().open_since(),
               (by_interval ? settings_.sync_interval : settings_.block_age) + stretch);
}

Instant JournalStore::write_due() {
  if (write_again_) return never;
  const Instant open_since = channel().open_since();
  if (settings_.mode == Mode::overflow) return never;
  // Nothing to write, and no room to seal more: the next sync makes some, and rings.
  if (oldest_sealed() == nullptr && !table().takes_small_ones()) return never;
  return writes_by_time() ? oldest_due() : after(open_since, settings_.block_age);
}

// A sync costs the same for one block and for several: those that are on their way are waited for.
bool JournalStore::waits_for_more() const {
  if (settings_.mode != Mode::always || full_ || withheld_ || last_error_ != Error::none ||
      is_crowded())
    return false;
  std::size_t written = 0;
  bool more = false;
  for (std::size_t index = 0; index < table().count(); ++index) {
    const Block::State state = table().at(index).state;
    written += state == Block::State::written ? 1 : 0;
    more = more || state == Block::State::sealed || state == Block::State::writing;
  }
  return more && written < blocks_of_a_sync;
}

// --- max_bytes_written_per_day -------------------------------------------------------------------

// A block at its largest, the segment that it may begin, and the places that go with that. A stop
// does not wait: what it has to write is made up for by the next process.
Instant JournalStore::writes_again_at() const {
  if (flushing_) return context_.now();
  return budget_.allows(written_at_once_max(settings_.raw_bytes_max()), context_.now());
}

void JournalStore::withhold(Instant until) {
  if (withheld_) return;
  withheld_ = true;
  ++counters().withheld_writes;
  // A sync costs nothing of it: what is written already shall be safe.
  sync_due_ = true;
  syncs_.ring();
  // Nobody is to wait for hours who was told not to wait.
  if (settings_.when_full != WhenFull::block) channel().drop_newest_while(true);
  if (budget_complaint_.due(context_.now()))
    log_warn(context_.name, settings_.path,
             ": max_bytes_written_per_day = ", WrittenSize{budget_.bytes_per_day()},
             " is used up; the next block is written in ", HumanDuration{until - context_.now()},
             ", and until then only what the sinks take is safe");
}

void JournalStore::withhold_no_more() {
  if (!withheld_) return;
  withheld_ = false;
  if (settings_.when_full != WhenFull::block && !full_) channel().drop_newest_while(false);
}

void JournalStore::say_of_stretch(Duration stretch) {
  if (stretch == Duration::zero()) return;
  ++counters().stretched_syncs;
  if (stretch_complaint_.due(context_.now()))
    log_warn(context_.name, settings_.path, ": ", HumanSize{budget_.spent(context_.now())},
             " were written of the ", HumanSize{budget_.burst()},
             " that max_bytes_written_per_day allows at a time; syncs are put off by ",
             HumanDuration{stretch}, ", more when that is not enough");
}

}  // namespace runnel::channels::journal
