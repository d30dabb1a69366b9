#include "agent/journal_tool/inspection.hpp"

#include <algorithm>
#include <vector>

#include "agent/exit_codes.hpp"
#include "base/text.hpp"

namespace runnel::agent::journal_tool {
namespace {

// What the blocks of one segment come to.
struct Sum {
  std::uint64_t blocks = 0, events = 0, gaps = 0, raw_bytes = 0, disk_bytes = 0, missing = 0;
  journal::BlockHeader first, last;

  void add(const FoundBlock& block) {
    if (blocks++ == 0) first = block.header;
    last = block.header;
    events += block.header.events;
    gaps += block.header.gaps;
    raw_bytes += block.header.raw_bytes;
    disk_bytes += journal::block_bytes_on_disk(block.header.payload_bytes);
    missing += block.missing_before;
  }
};

std::string line_of(const journal::Superblock& superblock) {
  return concat("journal, version ", journal::Superblock::version, ": ",
                WrittenSize{superblock.file_bytes}, " in ", superblock.segments, " segments of ",
                WrittenSize{superblock.segment_bytes}, "; blocks of at most ",
                WrittenSize{superblock.raw_bytes_max}, " before compression\n");
}

std::string line_of(const FoundBlock& block) {
  const journal::BlockHeader& header = block.header;
  std::string line =
      concat("  block ", header.sequence, " at ", block.at, ": events ", header.first_ordinal,
             " to ", header.first_ordinal + header.events, ", ", header.gaps, " gaps, ",
             header.raw_bytes, " -> ", header.payload_bytes, " bytes, positions ",
             header.first_position, " to ", header.last_position, ", epoch ", header.epoch);
  if (block.missing_before != 0)
    line += concat("; ", block.missing_before, " events before it are missing");
  return line + '\n';
}

std::string line_of(const FoundSegment& segment, const Sum& sum) {
  std::string line = concat("segment ", segment.header.generation, " (number ",
                            segment.header.index, ", at ", segment.at, "): ");
  if (sum.blocks == 0) return line + "no blocks\n";
  line += concat(sum.blocks, " blocks, ", sum.first.sequence, " to ", sum.last.sequence, "; ",
                 sum.events, " events, ", sum.gaps, " gaps; ", sum.raw_bytes, " -> ",
                 sum.disk_bytes, " bytes on disk; positions ", sum.first.first_position, " to ",
                 sum.last.last_position);
  if (sum.missing != 0) line += concat("; ", sum.missing, " events are missing");
  if (!segment.has_header) line += "; its header is damaged";
  return line + '\n';
}

std::string lines_of_cursors(const JournalReader& reader, const Sum& all) {
  if (!reader.cursors()) return "no cursors: every reader would begin at the first block\n";
  const journal::CursorPage& page = *reader.cursors();
  const auto written_before = [](const journal::BlockHeader& header) {
    return header.first_ordinal - header.unwritten_events;
  };
  const std::uint64_t first = all.blocks == 0 ? 0 : written_before(all.first);
  const std::uint64_t end = all.blocks == 0 ? 0 : written_before(all.last) + all.last.events;
  std::string text =
      concat("cursors, written ", page.generation, " times, epoch ", page.epoch,
             ": head at position ", page.head_position, ", event ", page.head_ordinal,
             "; written to disk since it was made: ", HumanSize{page.written_bytes}, ", ",
             page.syncs, " syncs\n");
  for (const journal::Cursor& each : page.cursors) {
    text += concat("  ", each.name, ": position ", each.position);
    if (each.block_at != 0) text += concat(", block ", each.sequence, " at ", each.block_at);
    if (each.gap_events != 0)
      text += concat(", ", each.gap_events, " dropped events that it has not been told of");
    if (all.blocks == 0 || each.position >= all.last.last_position) {
      text += ", has acknowledged all of it\n";
      continue;
    }
    // A cursor counts up to its block, not within it.
    text += concat(", at most ", end - std::min(end, each.ordinal), " events to go");
    if (each.position < all.first.first_position && each.ordinal < first)
      text += concat("; ", first - each.ordinal, " of them older than the first block");
    text += '\n';
  }
  return text;
}

std::string lines_of_damage(const JournalReader& reader) {
  if (!is_damaged(reader)) return "no damage\n";
  std::vector<Damage> sorted = reader.damages();
  std::sort(sorted.begin(), sorted.end(),
            [](const Damage& a, const Damage& b) { return a.at < b.at; });
  std::string text;
  for (const Damage& each : sorted) {
    text += concat("damaged: byte ", each.at);
    if (each.bytes != 0) text += concat(" to ", each.at + each.bytes);
    text += concat(": ", each.what, '\n');
  }
  return text + concat(what_is_missing(reader), '\n');
}

}  // namespace

int inspect(const JournalRequest& request, JournalReader& reader, Machine machine) {
  Progress progress(machine, reader, "read");
  std::vector<Sum> sums(reader.segments().size());
  Sum all;
  std::size_t segment = 0;
  bool taken = machine.console.out(line_of(reader.superblock()));
  const auto end_segments_before = [&](std::size_t index) {
    for (; segment < index && taken; ++segment)
      taken = machine.console.out(line_of(reader.segments()[segment], sums[segment]));
  };
  for (const FoundBlock* block = reader.next(); block != nullptr && taken; block = reader.next()) {
    end_segments_before(block->segment);
    sums[block->segment].add(*block);
    all.add(*block);
    if (request.blocks && taken) taken = machine.console.out(line_of(*block));
    progress.step();
  }
  end_segments_before(reader.segments().size());
  const Totals& totals = reader.totals();
  taken = taken && machine.console.out(concat("total: ", totals.blocks, " blocks, ", totals.events,
                                              " events, ", totals.gaps, " gaps; ", totals.raw_bytes,
                                              " -> ", totals.payload_bytes, " bytes, on disk ",
                                              totals.disk_bytes, '\n'));
  taken = taken && machine.console.out(lines_of_cursors(reader, all));
  taken = taken && machine.console.out(lines_of_damage(reader));
  return taken ? exit_codes::ok : exit_codes::io;
}

}  // namespace runnel::agent::journal_tool
