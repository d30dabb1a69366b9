// Opening: superblock, cursors, and which segment follows which.
#include "agent/journal_tool/reader.hpp"

#include <algorithm>

#include "agent/exit_codes.hpp"
#include "base/text.hpp"

namespace runnel::agent::journal_tool {

using namespace channels::journal;

namespace {

// Where the zeros behind the fields of a page are not zeros; 0: they all are.
std::size_t first_stray_byte(Bytes page, std::size_t used) {
  const auto found = std::find_if(page.begin() + static_cast<std::ptrdiff_t>(used), page.end(),
                                  [](std::byte b) { return b != std::byte{0}; });
  return found == page.end() ? 0 : static_cast<std::size_t>(found - page.begin());
}

tl::unexpected<Problem> refuse(const std::string& path, std::string_view why, int exit_code) {
  return problem(concat(path, ": ", why), exit_code);
}

std::size_t decompressor_bytes() {
  auto region = Region::measuring();
  codec::Decompressor::carve(region);
  return region.used();
}
codec::DecompressorMemory carve(MutableBytes memory) {
  auto region = Region::over(memory);
  return codec::Decompressor::carve(region);
}

}  // namespace

Built<std::unique_ptr<JournalReader>> JournalReader::open(io::Reactor& reactor, io::System& system,
                                                          const std::string& path) {
  auto file = File::open(reactor, path.c_str(), io::OpenMode::read);
  if (!file)
    return refuse(path, concat("cannot be opened: ", describe(file.error())), exit_codes::io);
  const auto size = file->size();
  if (!size)
    return refuse(path, concat("cannot be read: ", describe(size.error())), exit_codes::io);
  const auto memory = system.map(decompressor_bytes());
  if (!memory) return refuse(path, describe(memory.error()), exit_codes::unavailable);
  std::unique_ptr<JournalReader> reader(new JournalReader(std::move(*file), *size, *memory));
  if (auto read = reader->read_superblock(path); !read) return tl::unexpected(read.error());
  reader->read_cursors();
  reader->find_segments();
  reader->damages_at_open_ = reader->damages_.size();
  return reader;
}

JournalReader::JournalReader(File file, std::uint64_t file_bytes, MutableBytes decompressor_memory)
    : file_(std::move(file)), file_bytes_(file_bytes), decompressor_(carve(decompressor_memory)) {}

void JournalReader::note(std::uint64_t at, std::uint64_t bytes, std::string what) {
  ++damages_found_;
  if (damages_.size() < damages_kept_max) damages_.push_back({at, bytes, std::move(what)});
}

tl::expected<void, Problem> JournalReader::read_superblock(const std::string& path) {
  std::optional<Superblock> found[superblock_pages.size()];
  for (std::size_t index = 0; index < superblock_pages.size(); ++index)
    found[index] = decode_superblock(at(superblock_pages[index], page_bytes));
  if (!found[0] && !found[1]) {
    const bool ours = looks_like_a_journal(at(superblock_pages[0], page_bytes)) ||
                      looks_like_a_journal(at(superblock_pages[1], page_bytes));
    return refuse(
        path,
        ours ? "a journal whose superblock is damaged, and the copy of it too, or one of a "
               "later version"
             : "not a journal: it begins with something else, and has no copy of a superblock",
        exit_codes::damaged);
  }
  superblock_ = found[0] ? *found[0] : *found[1];
  for (std::size_t index = 0; index < superblock_pages.size(); ++index) {
    const std::uint64_t where = superblock_pages[index];
    const std::size_t stray = first_stray_byte(at(where, page_bytes), superblock_bytes);
    if (index == 1 && is_zero(at(where, page_bytes))) continue;  // made without a copy
    if (!found[index])
      note(where, page_bytes,
           index == 0 ? "the superblock is damaged; its copy is whole"
                      : "the copy of the superblock is damaged");
    else if (found[index]->salt != superblock_.salt)
      note(where, page_bytes, "the copy of the superblock is another journal's");
    else if (stray != 0)
      note(where + stray, 0, "something stands behind the superblock");
  }
  if (file_bytes_ < superblock_.file_bytes)
    note(file_bytes_, superblock_.file_bytes - file_bytes_,
         concat("the file ends here; it should have ", superblock_.file_bytes, " bytes"));
  return {};
}

void JournalReader::read_cursors() {
  for (const std::uint64_t where : cursor_pages) {
    const Bytes page = at(where, page_bytes);
    auto found = decode_cursors(page, superblock_.salt);
    if (!found) {
      if (!is_zero(page)) note(where, page_bytes, "a page of cursors is damaged");
      continue;
    }
    if (cursor_pages[found->generation % 2 == 0 ? 0 : 1] != where)
      note(where, page_bytes, "a page of cursors lies where the other one belongs");
    else if (!cursors_ || cursors_->generation < found->generation)
      cursors_ = std::move(found);
  }
}

// Of blocks in a segment that has no header to tell. Those of the last round may still be behind
// those of this one.
std::optional<std::uint64_t> JournalReader::newest_generation_in(std::uint64_t segment_at) {
  std::optional<std::uint64_t> newest;
  const std::uint64_t end = std::min(segment_at + superblock_.segment_bytes, file_bytes_);
  for (std::uint64_t offset = segment_at + page_bytes; offset + page_bytes <= end;
       offset += page_bytes) {
    const auto header = decode_block_header(at(offset, page_bytes));
    if (!header || (newest && header->generation <= *newest)) continue;
    if (offset + block_bytes_on_disk(header->payload_bytes) > end) continue;
    if (is_whole(*header, at(offset, BlockHeader::bytes + header->payload_bytes), superblock_.salt))
      newest = header->generation;
  }
  return newest;
}

void JournalReader::find_segments() {
  for (std::uint32_t index = 0; index < superblock_.segments; ++index) {
    FoundSegment segment;
    segment.at = data_begin + index * superblock_.segment_bytes;
    if (segment.at + page_bytes > file_bytes_) break;
    const Bytes page = at(segment.at, page_bytes);
    const auto header = decode_segment(page, superblock_.salt);
    if (header && header->index == index) {
      segment.header = *header;
      const std::size_t stray = first_stray_byte(page, segment_header_bytes);
      if (stray != 0) note(segment.at + stray, 0, "something stands behind a segment's header");
    } else {
      const bool blank = is_zero(page);
      const auto generation = newest_generation_in(segment.at);
      if (!blank || generation)
        note(segment.at, page_bytes,
             header ? "the header of another segment" : "the header of a segment is damaged");
      if (!generation) continue;
      segment.has_header = false;
      segment.header.index = index;
      segment.header.generation = *generation;
    }
    segments_.push_back(segment);
  }
  std::sort(segments_.begin(), segments_.end(), [](const FoundSegment& a, const FoundSegment& b) {
    return a.header.generation < b.header.generation;
  });
}

// --- the file in memory -----------------------------------------------------------------------

Bytes JournalReader::at(std::uint64_t offset, std::size_t size) {
  if (offset < window_at_ || offset + size > window_at_ + window_bytes_) fill_window(offset, size);
  return Bytes(window_).subspan(static_cast<std::size_t>(offset - window_at_), size);
}

void JournalReader::fill_window(std::uint64_t offset, std::size_t size) {
  constexpr std::size_t window_bytes_min = std::size_t{1} << 20;
  const std::size_t wanted = align_up(std::max(size, window_bytes_min), page_bytes);
  if (window_.size() < wanted) window_.resize(wanted);
  window_at_ = offset;
  window_bytes_ = wanted;
  std::memset(window_.data(), 0, wanted);
  if (!file_.read(offset, MutableBytes(window_).first(wanted))) fill_page_by_page();
}

// A part of the medium has failed: what lies around it is still of use.
void JournalReader::fill_page_by_page() {
  for (std::size_t from = 0; from < window_bytes_; from += page_bytes) {
    const MutableBytes page = MutableBytes(window_).subspan(from, page_bytes);
    std::memset(page.data(), 0, page.size());
    const auto got = file_.read(window_at_ + from, page);
    if (got) continue;
    std::memset(page.data(), 0, page.size());
    const std::uint64_t where = window_at_ + from;
    const bool known = std::any_of(damages_.begin(), damages_.end(), [&](const Damage& each) {
      return each.at == where && each.bytes == page_bytes;
    });
    if (!known) note(where, page_bytes, concat("cannot be read: ", describe(got.error())));
  }
}

}  // namespace runnel::agent::journal_tool
