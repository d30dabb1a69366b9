// How a subscription reads a channel with blocks: where it stands, the block it is in (in the ring,
// or loaded from the store into the one buffer that it has), and the blocks that it has entered and
// not acknowledged to their end, so that it can go back.
#pragma once

#include <array>

#include "base/bytes.hpp"
#include "pipeline/blocks.hpp"

namespace runnel::pipeline {

struct BlockReader {
  // The cursor's block; the position is the subscription's cursor. Its records, when it can be read
  // now: else null.
  std::uint64_t sequence = 0;
  std::uint64_t place = 0;  // where the store has it, or where to look for it
  Block block;
  const std::byte* records = nullptr;
  std::uint32_t taken = 0;  // records of it before the cursor
  bool entered = false;     // `taken` is known

  // What should come next, so that a hole is noticed and measured: events before block `sequence`.
  std::uint64_t ordinal = 0;
  std::uint64_t body_bytes = 0;
  bool written_only = false;  // after a start: see BlockPlace

  MutableBytes buffer;
  Block loaded;
  bool has_loaded = false;
  bool waiting = false;  // for the store, which looks for this:
  BlockPlace wanted;
  std::uint64_t dropped_until = 0;  // blocks before this number are given up

  // Blocks that were entered: the first holds the watermark. When there are too many the inner
  // ones are thinned out; going back then reads over more.
  struct Step {
    BlockPlace at;
    BlockPlace behind;  // position 0: not known
  };
  static constexpr std::size_t trail_max = 64;
  std::array<Step, trail_max> trail;
  std::size_t trail_count = 0;

  void enter(const Step& step);
  // What lies before `watermark` is done with.
  void acknowledge(Position watermark);
  // Nor to before `first`, where a block begins.
  void forget_before(const BlockPlace& first);
  void found(std::uint64_t sequence, std::uint64_t place);
};

}  // namespace runnel::pipeline
