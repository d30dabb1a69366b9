// `runnel journal repair`: a new journal of the same size with every block that can be read.
// Sequences, positions and ordinals stay as they were, so that what is missing is still missed by
// its number and batches keep their ids; segments are numbered anew.
#include <algorithm>
#include <vector>

#include "agent/exit_codes.hpp"
#include "agent/journal_tool/tool.hpp"
#include "base/text.hpp"

namespace runnel::agent::journal_tool {

using namespace channels::journal;

namespace {

constexpr std::uint32_t no_segment = UINT32_MAX;

class Rebuilding {
 public:
  Rebuilding(File& file, const JournalReader& reader, Machine machine)
      : file_(file), superblock_(reader.superblock()), page_(page_bytes) {
    machine.system.entropy(superblock_.salt);
    if (reader.cursors()) cursors_ = *reader.cursors();
  }

  // Blocks of one segment go into one segment again: they fit.
  Status add(const FoundBlock& block, std::uint64_t body_bytes) {
    if (block.segment != old_segment_ || index_ == no_segment) {
      if (const Status begun = begin_segment(block); !begun) return begun;
    }
    BlockHeader header = block.header;
    header.generation = generation_of(index_);
    bytes_.assign(static_cast<std::size_t>(block_bytes_on_disk(header.payload_bytes)),
                  std::byte{0});
    std::copy(block.bytes.begin(), block.bytes.end(), bytes_.begin());
    encode(header, superblock_.salt, bytes_);
    if (const Status written = file_.write(next_at_, bytes_); !written) return written;
    place_cursors(header);
    next_at_ += bytes_.size();
    ++blocks_;
    events_ += header.events;
    last_ = header;
    last_body_bytes_ = body_bytes;
    return {};
  }

  std::uint64_t blocks() const { return blocks_; }
  std::uint64_t events() const { return events_; }

  // The superblock comes last: what was not finished is no journal.
  Status finish() {
    if (const Status written = write_cursors(); !written) return written;
    if (const Status synced = file_.sync(); !synced) return synced;
    encode(superblock_, page_);
    for (auto where = superblock_pages.rbegin(); where != superblock_pages.rend(); ++where)
      if (const Status written = file_.write(*where, page_); !written) return written;
    return file_.sync();
  }

 private:
  static std::uint64_t generation_of(std::uint32_t index) { return std::uint64_t{index} + 1; }

  Status begin_segment(const FoundBlock& block) {
    ++index_;  // from no_segment to 0
    old_segment_ = block.segment;
    const std::uint64_t at = data_begin + index_ * superblock_.segment_bytes;
    next_at_ = at + page_bytes;
    const BlockHeader& first = block.header;
    SegmentHeader header;
    header.index = index_;
    header.generation = generation_of(index_);
    header.first_sequence = first.sequence;
    header.first_position = first.first_position;
    header.first_ordinal = first.first_ordinal;
    header.unwritten_events = first.unwritten_events;
    header.body_bytes = first.body_bytes;
    encode(header, superblock_.salt, page_);
    return file_.write(at, page_);
  }

  void place_cursors(const BlockHeader& header) {
    for (Cursor& each : cursors_.cursors) {
      if (each.position < header.first_position || each.position >= header.last_position) continue;
      each.block_at = next_at_;
      each.sequence = header.sequence;
      placed_.push_back(each.name);
    }
  }

  Status write_cursors() {
    for (Cursor& each : cursors_.cursors)
      if (std::find(placed_.begin(), placed_.end(), each.name) == placed_.end()) each.block_at = 0;
    if (last_) raise_head(*last_);
    for (int time = 0; time < 2; ++time) {  // both pages, so that neither is one of long ago
      ++cursors_.generation;
      encode(cursors_, superblock_.salt, page_);
      const std::uint64_t at = cursor_pages[cursors_.generation % 2 == 0 ? 0 : 1];
      if (const Status written = file_.write(at, page_); !written) return written;
    }
    return {};
  }

  // The cursors may be older than the last block, or lost.
  void raise_head(const BlockHeader& last) {
    cursors_.epoch = std::max(cursors_.epoch, last.epoch);
    cursors_.durable_position = std::max(cursors_.durable_position, last.last_position);
    if (cursors_.head_position >= last.last_position) return;
    cursors_.head_position = last.last_position;
    cursors_.head_ordinal = last.first_ordinal + last.events;
    cursors_.unwritten_events = last.unwritten_events;
    cursors_.body_bytes = last.body_bytes + last_body_bytes_;
  }

  File& file_;
  Superblock superblock_;
  CursorPage cursors_;
  std::vector<std::string> placed_;
  std::vector<std::byte> page_, bytes_;
  std::uint32_t index_ = no_segment;
  std::size_t old_segment_ = 0;
  std::uint64_t next_at_ = 0;
  std::optional<BlockHeader> last_;
  std::uint64_t last_body_bytes_ = 0;
  std::uint64_t blocks_ = 0, events_ = 0;
};

Status rebuild(File& file, JournalReader& reader, Machine machine, std::string& summary) {
  if (const Status made = file.allocate(reader.superblock().file_bytes); !made) return made;
  Rebuilding rebuilding(file, reader, machine);
  Progress progress(machine, reader, "copied");
  for (const FoundBlock* block = reader.next(); block != nullptr; block = reader.next()) {
    const std::uint64_t before = reader.totals().body_bytes;
    if (!reader.unpack()) continue;
    if (const Status added = rebuilding.add(*block, reader.totals().body_bytes - before); !added)
      return added;
    progress.step();
  }
  summary = concat(rebuilding.blocks(), " blocks, ", rebuilding.events(), " events");
  return rebuilding.finish();
}

}  // namespace

int repair(const JournalRequest& request, JournalReader& reader, Machine machine) {
  const char* path = request.new_path.c_str();
  Status status;
  std::string summary;
  {
    auto file = File::open(machine.reactor, path, io::OpenMode::exclusive);
    if (!file)
      return complain(machine,
                      {concat(path, ": cannot be made: ", describe(file.error())), exit_codes::io});
    status = rebuild(*file, reader, machine, summary);
  }
  if (status) status = sync_folder_of(machine.reactor, request.new_path);
  if (!status) {
    (void)unlink(machine.reactor, path);
    return complain(
        machine, {concat(path, ": cannot be written: ", describe(status.error())), exit_codes::io});
  }
  std::string text = concat(path, ": ", summary);
  if (is_damaged(reader)) text += concat("; ", what_is_missing(reader));
  return machine.console.out(text + '\n') ? exit_codes::ok : exit_codes::io;
}

}  // namespace runnel::agent::journal_tool
