// Which segments the file has and what is in them: the directory that start-up builds from their
// headers. They are used one after the other and again from the beginning, so the one behind the
// newest is the oldest.
#pragma once

#include <span>

#include "channels/journal/format.hpp"

namespace runnel::channels::journal {

class Segments {
 public:
  Segments() = default;
  // `slots` has one for each segment of the file.
  Segments(std::span<SegmentHeader> slots, std::uint64_t segment_bytes)
      : slots_(slots), segment_bytes_(segment_bytes) {}

  std::size_t count() const { return slots_.size(); }
  std::uint64_t segment_bytes() const { return segment_bytes_; }
  std::uint64_t begin_of(std::size_t index) const { return data_begin + index * segment_bytes_; }
  std::uint64_t end_of(std::size_t index) const { return begin_of(index) + segment_bytes_; }
  std::uint64_t first_block_of(std::size_t index) const { return begin_of(index) + page_bytes; }
  std::size_t index_of(std::uint64_t place) const {
    return static_cast<std::size_t>((place - data_begin) / segment_bytes_);
  }
  bool contains(std::uint64_t place) const {
    return place >= data_begin && index_of(place) < slots_.size();
  }
  std::size_t behind(std::size_t index) const { return (index + 1) % slots_.size(); }

  // Generation zero: never used.
  SegmentHeader& at(std::size_t index) { return slots_[index]; }
  bool empty() const { return newest_ == none; }
  std::size_t newest() const { return newest_; }
  void make_newest(std::size_t index) { newest_ = index; }
  std::size_t oldest() const;
  // The one that holds this block if any does: the last that begins at or before it.
  std::size_t with_sequence(std::uint64_t sequence) const;
  // Keeps the newest generations that follow each other backwards over the ring; what does not fit
  // into their order is a leftover or damage.
  void find_newest();

  static constexpr std::size_t none = SIZE_MAX;

 private:
  std::span<SegmentHeader> slots_;
  std::uint64_t segment_bytes_ = 0;
  std::size_t newest_ = none;
};

// How a file of this size is divided. `raw_bytes_max`: what a block must have room for. Nothing:
// the file is too small for that.
std::optional<Superblock> lay_out(std::uint64_t file_bytes, std::size_t raw_bytes_max);
// The most that a block takes on disk.
std::uint64_t block_bytes_max(std::size_t raw_bytes_max);
// The same with the header of a segment that it begins, and the page of places that goes with that.
inline std::uint64_t written_at_once_max(std::size_t raw_bytes_max) {
  return block_bytes_max(raw_bytes_max) + 2 * page_bytes;
}

}  // namespace runnel::channels::journal
