// The end of the journal, found at the start: what a power cut has torn is cut off, and what is
// left is made durable before anybody relies on it.
#include <algorithm>
#include <cstring>

#include "async/operations.hpp"
#include "base/canary.hpp"
#include "base/mark.hpp"
#include "channels/journal/journal_store.hpp"

namespace runnel::channels::journal {

using async::Task;

// Adds the most that any block from here on says of what was durable when it was written.
Task<Status> JournalStore::look_for_promises(Recovered& end, std::size_t segment,
                                             std::uint64_t at) {
  while (true) {
    while (segments_.at(segment).generation > 0 &&
           at + BlockHeader::bytes <= segments_.end_of(segment)) {
      const auto header = co_await read_block_patiently(at, segment, start_patience);
      if (!header && header.error() == Error::cancelled) co_return header.error();
      if (!header && header.error() != Error::malformed) end.unreadable = true;
      at += header ? block_bytes_on_disk(header->payload_bytes) : page_bytes;
      if (header) end.promised = std::max(end.promised, header->custody);
    }
    if (segment == segments_.newest()) co_return Status();
    segment = segments_.behind(segment);
    at = segments_.first_block_of(segment);
  }
}

Task<Status> JournalStore::wipe(std::uint64_t at) {
  std::memset(memory_.page.data(), 0, page_bytes);
  const Status wiped = co_await write_fully(file_, memory_.page, at);
  co_return wiped;
}

// A segment that a power cut has robbed of its header may hold whole blocks of the generation that
// is written there next: they would be found behind the new ones.
Task<Status> JournalStore::clear_next_segment() {
  const bool none = segments_.empty();
  const std::size_t index = none ? 0 : segments_.behind(segments_.newest());
  const std::uint64_t generation = none ? 1 : segments_.at(segments_.newest()).generation + 1;
  for (std::uint64_t at = segments_.first_block_of(index); at < segments_.end_of(index);
       at += page_bytes) {
    const Status read = co_await read_patiently(memory_.page, at, 2);
    if (read.error() == Error::cancelled) co_return read;
    // A page that the disk does not give back now is left as it is.
    const auto header = read ? decode_block_header(memory_.page) : std::nullopt;
    if (!header || header->generation != generation) continue;
    const Status wiped = co_await wipe(at);
    if (!wiped) co_return wiped;
  }
  co_return Status();
}

// From the last segment that begins with what was certainly durable, block by block. A hole with
// nothing behind it that was promised to be safe is where a power cut has torn what was being
// written: everything from there on goes.
Task<Status> JournalStore::find_end(Recovered& end) {
  if (segments_.empty()) {
    const Status cleared = co_await clear_next_segment();
    co_return cleared;
  }
  std::size_t from = segments_.newest();
  const auto first =
      co_await read_block_patiently(segments_.first_block_of(from), from, start_patience);
  if (!first && first.error() == Error::cancelled) co_return first.error();
  end.promise_by(cursors_);
  const std::uint64_t durable = std::max(end.promised, first ? first->custody : 0);
  // One that has lost its header says nothing of where it begins.
  const auto may_be_torn = [&](const SegmentHeader& each) {
    return each.generation == 0 ||
           (each.first_position > durable && each.written_before() > end.promised_events);
  };
  while (from != segments_.oldest() && may_be_torn(segments_.at(from)))
    from = (from + segments_.count() - 1) % segments_.count();

  end.first_segment = from;
  end.next_written = segments_.at(from).written_before();
  end.next_position = segments_.at(from).first_position;
  // A reader that stands in front of the oldest misses what a power cut may have taken whole.
  if (from == segments_.oldest())
    for (const Cursor& each : cursors_.cursors)
      if (each.position < end.next_position && each.ordinal < end.next_written) {
        end.next_written = each.ordinal;
        end.next_position = each.position;
      }
  for (std::size_t segment = from;; segment = segments_.behind(segment)) {
    if (segments_.at(segment).generation > 0) {
      const Status searched = co_await search_segment(end, segment);
      if (!searched) co_return searched;
    }
    if (segment == segments_.newest()) break;
  }
  // Segments that were begun behind the end are not.
  while (segments_.newest() != end.place.segment) {
    const std::size_t index = segments_.newest();
    const Status wiped = co_await wipe(segments_.begin_of(index));
    if (!wiped) co_return wiped;
    segments_.at(index).generation = 0;
    const bool none_is_left = end.place.segment == Segments::none && index == from;
    segments_.make_newest(none_is_left ? Segments::none
                                       : (index + segments_.count() - 1) % segments_.count());
  }
  // What cannot be read now may be readable tomorrow: nothing is written over it.
  next_ = durable_ = end.place;
  if (end.unreadable && next_.segment != Segments::none)
    next_.at = durable_.at = segments_.end_of(next_.segment);
  const Status cleared = co_await clear_next_segment();
  co_return cleared;
}

// A hole at a segment's end looks like room that nobody has used, and one in a damaged segment may
// be all of it: the count of written events tells. More than it says is no hole: a block that was
// given up when a sync failed lies where the next one did not fit.
Task<Status> JournalStore::search_segment(Recovered& end, std::size_t segment) {
  const SegmentHeader& begin = segments_.at(segment);
  const std::uint64_t stop = segments_.end_of(segment);
  std::uint64_t at = segments_.first_block_of(segment);
  if (begin.written_before() > end.next_written) {
    const Status looked = co_await look_at_hole(end, segment, at);
    if (!looked) co_return looked;
    end.next_written = begin.written_before();
    end.next_position = begin.first_position;
  }
  if (!end.torn) end.place = {segment, at};
  bool hole = false;
  while (at + BlockHeader::bytes <= stop) {
    const auto header = co_await read_block_patiently(at, segment, start_patience);
    if (!header && header.error() == Error::cancelled) co_return header.error();
    if (!header) {
      end.unreadable = end.unreadable || header.error() != Error::malformed;
      hole = true;
      at += page_bytes;
      continue;
    }
    // Else a leftover: of an order of writing that a failed sync or a power cut has undone.
    const bool is_newer =
        !end.any || (header->sequence > end.last.sequence && header->epoch >= end.last.epoch);
    if (is_newer && (hole || header->written_before() > end.next_written)) {
      const Status looked = co_await look_at_hole(end, segment, at);
      if (!looked) co_return looked;
    }
    const std::uint64_t behind = at + block_bytes_on_disk(header->payload_bytes);
    if (is_newer && !end.torn) {
      end.any = true;
      end.last = *header;
      end.next_written = header->written_behind();
      end.next_position = header->last_position;
      end.place = {segment, behind};
      hole = false;
    } else {
      // Whole, but never promised: it would come again in front of what is put there now.
      const Status wiped = co_await wipe(at);
      if (!wiped) co_return wiped;
    }
    at = behind;
  }
  co_return Status();
}

// Something is missing in front of this place. Was it durable once, it is damage, and what follows
// counts; else it is where a power cut has torn what was being written. A power cut leaves pages
// that are wrong, not such as the disk refuses to read: those count as damage, too.
Task<Status> JournalStore::look_at_hole(Recovered& end, std::size_t segment, std::uint64_t at) {
  if (end.torn) co_return Status();
  if (!end.looked_ahead) {
    end.looked_ahead = true;
    const Status looked = co_await look_for_promises(end, segment, at);
    if (!looked) co_return looked;
  }
  const bool was_durable =
      end.promised > end.next_position || end.promised_events > end.next_written;
  end.torn = !was_durable && !end.unreadable && !canary(Canary::journal_torn_tail_kept);
  if (end.torn) passed(Seldom::journal_tail_torn);
  co_return Status();
}

// What a process that was killed has left may be in the kernel's memory only; and when a sync has
// failed there, the kernel may have given it up and tells nobody else. So what nobody knows to be
// durable goes out again, as it is, and is synced.
Task<Status> JournalStore::make_durable(const Recovered& end) {
  const std::uint64_t known = std::max(end.promised, end.last.custody);
  const bool all_known = !end.any || end.last.last_position <= known ||
                         end.last.written_behind() <= end.promised_events;
  std::size_t segment = all_known ? Segments::none : end.first_segment;
  while (segment != Segments::none) {
    const SegmentHeader& header = segments_.at(segment);
    if (header.generation > 0 && header.first_position >= known) {
      encode(header, superblock_.salt, memory_.segment_page);
      const Status written =
          co_await write_fully(file_, memory_.segment_page, segments_.begin_of(segment));
      if (!written) co_return written;
    }
    const bool last = segment == end.place.segment;
    const std::uint64_t stop = last ? end.place.at : segments_.end_of(segment);
    std::uint64_t at = segments_.first_block_of(segment);
    while (header.generation > 0 && at + BlockHeader::bytes <= stop) {
      const auto block = co_await read_block_patiently(at, segment, start_patience);
      if (!block && block.error() == Error::cancelled) co_return block.error();
      const std::uint64_t size = block ? block_bytes_on_disk(block->payload_bytes) : page_bytes;
      if (block && block->last_position > known && block->written_behind() > end.promised_events) {
        const Bytes whole = memory_.read.first(static_cast<std::size_t>(size));
        const Status written = co_await write_fully(file_, whole, at);
        if (!written) co_return written;
      }
      at += size;
    }
    segment = last ? Segments::none : segments_.behind(segment);
  }
  const Status synced = co_await async::sync(file_);
  ++counters().syncs;
  co_return synced;
}

}  // namespace runnel::channels::journal
