// How far the readers have come, on two pages in turn: a torn one leaves the other.
#include <algorithm>

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "base/canary.hpp"
#include "channels/journal/journal_store.hpp"

namespace runnel::channels::journal {

using async::Task;
using pipeline::BlockPlace;

Task<void> JournalStore::save_on() {
  Duration interval = settings_.cursor_interval;
  if (settings_.sync == Sync::interval) interval = std::max(interval, settings_.sync_interval);
  while (true) {
    // A reader that stands still costs no wake-up: a commit of its batch rings.
    while (!cursors_are_due()) {
      const Status moved = co_await cursors_moved_.wait();
      if (!moved) co_return;
    }
    const Instant now = context_.now();
    // The writer of blocks comes first: it needs more at a time.
    const std::uint64_t left = withheld_ ? written_at_once_max(settings_.raw_bytes_max()) : 0;
    const Instant due = std::max(after(now, interval + budget_.stretch(now)),
                                 budget_.allows(left + page_bytes, now));
    const Status slept = co_await async::sleep_until(due);
    if (!slept) co_return;
    const Status saved = co_await save_cursors(settings_.sync != Sync::never);
    if (saved.error() == Error::cancelled) co_return;
    if (!saved) failed("does not take the sinks' places", saved.error());
  }
}

// They have moved, or could not be written, or what has been written since counts for the budget
// and is to be known after a crash.
bool JournalStore::cursors_are_due() {
  if (unsaved_) return true;
  const std::uint64_t since = cursors_.written_bytes - written_bytes_saved_;
  if (budget_.limited() && since >= budget_.burst() / 8) return true;
  const auto readers = channel().subscriptions();
  for (std::size_t index = 0; index < readers.size(); ++index)
    if (cursors_.cursors[index].position != readers[index].watermark()) return true;
  return false;
}

// Of a gap from before the clock was set there is no more to say to a later boot than how much.
void JournalStore::keep_gap(const pipeline::Gap& gap, Cursor& cursor) const {
  const auto wall = [&](const pipeline::Time& time) {
    const bool known = !time.since_boot || context_.clock.is_set();
    return known ? context_.clock.at(time).time_since_epoch().count() : clock_not_set;
  };
  cursor.gap_events = gap.events;
  cursor.gap_bytes = gap.bytes;
  cursor.gap_first_ns = gap.empty() ? clock_not_set : wall(gap.first);
  cursor.gap_last_ns = gap.empty() ? clock_not_set : wall(gap.last);
}

pipeline::Gap JournalStore::kept_gap(const Cursor& cursor) const {
  const auto now = pipeline::Time::arrived(context_.now());
  const auto time = [&](std::int64_t ns) {
    return ns == clock_not_set ? now : pipeline::Time::stated(wall_from_ns(ns));
  };
  return {cursor.gap_events, cursor.gap_bytes, time(cursor.gap_first_ns), time(cursor.gap_last_ns)};
}

void JournalStore::collect_cursors() {
  const auto readers = channel().subscriptions();
  for (std::size_t index = 0; index < readers.size(); ++index) {
    BlockPlace place = canary(Canary::journal_cursor_ahead) ? readers[index].unread_place()
                                                            : readers[index].acknowledged_place();
    if (const pipeline::Block* block = table().find(place.sequence)) place.place = block->place;
    Cursor& cursor = cursors_.cursors[index];
    cursor.position = place.position;
    cursor.ordinal = place.ordinal;
    if (!place.written_only) cursor.ordinal -= std::min(cursor.ordinal, unwritten_events_);
    cursor.block_at = place.place;
    cursor.sequence = place.sequence;
    keep_gap(readers[index].untold_gap(), cursor);
  }
  context_.clock.refresh();
  cursors_.budget_spent = budget_.spent(context_.now());
  cursors_.budget_spent_at_ns =
      context_.clock.is_set() ? context_.clock.now().time_since_epoch().count() : clock_not_set;
  written_bytes_saved_ = cursors_.written_bytes;
  cursors_.epoch = epoch_;
  cursors_.head_position = channel().head();
  cursors_.head_ordinal = table().events_sealed();
  cursors_.unwritten_events = unwritten_events_;
  cursors_.body_bytes = table().body_bytes_sealed();
  // A ring that has run empty begins again at its first byte, and its head has moved over the rest.
  const bool all = table().empty() && channel().open_bytes() == 0;
  cursors_.durable_position =
      all ? cursors_.head_position : std::min(durable_position_, cursors_.head_position);
}

Task<Status> JournalStore::save_cursors(bool durably) {
  while (saving_) {
    const Status saved = co_await saved_.wait();
    if (!saved) co_return saved;
  }
  saving_ = unsaved_ = true;
  collect_cursors();
  // The page that is durable stays as it is until the other one is, too.
  ++cursors_.generation;
  if (cursors_.generation % 2 == durable_generation_ % 2) ++cursors_.generation;
  std::uint64_t lowest = UINT64_MAX;
  for (const Cursor& each : cursors_.cursors) lowest = std::min(lowest, each.position);
  for (const Subscription& each : channel().subscriptions())
    lowest = std::min(lowest, each.kept_from());
  encode(cursors_, superblock_.salt, memory_.page);
  Status status = co_await write_fully(file_, memory_.page, cursor_pages[cursors_.generation % 2]);
  if (status && durably) {
    status = co_await sync_file();
  }
  if (status && durably) durable_generation_ = cursors_.generation;
  if (status) {
    durable_until_ = lowest;
    unsaved_ = false;
  }
  saving_ = false;
  saved_.ring();
  co_return status;
}

}  // namespace runnel::channels::journal
