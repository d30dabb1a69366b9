#include "codec/whole_frames.hpp"

#include <algorithm>
#include <array>

#include <zlib.h>
#include <zstd.h>

#include "base/assert.hpp"

// What the linker puts in the place of zstd's decoders for formats before 1.0
// (cmake/dependencies.cmake): asked for a context they give none, so that zstd says it is out of
// memory, and the rest is never called.
extern "C" void* runnel_no_legacy_zstd();
extern "C" void* runnel_no_legacy_zstd() { return nullptr; }

namespace runnel::codec {

struct WholeFrames::Decoder {
  explicit Decoder(Codec codec) {
    if (codec == Codec::zstd) {
      zstd = ZSTD_createDStream();
      RUNNEL_ASSERT(zstd != nullptr);
      // A frame that asks for a larger window is an error, and is not given the memory.
      RUNNEL_ASSERT(
          !ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, zstd_window_bits_max)));
    }
    if (codec == Codec::gzip) {
      constexpr int only_gzip = 16;
      const int done = inflateInit2(&gzip, MAX_WBITS + only_gzip);
      RUNNEL_ASSERT(done == Z_OK);
      gzip_open = true;
    }
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() {
    ZSTD_freeDStream(zstd);
    if (gzip_open) inflateEnd(&gzip);
  }

  ZSTD_DStream* zstd = nullptr;
  z_stream gzip{};
  bool gzip_open = false;
  std::array<std::byte, 128 * 1024> plain;  // what comes out is only wanted for its checks
};

WholeFrames::WholeFrames(Codec codec) : codec_(codec), decoder_(new Decoder(codec)) {}
WholeFrames::~WholeFrames() = default;

bool WholeFrames::feed(Bytes piece) {
  if (broken_) return false;
  // zlib counts in 32 bits.
  constexpr std::size_t piece_bytes_max = 1u << 30;
  while (!piece.empty() && !broken_) {
    const Bytes part = piece.first(std::min(piece.size(), piece_bytes_max));
    switch (codec_) {
      case Codec::none:
        feed_lines(part);
        break;
      case Codec::gzip:
        feed_gzip(part);
        break;
      case Codec::zstd:
        feed_zstd(part);
        break;
    }
    fed_bytes_ += part.size();
    piece = piece.subspan(part.size());
  }
  return !broken_;
}

// What Runnel writes has at most so many bytes in a frame. A few damaged bytes, or hostile ones,
// that claim gigabytes must not hold up a start.
void WholeFrames::count_plain(std::size_t bytes) {
  frame_plain_bytes_ += bytes;
  if (frame_plain_bytes_ > frame_plain_bytes_max) broken_ = true;
}

void WholeFrames::frame_ended(std::size_t consumed) {
  RUNNEL_ASSERT(fed_bytes_ + consumed > whole_bytes_);
  whole_bytes_ = fed_bytes_ + consumed;
  frame_plain_bytes_ = 0;
  ++frames_;
}

void WholeFrames::feed_lines(Bytes piece) {
  const std::size_t last = as_text(piece).rfind('\n');
  if (last != std::string_view::npos) whole_bytes_ = fed_bytes_ + last + 1;
}

void WholeFrames::feed_zstd(Bytes piece) {
  ZSTD_inBuffer in{piece.data(), piece.size(), 0};
  for (;;) {
    ZSTD_outBuffer out{decoder_->plain.data(), decoder_->plain.size(), 0};
    const std::size_t before = in.pos;
    const std::size_t left = ZSTD_decompressStream(decoder_->zstd, &out, &in);
    if (ZSTD_isError(left)) {
      broken_ = true;
      return;
    }
    count_plain(out.pos);
    if (broken_) return;
    if (left == 0) frame_ended(in.pos);
    // A full output may hide more; otherwise the end of the input is the end of what can be done.
    const bool more_inside = out.pos == out.size && left != 0;
    if (in.pos == in.size && !more_inside) return;
    if (in.pos == before && out.pos == 0 && left != 0) {
      broken_ = true;  // No progress: the library would not get further next time either.
      return;
    }
  }
}

void WholeFrames::feed_gzip(Bytes piece) {
  z_stream& stream = decoder_->gzip;
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(piece.data()));
  stream.avail_in = static_cast<uInt>(piece.size());
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(decoder_->plain.data());
    stream.avail_out = static_cast<uInt>(decoder_->plain.size());
    const int done = inflate(&stream, Z_NO_FLUSH);
    count_plain(decoder_->plain.size() - stream.avail_out);
    if (broken_) return;
    if (done == Z_STREAM_END) {
      frame_ended(piece.size() - stream.avail_in);
      if (inflateReset(&stream) != Z_OK) broken_ = true;
    } else if (done != Z_OK && done != Z_BUF_ERROR) {
      broken_ = true;
    }
    if (broken_) return;
    const bool more_inside = done == Z_OK && stream.avail_out == 0;
    if (stream.avail_in == 0 && !more_inside) return;
    if (done == Z_BUF_ERROR) {
      broken_ = true;  // No progress although there is input and room.
      return;
    }
  }
}

}  // namespace runnel::codec
