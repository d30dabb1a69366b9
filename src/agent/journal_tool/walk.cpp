// The walk from block to block.
#include <algorithm>

#include "agent/journal_tool/reader.hpp"
#include "base/text.hpp"

namespace runnel::agent::journal_tool {

using namespace channels::journal;

void JournalReader::rewind() {
  segment_ = 0;
  next_at_ = 0;
  previous_.reset();
  totals_ = {};
  damages_.resize(damages_at_open_);
  damages_found_ = damages_at_open_;
  damages_explained_ = 0;
}

std::uint64_t JournalReader::walked_bytes() const {
  if (segment_ == segments_.size()) return bytes_to_walk();
  const std::uint64_t in_segment = next_at_ == 0 ? 0 : next_at_ - segments_[segment_].at;
  return segment_ * superblock_.segment_bytes + in_segment;
}

const FoundBlock* JournalReader::next() {
  while (segment_ < segments_.size()) {
    const FoundSegment& segment = segments_[segment_];
    if (next_at_ == 0) next_at_ = segment.at + page_bytes;
    if (find_in_segment(segment)) return &block_;
    leave(segment);
    ++segment_;
    next_at_ = 0;
  }
  return nullptr;
}

// Events that were written between the block before and a place, by what both count. That the place
// counts less is no hole: a block was given up when a sync failed, and lies there all the same.
std::uint64_t JournalReader::missing_before(std::uint64_t ordinal, std::uint64_t unwritten) const {
  if (!previous_) return 0;
  const std::uint64_t between = ordinal - (previous_->first_ordinal + previous_->events);
  const std::uint64_t needed_none = unwritten - previous_->unwritten_events;
  return between - std::min(between, needed_none);
}

// Whole blocks that do not go on where the last one ended are what a crash left behind the end of
// the journal at the time: their place has been taken since.
bool JournalReader::comes_next(const BlockHeader& header) const {
  if (!previous_) return true;
  const BlockHeader& before = *previous_;
  const std::uint64_t ordinal_min = before.first_ordinal + before.events;
  if (header.sequence <= before.sequence || header.epoch < before.epoch) return false;
  if (header.first_position < before.last_position || header.first_ordinal < ordinal_min)
    return false;
  return header.unwritten_events >= before.unwritten_events;
}

JournalReader::Look JournalReader::look_at(std::uint64_t offset, std::uint64_t end,
                                           std::uint64_t generation, BlockHeader& header) {
  const auto found = decode_block_header(at(offset, page_bytes));
  if (!found || found->generation != generation || !comes_next(*found)) return Look::nothing;
  header = *found;
  if (header.raw_bytes > superblock_.raw_bytes_max) return Look::broken;
  if (offset + block_bytes_on_disk(header.payload_bytes) > end) return Look::broken;
  const Bytes block = at(offset, BlockHeader::bytes + header.payload_bytes);
  return is_whole(header, block, superblock_.salt) ? Look::whole : Look::broken;
}

bool JournalReader::find_in_segment(const FoundSegment& segment) {
  const std::uint64_t end = std::min(segment.at + superblock_.segment_bytes, file_bytes_);
  std::optional<std::uint64_t> broken_at;
  for (std::uint64_t offset = next_at_; offset + page_bytes <= end; offset += page_bytes) {
    BlockHeader header;
    const Look look = look_at(offset, end, segment.header.generation, header);
    if (look == Look::broken && !broken_at) broken_at = offset;
    if (look != Look::whole) continue;
    if (offset != next_at_) {
      const char* what = broken_at == next_at_ ? "a block whose bytes do not have its checksum"
                                               : "no block, although others follow";
      note(next_at_, offset - next_at_, concat(what, unless_promised(header.custody)));
    }
    accept(header, offset);
    return true;
  }
  if (broken_at)
    note(*broken_at, end - *broken_at,
         concat("a block whose bytes do not have its checksum, the last of its segment",
                unless_promised(0)));
  else if (next_at_ + page_bytes <= end && has_never_had_more(segment) &&
           !is_zero(at(next_at_, page_bytes)))
    note(next_at_, end - next_at_, concat("something that is no block", unless_promised(0)));
  return false;
}

// What nobody is known to have been told to be safe is where a power cut tears, and then no loss.
std::string_view JournalReader::unless_promised(std::uint64_t custody) const {
  // A page that was written when nothing was left to write counts instead.
  const bool all = cursors_ && cursors_->durable_position == cursors_->head_position;
  const std::uint64_t durable = cursors_ && !all ? cursors_->durable_position : 0;
  const std::uint64_t events = all ? cursors_->head_ordinal - cursors_->unwritten_events : 0;
  if (!previous_ || std::max(custody, durable) > previous_->last_position ||
      events > previous_->written_behind())
    return {};
  return "; perhaps torn when the power went, and promised to nobody";
}

// Behind its last block are zeros, unless blocks of the round before have been there, or of the
// time before a restart.
bool JournalReader::has_never_had_more(const FoundSegment& segment) const {
  if (segment.header.generation > superblock_.segments) return false;
  return next_at_ == segment.at + page_bytes || previous_->epoch == epoch_at_begin_;
}

void JournalReader::accept(const BlockHeader& header, std::uint64_t offset) {
  const std::uint64_t disk_bytes = block_bytes_on_disk(header.payload_bytes);
  block_.at = offset;
  block_.segment = segment_;
  block_.header = header;
  block_.bytes = at(offset, BlockHeader::bytes + header.payload_bytes);
  block_.missing_before = missing_before(header.first_ordinal, header.unwritten_events);
  if (block_.missing_before != 0 && damages_found_ == damages_explained_)
    note(offset, 0, "events before this block are missing, and nothing tells of them");
  damages_explained_ = damages_found_;
  previous_ = header;
  if (next_at_ == segments_[segment_].at + page_bytes) epoch_at_begin_ = header.epoch;
  next_at_ = offset + disk_bytes;
  ++totals_.blocks;
  totals_.events += header.events;
  totals_.gaps += header.gaps;
  totals_.raw_bytes += header.raw_bytes;
  totals_.payload_bytes += header.payload_bytes;
  totals_.disk_bytes += disk_bytes;
  totals_.missing_events += block_.missing_before;
}

// Blocks at the end of a segment are missed by nobody in it, but the next segment says what there
// was.
void JournalReader::leave(const FoundSegment& segment) {
  if (segment_ + 1 == segments_.size() || !previous_) return;
  const FoundSegment& behind = segments_[segment_ + 1];
  const SegmentHeader& header = behind.header;
  if (header.generation == segment.header.generation)
    return note(behind.at, page_bytes, "a segment of a generation that there already is");
  if (header.generation != segment.header.generation + 1) {
    const std::uint32_t index = (segment.header.index + 1) % superblock_.segments;
    const std::uint64_t where = data_begin + index * superblock_.segment_bytes;
    const bool known = std::any_of(damages_.begin(), damages_.end(),
                                   [&](const Damage& each) { return each.at == where; });
    if (!known)
      note(where, 0,
           concat(header.generation - segment.header.generation - 1,
                  " segments are missing before the next one"));
    return;
  }
  if (!behind.has_header) return;
  const std::uint64_t ordinal_min = previous_->first_ordinal + previous_->events;
  if (header.first_ordinal < ordinal_min || header.unwritten_events < previous_->unwritten_events)
    return note(behind.at, page_bytes,
                "the header of a segment counts less than the blocks before");
  if (missing_before(header.first_ordinal, header.unwritten_events) != 0 &&
      (damages_.empty() || damages_.back().at < next_at_))
    note(next_at_, 0, "no block, although the next segment counts more than there are");
}

std::optional<MutableBytes> JournalReader::unpack() {
  const BlockHeader& header = block_.header;
  const Bytes payload = block_.bytes.subspan(BlockHeader::bytes);
  if (raw_.size() < header.raw_bytes) raw_.resize(header.raw_bytes);
  const MutableBytes raw = MutableBytes(raw_).first(header.raw_bytes);
  const auto refuse = [&](std::string what) {
    note(block_.at, block_bytes_on_disk(header.payload_bytes), std::move(what));
    totals_.missing_events += header.events;
    return std::nullopt;
  };
  if (header.codec == BlockCodec::zstd) {
    const auto size = decompressor_.decompress(payload, raw);
    if (!size || *size != raw.size()) return refuse("a block whose payload is not what it says");
  } else {
    std::memcpy(raw.data(), payload.data(), raw.size());
  }
  const RecordsFound found = check_records(raw);
  if (found.wrong != nullptr)
    return refuse(concat(found.wrong, " (byte ", found.wrong_at, " of the block's records)"));
  if (found.events != header.events || found.gaps != header.gaps)
    return refuse("a block with more or fewer records than it says");
  totals_.body_bytes += found.body_bytes;
  totals_.dropped_events += found.dropped_events;
  return raw;
}

}  // namespace runnel::agent::journal_tool
