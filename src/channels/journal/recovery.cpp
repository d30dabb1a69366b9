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

namespace {

// Attempts to read a block: a few seconds.
constexpr int start_patience = 8;

}  // namespace

// The most that any block from here on says of what was durable when it was written.
Task<Result<std::uint64_t>> JournalStore::last_promise(std::size_t segment, std::uint64_t at) {
  std::uint64_t promise = 0;
  while (true) {
    while (segments_.at(segment).generation > 0 &&
           at + BlockHeader::bytes <= segments_.end_of(segment)) {
      const auto header = co_await read_block_patiently(at, segment, start_patience);
      if (!header && header.error() == Error::cancelled) co_return fail(header.error());
      at += header ? block_bytes_on_disk(header->payload_bytes) : page_bytes;
      if (header) promise = std::max(promise, header->custody);
    }
    if (segment == segments_.newest()) co_return promise;
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
    const Status read = co_await read_fully(memory_.page, at);
    if (!read && read.error() != Error::malformed) co_return read;
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
  const Status cleared = co_await clear_next_segment();
  if (!cleared || segments_.empty()) co_return cleared;
  std::size_t from = segments_.newest();
  std::uint64_t durable = segments_.at(from).first_position;
  const auto first =
      co_await read_block_patiently(segments_.first_block_of(from), from, start_patience);
  if (!first && first.error() == Error::cancelled) co_return first.error();
  if (first) durable = std::min(first->custody, durable);
  while (from != segments_.oldest() && segments_.at(from).first_position > durable)
    from = (from + segments_.count() - 1) % segments_.count();

  end.promise_by(cursors_);
  bool torn = false, looked_ahead = false;
  for (std::size_t segment = from;; segment = segments_.behind(segment)) {
    std::uint64_t at = segments_.first_block_of(segment);
    if (!torn) end.place = {segment, at};
    std::uint64_t hole = 0;  // where one begins
    const std::uint64_t stop = segments_.end_of(segment);
    while (segments_.at(segment).generation > 0 && at + BlockHeader::bytes <= stop) {
      const auto header = co_await read_block_patiently(at, segment, start_patience);
      if (!header && header.error() == Error::cancelled) co_return header.error();
      if (!header) {
        if (hole == 0) hole = at;
        at += page_bytes;
        continue;
      }
      // A leftover: of an order of writing that a failed sync or a power cut has undone.
      const bool is_newer =
          !end.any || (header->sequence > end.last.sequence && header->epoch >= end.last.epoch);
      if (!is_newer) {
        const Status wiped = co_await wipe(at);
        if (!wiped) co_return wiped;
        at += block_bytes_on_disk(header->payload_bytes);
        continue;
      }
      // At a segment's end a hole looks like room that nobody has used: the count tells them apart.
      const std::uint64_t written_before = header->first_ordinal - header->unwritten_events;
      if (hole == 0 && end.any && written_before != end.last.written_behind()) hole = at;
      if (hole != 0 && !torn && !looked_ahead) {
        looked_ahead = true;
        const auto promise = co_await last_promise(segment, at);
        if (!promise) co_return promise.error();
        end.promised = std::max(end.promised, *promise);
        // What was read before has been read over.
        const auto again = co_await read_block_patiently(at, segment, start_patience);
        if (!again) co_return again.error();
      }
      const std::uint64_t expected =
          end.any ? end.last.last_position : segments_.at(segment).first_position;
      const std::uint64_t written =
          end.any ? end.last.written_behind()
                  : segments_.at(segment).first_ordinal - segments_.at(segment).unwritten_events;
      const bool was_durable = end.promised > expected || end.promised_events > written;
      const bool follows =
          !torn && (hole == 0 || was_durable || canary(Canary::journal_torn_tail_kept));
      if (follows) {
        end.any = true;
        end.last = *header;
        at += block_bytes_on_disk(header->payload_bytes);
        end.place = {segment, at};
        hole = 0;
        continue;
      }
      if (!torn) passed(Seldom::journal_tail_torn);
      torn = true;
      // Whole, but never promised: it would come again in front of what is put there now.
      const Status wiped = co_await wipe(at);
      if (!wiped) co_return wiped;
      at += block_bytes_on_disk(header->payload_bytes);
    }
    if (segment == segments_.newest()) break;
  }
  // Segments that were begun behind the end are not.
  while (segments_.newest() != end.place.segment) {
    const std::size_t index = segments_.newest();
    const Status wiped = co_await wipe(segments_.begin_of(index));
    if (!wiped) co_return wiped;
    segments_.at(index).generation = 0;
    segments_.make_newest((index + segments_.count() - 1) % segments_.count());
  }
  next_ = durable_ = end.place;
  end.first_segment = from;
  co_return Status();
}

// What a process that was killed has left may be in the kernel's memory only; and when a sync has
// failed there, the kernel may have given it up and tells nobody else. So what nobody knows to be
// durable goes out again, as it is, and is synced.
Task<Status> JournalStore::make_durable(const Recovered& end) {
  if (!end.any) co_return Status();
  const std::uint64_t known = std::max(end.promised, end.last.custody);
  const bool all_known =
      end.last.last_position <= known || end.last.written_behind() <= end.promised_events;
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
