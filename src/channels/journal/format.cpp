#include "channels/journal/format.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "codec/compressor.hpp"
#include "pipeline/record.hpp"

namespace runnel::channels::journal {
namespace {

constexpr std::string_view superblock_magic = "RUNNELJ1";
constexpr std::string_view cursors_magic = "RJC1";
constexpr std::string_view segment_magic = "RJS1";
constexpr std::string_view block_magic = "RJB1";

constexpr std::size_t superblock_crc_at = superblock_bytes - 4;
constexpr std::size_t cursors_crc_at = page_bytes - 4;
constexpr std::size_t cursor_entries_at = 96;
constexpr std::size_t cursor_entry_bytes = 120;
constexpr std::size_t segment_crc_at = segment_header_bytes - 4;
constexpr std::size_t block_crc_at = BlockHeader::bytes - 4;
static_assert(cursor_entries_at + cursors_max * cursor_entry_bytes <= cursors_crc_at);

bool begins_with(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && as_text(bytes.first(magic.size())) == magic;
}
bool is_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

std::uint32_t salted(const Salt& salt, Bytes bytes) { return crc32c(bytes, crc32c(Bytes(salt))); }

// Writes fields one behind the other, and reads them in the same order.
class Fields {
 public:
  explicit Fields(std::byte* at) : at_(at) {}
  template <class T>
  Fields& operator<<(T value) {
    store(at_, value);
    at_ += sizeof(T);
    return *this;
  }
  Fields& operator<<(Bytes bytes) {
    at_ = put_bytes(at_, bytes);
    return *this;
  }
  Fields& operator<<(std::string_view text) { return *this << as_bytes(text); }

 private:
  std::byte* at_;
};

class FieldReader {
 public:
  explicit FieldReader(Bytes from) : at_(from.data()) {}
  template <class T>
  FieldReader& operator>>(T& value) {
    value = load<T>(at_);
    at_ += sizeof(T);
    return *this;
  }
  FieldReader& operator>>(std::array<std::byte, 16>& bytes) {
    std::memcpy(bytes.data(), at_, bytes.size());
    at_ += bytes.size();
    return *this;
  }

 private:
  const std::byte* at_;
};

void clear(MutableBytes page) {
  RUNNEL_ASSERT(page.size() == page_bytes);
  std::memset(page.data(), 0, page.size());
}

// --- what must be true of each part
// ---------------------------------------------------------------

bool agrees(const Superblock& s) {
  if (s.file_bytes < file_bytes_min || s.file_bytes > INT64_MAX) return false;
  if (s.segments < segments_min || s.segments > segments_max) return false;
  if (s.segment_bytes % page_bytes != 0) return false;
  if (s.segment_bytes > (s.file_bytes - data_begin) / s.segments) return false;
  if (s.raw_bytes_max == 0 || s.raw_bytes_max > raw_bytes_hard_max) return false;
  // The largest block fits as it is, behind the segment's header.
  return page_bytes + block_bytes_on_disk(s.raw_bytes_max) <= s.segment_bytes;
}

bool agrees(const Cursor& c, const CursorPage& page) {
  if (c.name.empty() || c.name.size() > cursor_name_bytes_max) return false;
  if (c.position > page.head_position || c.ordinal > page.head_ordinal) return false;
  return c.block_at == 0 || (c.block_at > data_begin && c.block_at % page_bytes == 0);
}
bool agrees(const CursorPage& page) {
  if (page.cursors.size() > cursors_max || page.unwritten_events > page.head_ordinal) return false;
  if (page.durable_position > page.head_position) return false;
  return std::all_of(page.cursors.begin(), page.cursors.end(),
                     [&](const Cursor& c) { return agrees(c, page); });
}

bool agrees(const SegmentHeader& s) {
  return s.index < segments_max && s.unwritten_events <= s.first_ordinal;
}

// What zstd makes of the worst input is less than this.
std::uint64_t payload_bytes_bound(std::uint64_t raw_bytes) {
  return raw_bytes + raw_bytes / 128 + 1024;
}

bool agrees(const BlockHeader& b) {
  if (b.raw_bytes > raw_bytes_hard_max || b.raw_bytes % pipeline::record_alignment != 0)
    return false;
  if (b.events == 0 && b.gaps == 0) return false;
  const std::uint64_t records_bytes_min = std::uint64_t{b.events} * sizeof(pipeline::RecordHeader) +
                                          std::uint64_t{b.gaps} * pipeline::gap_record_bytes;
  if (b.raw_bytes < records_bytes_min) return false;
  switch (b.codec) {
    case BlockCodec::none:
      if (b.payload_bytes != b.raw_bytes) return false;
      break;
    case BlockCodec::zstd:
      if (b.payload_bytes == 0 || b.payload_bytes > payload_bytes_bound(b.raw_bytes)) return false;
      break;
    default:
      return false;
  }
  if (b.last_position < b.first_position) return false;
  if (b.raw_bytes > b.last_position - b.first_position) return false;
  if (b.unwritten_events > b.first_ordinal) return false;
  return b.first_ordinal <= UINT64_MAX - b.events;
}

}  // namespace

// --- superblock
// -----------------------------------------------------------------------------------

void encode(const Superblock& superblock, MutableBytes page) {
  RUNNEL_ASSERT(agrees(superblock));
  clear(page);
  Fields(page.data()) << superblock_magic << Superblock::version
                      << static_cast<std::uint32_t>(page_bytes) << superblock.file_bytes
                      << superblock.segment_bytes << superblock.segments << superblock.raw_bytes_max
                      << Bytes(superblock.salt) << data_begin;
  store(page.data() + superblock_crc_at, crc32c(page.first(superblock_crc_at)));
}

std::optional<Superblock> decode_superblock(Bytes page) {
  if (page.size() < superblock_crc_at + 4 || !begins_with(page, superblock_magic)) return {};
  if (load<std::uint32_t>(page.data() + superblock_crc_at) != crc32c(page.first(superblock_crc_at)))
    return {};
  Superblock superblock;
  std::uint32_t version = 0, pages = 0;
  std::uint64_t begin = 0;
  FieldReader(page.subspan(superblock_magic.size())) >> version >> pages >> superblock.file_bytes >>
      superblock.segment_bytes >> superblock.segments >> superblock.raw_bytes_max >>
      superblock.salt >> begin;
  if (version != Superblock::version || pages != page_bytes || begin != data_begin) return {};
  if (!agrees(superblock)) return {};
  return superblock;
}

bool looks_like_a_journal(Bytes page) { return begins_with(page, superblock_magic); }

// --- cursors
// --------------------------------------------------------------------------------------

void encode(const CursorPage& cursors, const Salt& salt, MutableBytes page) {
  RUNNEL_ASSERT(agrees(cursors));
  clear(page);
  Fields(page.data()) << cursors_magic << static_cast<std::uint32_t>(cursors.cursors.size())
                      << cursors.generation << cursors.epoch << cursors.head_position
                      << cursors.head_ordinal << cursors.unwritten_events << cursors.body_bytes
                      << cursors.durable_position << cursors.written_bytes << cursors.syncs
                      << cursors.budget_spent << cursors.budget_spent_at_ns;
  std::byte* entry = page.data() + cursor_entries_at;
  for (const Cursor& each : cursors.cursors) {
    Fields(entry) << static_cast<std::uint8_t>(each.name.size()) << std::string_view(each.name);
    Fields(entry + 1 + cursor_name_bytes_max)
        << each.position << each.ordinal << each.block_at << each.sequence << each.gap_events
        << each.gap_bytes << each.gap_first_ns << each.gap_last_ns;
    entry += cursor_entry_bytes;
  }
  store(page.data() + cursors_crc_at, salted(salt, page.first(cursors_crc_at)));
}

namespace {

std::optional<Cursor> decode_cursor(Bytes entry) {
  const auto name_bytes = static_cast<std::size_t>(entry[0]);
  if (name_bytes > cursor_name_bytes_max) return {};
  const Bytes name = entry.subspan(1, cursor_name_bytes_max);
  if (!is_zero(name.subspan(name_bytes))) return {};
  Cursor cursor;
  cursor.name = as_text(name.first(name_bytes));
  FieldReader(entry.subspan(1 + cursor_name_bytes_max)) >> cursor.position >> cursor.ordinal >>
      cursor.block_at >> cursor.sequence >> cursor.gap_events >> cursor.gap_bytes >>
      cursor.gap_first_ns >> cursor.gap_last_ns;
  return cursor;
}

}  // namespace

std::optional<CursorPage> decode_cursors(Bytes page, const Salt& salt) {
  if (page.size() < page_bytes || !begins_with(page, cursors_magic)) return {};
  if (load<std::uint32_t>(page.data() + cursors_crc_at) != salted(salt, page.first(cursors_crc_at)))
    return {};
  CursorPage cursors;
  std::uint32_t count = 0;
  FieldReader(page.subspan(cursors_magic.size())) >> count >> cursors.generation >> cursors.epoch >>
      cursors.head_position >> cursors.head_ordinal >> cursors.unwritten_events >>
      cursors.body_bytes >> cursors.durable_position >> cursors.written_bytes >> cursors.syncs >>
      cursors.budget_spent >> cursors.budget_spent_at_ns;
  if (count > cursors_max) return {};
  cursors.cursors.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    auto cursor = decode_cursor(
        page.subspan(cursor_entries_at + index * cursor_entry_bytes, cursor_entry_bytes));
    if (!cursor) return {};
    cursors.cursors.push_back(std::move(*cursor));
  }
  if (!agrees(cursors)) return {};
  return cursors;
}

// --- segments
// -------------------------------------------------------------------------------------

void encode(const SegmentHeader& segment, const Salt& salt, MutableBytes page) {
  RUNNEL_ASSERT(agrees(segment));
  clear(page);
  Fields(page.data()) << segment_magic << segment.index << segment.generation
                      << segment.first_sequence << segment.first_position << segment.first_ordinal
                      << segment.unwritten_events << segment.body_bytes;
  store(page.data() + segment_crc_at, salted(salt, page.first(segment_crc_at)));
}

std::optional<SegmentHeader> decode_segment(Bytes page, const Salt& salt) {
  if (page.size() < segment_crc_at + 4 || !begins_with(page, segment_magic)) return {};
  if (load<std::uint32_t>(page.data() + segment_crc_at) != salted(salt, page.first(segment_crc_at)))
    return {};
  SegmentHeader segment;
  FieldReader(page.subspan(segment_magic.size())) >> segment.index >> segment.generation >>
      segment.first_sequence >> segment.first_position >> segment.first_ordinal >>
      segment.unwritten_events >> segment.body_bytes;
  if (!agrees(segment)) return {};
  return segment;
}

// --- blocks
// ---------------------------------------------------------------------------------------

namespace {

std::uint32_t block_crc(const Salt& salt, Bytes block, std::size_t payload_bytes) {
  return crc32c(block.subspan(BlockHeader::bytes, payload_bytes),
                salted(salt, block.first(block_crc_at)));
}

}  // namespace

void encode(const BlockHeader& header, const Salt& salt, MutableBytes block) {
  RUNNEL_ASSERT(agrees(header));
  RUNNEL_ASSERT(block.size() >= BlockHeader::bytes + header.payload_bytes);
  Fields(block.data()) << block_magic << header.payload_bytes << header.raw_bytes << header.events
                       << header.gaps << static_cast<std::uint16_t>(header.codec)
                       << std::uint16_t{0} << header.generation << header.sequence << header.epoch
                       << header.first_position << header.last_position << header.first_ordinal
                       << header.unwritten_events << header.body_bytes << Bytes(header.boot)
                       << header.clock_offset_ns << header.custody << std::uint32_t{0};
  store(block.data() + block_crc_at, block_crc(salt, block, header.payload_bytes));
}

std::optional<BlockHeader> decode_block_header(Bytes block) {
  if (block.size() < BlockHeader::bytes || !begins_with(block, block_magic)) return {};
  BlockHeader header;
  std::uint16_t codec = 0, zero_16 = 0;
  std::uint32_t zero_32 = 0;
  FieldReader(block.subspan(block_magic.size())) >> header.payload_bytes >> header.raw_bytes >>
      header.events >> header.gaps >> codec >> zero_16 >> header.generation >> header.sequence >>
      header.epoch >> header.first_position >> header.last_position >> header.first_ordinal >>
      header.unwritten_events >> header.body_bytes >> header.boot >> header.clock_offset_ns >>
      header.custody >> zero_32;
  header.codec = static_cast<BlockCodec>(codec);
  if (zero_16 != 0 || zero_32 != 0 || !agrees(header)) return {};
  return header;
}

bool is_whole(const BlockHeader& header, Bytes block, const Salt& salt) {
  if (block.size() < BlockHeader::bytes) return false;
  if (block.size() - BlockHeader::bytes < header.payload_bytes) return false;
  return load<std::uint32_t>(block.data() + block_crc_at) ==
         block_crc(salt, block, header.payload_bytes);
}

}  // namespace runnel::channels::journal
