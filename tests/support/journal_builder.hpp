// Lays out a journal in memory, block by block, with the encoders of the format: what tests read,
// damage and repair. Not how the agent writes one.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/region.hpp"
#include "channels/journal/format.hpp"
#include "codec/compressor.hpp"
#include "pipeline/record.hpp"

namespace runnel::test {

class JournalBuilder {
 public:
  struct Geometry {
    std::uint64_t file_bytes = channels::journal::file_bytes_min;
    std::uint32_t segments = 4;
    std::uint32_t raw_bytes_max = 64 * 1024;
  };

  JournalBuilder() : JournalBuilder(Geometry{}) {}
  explicit JournalBuilder(const Geometry& geometry)
      : file_(static_cast<std::size_t>(geometry.file_bytes)) {
    namespace journal = channels::journal;
    superblock_.file_bytes = geometry.file_bytes;
    superblock_.segments = geometry.segments;
    superblock_.segment_bytes = (geometry.file_bytes - journal::data_begin) / geometry.segments /
                                journal::page_bytes * journal::page_bytes;
    superblock_.raw_bytes_max = geometry.raw_bytes_max;
    for (std::size_t index = 0; index < superblock_.salt.size(); ++index)
      superblock_.salt[index] = static_cast<std::byte>(0xA0 + index);
    for (const std::uint64_t at : journal::superblock_pages) encode(superblock_, page(at));
    for (std::size_t index = 0; index < boot.size(); ++index)
      boot[index] = static_cast<std::byte>(index + 1);
  }

  // --- what the next block says
  // -------------------------------------------------------------------
  channels::journal::BootId boot;
  std::int64_t clock_offset_ns = 1'700'000'000'000'000'000;
  std::uint64_t epoch = 1;
  channels::journal::BlockCodec codec = channels::journal::BlockCodec::zstd;

  // --- records of the next block
  // ------------------------------------------------------------------
  void event(std::string_view body, pipeline::Event event = {}) {
    event.body = as_bytes(body);
    const std::size_t size = pipeline::record_bytes(event);
    pipeline::write_record(grow(size), event, size);
    ++events_;
    body_bytes_ += body.size();
  }
  void gap(const pipeline::Gap& gap) {
    pipeline::write_gap(grow(pipeline::gap_record_bytes), gap);
    ++gaps_;
  }
  // Any bytes, as so many events: what no agent has written.
  void raw(std::string_view bytes, std::uint32_t events) {
    raw_.insert(raw_.end(), as_bytes(bytes).begin(), as_bytes(bytes).end());
    events_ += events;
  }

  // Events that were delivered from memory and never written.
  void leave_out(std::uint32_t events, std::uint64_t position_bytes) {
    ordinal_ += events;
    unwritten_ += events;
    position_ += position_bytes;
    ++sequence_;
  }

  // Ends the block. Returns where it lies.
  std::uint64_t seal() {
    namespace journal = channels::journal;
    const std::vector<std::byte> payload = compressed();
    journal::BlockHeader header;
    header.payload_bytes = static_cast<std::uint32_t>(payload.size());
    header.raw_bytes = static_cast<std::uint32_t>(raw_.size());
    header.events = events_;
    header.gaps = gaps_;
    header.codec = codec;
    header.sequence = ++sequence_;
    header.epoch = epoch;
    header.first_position = position_;
    header.last_position = position_ + raw_.size();
    header.first_ordinal = ordinal_;
    header.unwritten_events = unwritten_;
    header.body_bytes = body_bytes_before_;
    header.boot = boot;
    header.clock_offset_ns = clock_offset_ns;
    header.custody = position_;
    const std::uint64_t size = journal::block_bytes_on_disk(payload.size());
    if (generation_ == 0 || next_at_ + size > segment_at() + superblock_.segment_bytes)
      begin_segment(header);
    header.generation = generation_;
    const std::uint64_t at = next_at_;
    // All of it: a page that is written has no bytes of the round before.
    const MutableBytes block =
        MutableBytes(file_).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size));
    std::fill(block.begin(), block.end(), std::byte{0});
    std::copy(payload.begin(), payload.end(), block.begin() + journal::BlockHeader::bytes);
    encode(header, superblock_.salt, block);
    next_at_ += size;
    position_ = header.last_position;
    ordinal_ += events_;
    body_bytes_before_ += body_bytes_;
    raw_.clear();
    events_ = gaps_ = 0;
    body_bytes_ = 0;
    return at;
  }

  void cursors(std::uint64_t generation, std::vector<channels::journal::Cursor> cursors) {
    channels::journal::CursorPage contents;
    contents.generation = generation;
    contents.epoch = epoch;
    contents.head_position = position_;
    contents.head_ordinal = ordinal_;
    contents.unwritten_events = unwritten_;
    contents.body_bytes = body_bytes_before_;
    contents.durable_position = position_;
    contents.cursors = std::move(cursors);
    encode(contents, superblock_.salt, page(channels::journal::cursor_pages[generation % 2]));
  }

  std::string text() const { return std::string(as_text(Bytes(file_))); }
  const channels::journal::Superblock& superblock() const { return superblock_; }
  std::uint64_t position() const { return position_; }
  std::uint64_t ordinal() const { return ordinal_; }
  std::uint64_t sequence() const { return sequence_; }
  std::uint64_t segment_at() const {
    return channels::journal::data_begin +
           (generation_ - 1) % superblock_.segments * superblock_.segment_bytes;
  }

 private:
  MutableBytes page(std::uint64_t at) {
    return MutableBytes(file_).subspan(static_cast<std::size_t>(at), channels::journal::page_bytes);
  }
  std::byte* grow(std::size_t bytes) {
    raw_.resize(raw_.size() + bytes);
    return raw_.data() + raw_.size() - bytes;
  }
  std::vector<std::byte> compressed() {
    if (codec == channels::journal::BlockCodec::none) return raw_;
    const codec::CompressorSettings settings{.input_bytes_max = superblock_.raw_bytes_max};
    auto measured = Region::measuring();
    codec::Compressor::carve(measured, settings);
    const std::unique_ptr<std::byte, decltype(&std::free)> memory(
        static_cast<std::byte*>(std::aligned_alloc(4096, align_up(measured.used(), 4096))),
        &std::free);
    auto region = Region::over({memory.get(), measured.used()});
    codec::Compressor compressor(settings, codec::Compressor::carve(region, settings));
    std::vector<std::byte> wire(codec::wire_bytes_max(settings));
    const auto size = compressor.compress(raw_, wire);
    RUNNEL_ASSERT(size.has_value());
    wire.resize(*size);
    return wire;
  }
  void begin_segment(const channels::journal::BlockHeader& first) {
    ++generation_;
    channels::journal::SegmentHeader header;
    header.index = static_cast<std::uint32_t>((generation_ - 1) % superblock_.segments);
    header.generation = generation_;
    header.first_sequence = first.sequence;
    header.first_position = first.first_position;
    header.first_ordinal = first.first_ordinal;
    header.unwritten_events = first.unwritten_events;
    header.body_bytes = first.body_bytes;
    encode(header, superblock_.salt, page(segment_at()));
    next_at_ = segment_at() + channels::journal::page_bytes;
  }

  channels::journal::Superblock superblock_;
  std::vector<std::byte> file_;
  std::vector<std::byte> raw_;
  std::uint32_t events_ = 0, gaps_ = 0;
  std::uint64_t body_bytes_ = 0, body_bytes_before_ = 0;
  std::uint64_t generation_ = 0, next_at_ = 0;
  std::uint64_t sequence_ = 0, position_ = 0, ordinal_ = 0, unwritten_ = 0;
};

}  // namespace runnel::test
