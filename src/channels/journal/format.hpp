// The journal file, as docs/journal-format.md describes it: a superblock, two cursor pages, and a
// ring of segments that hold blocks. Pure: bytes in, values out. Everything is little-endian and
// every part carries a CRC-32C that begins with the file's random salt, so that no content of an
// event can pass for a part of the journal. Anything may come in: what is not whole and right gives
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace runnel::channels::journal {

inline constexpr std::size_t page_bytes = 4096;  // everything begins at a multiple of it
inline constexpr std::uint64_t data_begin = 4 * page_bytes;
// The second is a copy: without salt and geometry nothing else could be read.
inline constexpr std::array<std::uint64_t, 2> superblock_pages = {0, 3 * page_bytes};
inline constexpr std::array<std::uint64_t, 2> cursor_pages = {page_bytes, 2 * page_bytes};
inline constexpr std::uint64_t file_bytes_min = std::uint64_t{1} << 20;
inline constexpr std::uint32_t segments_min = 4, segments_max = 256;
inline constexpr std::size_t cursors_max = 32;
inline constexpr std::size_t cursor_name_bytes_max = 55;
inline constexpr std::uint32_t raw_bytes_hard_max = 64u << 20;  // of any block, before compression
inline constexpr std::size_t superblock_bytes = 68, segment_header_bytes = 60;  // then zeros
inline constexpr std::int64_t clock_not_set = INT64_MIN;

using Salt = std::array<std::byte, 16>;
using BootId = std::array<std::byte, 16>;

// Written once, to both superblock_pages; the copy counts where the first is damaged.
struct Superblock {
  static constexpr std::uint32_t version = 1;
  std::uint64_t file_bytes = 0;
  std::uint64_t segment_bytes = 0;  // a multiple of page_bytes
  std::uint32_t segments = 0;
  std::uint32_t raw_bytes_max = 0;  // of a block before compression; a reader needs as much
  Salt salt = {};
};

// One reader's place.
struct Cursor {
  std::string name;            // of the sink or group; at most cursor_name_bytes_max
  std::uint64_t position = 0;  // everything before is acknowledged
  std::uint64_t ordinal = 0;   // events before that block, without those never written
  std::uint64_t block_at = 0;  // file offset of the block that holds `position`; 0: not known
  std::uint64_t sequence = 0;  // of that block
  // Dropped in front of `position`, and its receiver has not been told: events, bytes of their
  // bodies, and when (nanoseconds since 1970, or clock_not_set).
  std::uint64_t gap_events = 0, gap_bytes = 0;
  std::int64_t gap_first_ns = clock_not_set, gap_last_ns = clock_not_set;
};

// Pages 1 and 2 in turn: generation g lies in cursor_pages[g % 2]; the higher whole one counts.
struct CursorPage {
  std::uint64_t generation = 0;
  std::uint64_t epoch = 0;          // how often the journal has been opened
  std::uint64_t head_position = 0;  // what the channel had come to: never given out again
  std::uint64_t head_ordinal = 0;
  std::uint64_t unwritten_events = 0;
  std::uint64_t body_bytes = 0;
  // Where the last block ended that was durable; head_position, when nothing was left to write.
  std::uint64_t durable_position = 0;
  // What the disk has had to bear since the file was made.
  std::uint64_t written_bytes = 0, syncs = 0;
  // max_bytes_written_per_day: what is not made up for yet, and when (nanoseconds since 1970, or
  // clock_not_set).
  std::uint64_t budget_spent = 0;
  std::int64_t budget_spent_at_ns = clock_not_set;
  std::vector<Cursor> cursors;
};

// The first page of a segment. Generations grow by one from segment to segment, over all rounds.
struct SegmentHeader {
  std::uint32_t index = 0;
  std::uint64_t generation = 0;
  std::uint64_t first_sequence = 0;  // of its first block, as are the following
  std::uint64_t first_position = 0;
  std::uint64_t first_ordinal = 0;
  std::uint64_t unwritten_events = 0;
  std::uint64_t body_bytes = 0;

  // Of the events before its first block, those that were written.
  std::uint64_t written_before() const { return first_ordinal - unwritten_events; }
};

enum class BlockCodec : std::uint16_t { none = 0, zstd = 1 };

// In front of a block's payload: records (pipeline/record.hpp) one behind the other, compressed.
struct BlockHeader {
  static constexpr std::size_t bytes = 128;
  std::uint32_t payload_bytes = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t events = 0;  // event records
  std::uint32_t gaps = 0;    // gap records
  BlockCodec codec = BlockCodec::zstd;
  std::uint64_t generation = 0;  // of its segment
  std::uint64_t sequence = 0;
  std::uint64_t epoch = 0;
  std::uint64_t first_position = 0;
  std::uint64_t last_position = 0;     // where the next block begins; at least first + raw_bytes
  std::uint64_t first_ordinal = 0;     // events before it, written or not
  std::uint64_t unwritten_events = 0;  // of those: delivered before they were written
  std::uint64_t body_bytes = 0;        // bytes of bodies of all events before it
  BootId boot = {};
  std::int64_t clock_offset_ns = clock_not_set;  // wall clock minus time since boot
  // Where the last block ended that was durable when this one was written: a hole in front of that
  // is damage; one behind it may be what a power cut has torn, and was promised to nobody.
  std::uint64_t custody = 0;

  // Of the events before it, and before the next block, those that were written.
  std::uint64_t written_before() const { return first_ordinal - unwritten_events; }
  std::uint64_t written_behind() const { return written_before() + events; }
};

// From its first byte to that of the next block.
inline constexpr std::uint64_t block_bytes_on_disk(std::size_t payload_bytes) {
  return align_up(BlockHeader::bytes + payload_bytes, page_bytes);
}

// Each fills a page (superblock, cursors, segment): `page` has page_bytes.
void encode(const Superblock& superblock, MutableBytes page);
void encode(const CursorPage& cursors, const Salt& salt, MutableBytes page);
void encode(const SegmentHeader& segment, const Salt& salt, MutableBytes page);
// `block` begins with room for the header, then has the payload.
void encode(const BlockHeader& header, const Salt& salt, MutableBytes block);

// Nothing: not one, torn, of another file, or of a version to come. `page` may be of any size.
std::optional<Superblock> decode_superblock(Bytes page);
std::optional<CursorPage> decode_cursors(Bytes page, const Salt& salt);
std::optional<SegmentHeader> decode_segment(Bytes page, const Salt& salt);
// The header alone: its fields agree with each other, the checksum is not looked at.
std::optional<BlockHeader> decode_block_header(Bytes block);
// Header and payload are what was written. `block` has at least both.
bool is_whole(const BlockHeader& header, Bytes block, const Salt& salt);
// A file with this beginning is a journal, if maybe damaged or of a later version.
bool looks_like_a_journal(Bytes page);

}  // namespace runnel::channels::journal
