// The way back of compressor.hpp for zstd: one whole frame into a buffer of the caller's. All
// memory is carved at start; the library allocates nothing. Any bytes are safe: what is not exactly
// one frame with a right checksum, or becomes longer than its buffer, is `malformed`, and formats
// from before zstd 1.0, dictionaries and skippable frames are not read.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/region.hpp"

namespace runnel::codec {

struct DecompressorMemory {
  MutableBytes workspace;
};

class Decompressor {
 public:
  static DecompressorMemory carve(Region& region);

  explicit Decompressor(DecompressorMemory memory);
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  // Returns how many bytes of `plain` it filled; after `malformed` those are anything. The next
  // call starts afresh.
  Result<std::size_t> decompress(Bytes wire, MutableBytes plain);

 private:
  void* context_;  // the library's, inside the workspace
};

}  // namespace runnel::codec
