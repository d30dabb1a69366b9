#include "channels/journal/segments.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "codec/compressor.hpp"

namespace runnel::channels::journal {
namespace {

constexpr std::uint64_t segment_bytes_wanted = std::uint64_t{4} << 20;
constexpr std::uint32_t segments_wanted = 8;

}  // namespace

std::uint64_t block_bytes_max(std::size_t raw_bytes_max) {
  const codec::CompressorSettings settings{.codec = codec::Codec::zstd,
                                           .input_bytes_max = raw_bytes_max};
  return block_bytes_on_disk(codec::wire_bytes_max(settings));
}

std::optional<Superblock> lay_out(std::uint64_t file_bytes, std::size_t raw_bytes_max) {
  Superblock superblock;
  superblock.file_bytes = file_bytes / page_bytes * page_bytes;
  superblock.raw_bytes_max = static_cast<std::uint32_t>(raw_bytes_max);
  const std::uint64_t room = superblock.file_bytes - data_begin;
  const std::uint64_t smallest = page_bytes + block_bytes_max(raw_bytes_max);
  std::uint64_t count =
      std::clamp<std::uint64_t>(room / segment_bytes_wanted, segments_wanted, segments_max);
  count = std::min(count, room / smallest);
  if (count < segments_min) return std::nullopt;
  superblock.segments = static_cast<std::uint32_t>(count);
  superblock.segment_bytes = room / count / page_bytes * page_bytes;
  return superblock;
}

std::size_t Segments::oldest() const {
  RUNNEL_ASSERT(!empty());
  std::size_t index = newest_;
  do index = behind(index);
  while (slots_[index].generation == 0);
  return index;
}

std::size_t Segments::with_sequence(std::uint64_t sequence) const {
  std::size_t index = oldest();
  while (index != newest_) {
    const std::size_t next = behind(index);
    if (slots_[next].first_sequence > sequence) break;
    index = next;
  }
  return index;
}

void Segments::find_newest() {
  newest_ = none;
  for (std::size_t index = 0; index < slots_.size(); ++index)
    if (slots_[index].generation > 0 &&
        (newest_ == none || slots_[index].generation > slots_[newest_].generation))
      newest_ = index;
  if (newest_ == none) return;
  // A segment counts when it is as many generations old as it is places behind. One in between
  // whose header is damaged leaves the older ones where they are.
  for (std::size_t back = 1; back < slots_.size(); ++back) {
    SegmentHeader& segment = slots_[(newest_ + slots_.size() - back) % slots_.size()];
    if (segment.generation + back != slots_[newest_].generation) segment.generation = 0;
  }
}

}  // namespace runnel::channels::journal
