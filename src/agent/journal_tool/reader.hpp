// Reads a journal that nobody may be left to ask about: whatever is damaged is noted and passed
// over, the rest comes block by block in the order it was written. Needs no more memory than a few
// of its largest blocks, never writes, and takes nothing on trust but the superblock (or its copy).
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/journal_tool/file.hpp"
#include "channels/journal/format.hpp"
#include "channels/journal/records.hpp"
#include "codec/decompressor.hpp"
#include "io/system.hpp"

namespace runnel::agent::journal_tool {

namespace journal = channels::journal;

inline bool is_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// A stretch of the file that is not what it should be.
struct Damage {
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;  // 0: to where is not known
  std::string what;
};

struct FoundSegment {
  std::uint64_t at = 0;
  journal::SegmentHeader header;  // without a whole one only index and generation are known
  bool has_header = true;
};

struct FoundBlock {
  std::uint64_t at = 0;
  std::size_t segment = 0;  // in segments()
  journal::BlockHeader header;
  Bytes bytes;                       // header and payload; until the next call
  std::uint64_t missing_before = 0;  // events
};

struct Totals {
  std::uint64_t blocks = 0, events = 0, gaps = 0;
  std::uint64_t raw_bytes = 0, payload_bytes = 0, disk_bytes = 0;
  std::uint64_t missing_events = 0;  // that were written, between the first block and the last
  std::uint64_t body_bytes = 0;      // of the blocks that were unpacked
  std::uint64_t dropped_events = 0;  // what their gaps stand for
};

class JournalReader {
 public:
  // Exit codes of the problem: io, damaged (not a journal).
  static Built<std::unique_ptr<JournalReader>> open(io::Reactor& reactor, io::System& system,
                                                    const std::string& path);

  const journal::Superblock& superblock() const { return superblock_; }
  std::uint64_t file_bytes() const { return file_bytes_; }
  // The newer whole one.
  const std::optional<journal::CursorPage>& cursors() const { return cursors_; }
  // Those in use, by generation.
  const std::vector<FoundSegment>& segments() const { return segments_; }

  // The next whole block; null at the end. Damage and totals are those of the walk so far.
  const FoundBlock* next();
  void rewind();
  // How far the walk has come, of all the bytes there are to look at.
  std::uint64_t walked_bytes() const;
  std::uint64_t bytes_to_walk() const { return segments_.size() * superblock_.segment_bytes; }

  // The records of the block at hand, 8-aligned, checked, the reader's to change until the next
  // call. Nothing: they are not what the header says, which is now noted as damage.
  std::optional<MutableBytes> unpack();

  const Totals& totals() const { return totals_; }
  // In no order; the first `damages_kept_max` of `damages_found()`.
  const std::vector<Damage>& damages() const { return damages_; }
  std::uint64_t damages_found() const { return damages_found_; }
  static constexpr std::size_t damages_kept_max = 1000;

 private:
  enum class Look : std::uint8_t { nothing, broken, whole };

  JournalReader(File file, std::uint64_t file_bytes, MutableBytes decompressor_memory);
  tl::expected<void, Problem> read_superblock(const std::string& path);
  void read_cursors();
  void find_segments();
  std::optional<std::uint64_t> newest_generation_in(std::uint64_t segment_at);

  Bytes at(std::uint64_t offset, std::size_t size);
  void fill_window(std::uint64_t offset, std::size_t size);
  void fill_page_by_page();

  Look look_at(std::uint64_t offset, std::uint64_t end, std::uint64_t generation,
               journal::BlockHeader& header);
  bool find_in_segment(const FoundSegment& segment);
  bool comes_next(const journal::BlockHeader& header) const;
  std::uint64_t missing_before(std::uint64_t ordinal, std::uint64_t unwritten) const;
  void accept(const journal::BlockHeader& header, std::uint64_t offset);
  std::string_view unless_promised(std::uint64_t custody) const;
  bool has_never_had_more(const FoundSegment& segment) const;
  void leave(const FoundSegment& segment);
  void note(std::uint64_t at, std::uint64_t bytes, std::string what);

  File file_;
  std::uint64_t file_bytes_;
  journal::Superblock superblock_;
  std::optional<journal::CursorPage> cursors_;
  std::vector<FoundSegment> segments_;

  // What of the file is in memory. Beyond its end, and where it cannot be read, are zeros.
  std::vector<std::byte> window_;
  std::uint64_t window_at_ = 0;
  std::size_t window_bytes_ = 0;

  // The walk.
  std::size_t segment_ = 0;
  std::uint64_t next_at_ = 0;  // 0: at the beginning of the segment
  std::optional<journal::BlockHeader> previous_;
  std::uint64_t epoch_at_begin_ = 0;  // of the segment: its first block's
  FoundBlock block_;
  Totals totals_;

  std::vector<Damage> damages_;
  std::uint64_t damages_found_ = 0;
  std::size_t damages_at_open_ = 0;      // found before any walk: those stay
  std::uint64_t damages_explained_ = 0;  // found up to the last block

  codec::Decompressor decompressor_;
  std::vector<std::byte> raw_;
};

}  // namespace runnel::agent::journal_tool
