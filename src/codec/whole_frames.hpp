// For recovery at start: up to which offset a file consists of whole, valid frames. The file is fed
// in pieces from its beginning; what is behind `whole_bytes()` at its end was torn by a crash and
// is cut off. Checks what the format can check: zstd checksums, gzip's CRC and size. It allocates
// (at construction, about 200 KiB, and for a zstd window of at most 8 MiB): start-up only. Any
// bytes are safe to feed: a frame that becomes longer than any that Runnel writes is broken, so
// that a small file cannot keep a start busy, and zstd's formats from before 1.0 are not read at
// all.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "codec/compressor.hpp"

namespace runnel::codec {

class WholeFrames {
 public:
  // With Codec::none the frames are lines: whole up to the last newline.
  explicit WholeFrames(Codec codec);
  WholeFrames(const WholeFrames&) = delete;
  WholeFrames& operator=(const WholeFrames&) = delete;
  ~WholeFrames();

  // False: what follows cannot become whole any more, so the rest need not be fed.
  bool feed(Bytes piece);

  std::uint64_t whole_bytes() const { return whole_bytes_; }
  std::uint64_t fed_bytes() const { return fed_bytes_; }
  std::uint64_t frames() const { return frames_; }  // not counted for Codec::none
  bool broken() const {
    return broken_;
  }  // behind whole_bytes() is something else, not a torn frame

  static constexpr int zstd_window_bits_max = 23;
  static constexpr std::uint64_t frame_plain_bytes_max = compressor_input_bytes_hard_max;

 private:
  struct Decoder;
  void feed_lines(Bytes piece);
  void feed_zstd(Bytes piece);
  void feed_gzip(Bytes piece);
  void count_plain(std::size_t bytes);
  void frame_ended(std::size_t consumed);

  Codec codec_;
  bool broken_ = false;
  std::uint64_t whole_bytes_ = 0;
  std::uint64_t fed_bytes_ = 0;  // before the piece at hand
  std::uint64_t frames_ = 0;
  std::uint64_t frame_plain_bytes_ = 0;  // of the open frame
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace runnel::codec
