// Compresses one piece at a time into something that stands for itself: an independent zstd frame
// (with its content size and a checksum) or a whole gzip member. A file of several is the
// concatenation of their contents, which zstdcat and zcat read, and a torn file loses only its
// last. All memory is carved at start; the library allocates nothing. Equal input gives equal
// output.
#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/region.hpp"

namespace runnel::codec {

enum class Codec : std::uint8_t { none, gzip, zstd };
Result<Codec> codec_from(std::string_view name);  // "none", "gzip", "zstd"; else `malformed`
std::string_view name_of(Codec codec);
std::string_view file_suffix(Codec codec);  // "", ".gz", ".zst"

struct Levels {
  int lowest, highest, standard;
};
Levels levels_of(Codec codec);  // zstd 1 to 19, gzip 1 to 9, none 0

struct CompressorSettings {
  Codec codec = Codec::zstd;
  int level = 1;
  std::size_t input_bytes_max = 256 * 1024;  // of one piece
};
inline constexpr std::size_t compressor_input_bytes_hard_max = 64u << 20;

// `too_large`: the level or the input size is outside its range.
Status check(const CompressorSettings& settings);
// What a piece of `input_bytes_max` can become at worst.
std::size_t wire_bytes_max(const CompressorSettings& settings);

struct CompressorMemory {
  MutableBytes workspace;  // empty for none
};

class Compressor {
 public:
  // The settings must have passed the check.
  static CompressorMemory carve(Region& region, const CompressorSettings& settings);

  Compressor(const CompressorSettings& settings, CompressorMemory memory);
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // Returns how many bytes of `wire` it filled. `too_large`: the input is over `input_bytes_max`,
  // or `wire` is too small, which it never is with `wire_bytes_max`. The next call starts afresh.
  Result<std::size_t> compress(Bytes plain, MutableBytes wire);

 private:
  CompressorSettings settings_;
  void* context_ = nullptr;  // the library's, inside the workspace
};

}  // namespace runnel::codec
