// Recovery: what is whole does not depend on the pieces that a file is read in, is a prefix that is
// whole by itself, and of a file of real frames with anything behind it at least those frames are
// kept.
#include <optional>

#include "codec/compressor.hpp"
#include "codec/whole_frames.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace runnel;
using codec::Codec;

namespace {

struct Found {
  std::uint64_t whole_bytes, frames;
  bool broken;
  bool operator==(const Found&) const = default;
};

Found examine(Codec codec, std::string_view file, std::size_t piece_bytes) {
  codec::WholeFrames frames(codec);
  bool more = true;
  for (std::size_t at = 0; at < file.size() && more; at += piece_bytes) {
    const fuzz::Exact piece(file.substr(at, piece_bytes));
    more = frames.feed(piece.bytes());
    FUZZ_CHECK(more == !frames.broken());
    FUZZ_CHECK(frames.whole_bytes() <= frames.fed_bytes() && frames.fed_bytes() <= file.size());
  }
  return {frames.whole_bytes(), frames.frames(), frames.broken()};
}

// Memory of compressors, carved once: what is under test is the other side.
class Frames {
 public:
  explicit Frames(Codec codec) : settings_{codec, 1, 4096} {
    Region measuring = Region::measuring();
    codec::Compressor::carve(measuring, settings_);
    memory_.resize(measuring.used() / sizeof(Page) + 2);
    Region region =
        Region::over({reinterpret_cast<std::byte*>(memory_.data()), memory_.size() * sizeof(Page)});
    compressor_.emplace(settings_, codec::Compressor::carve(region, settings_));
  }
  std::string frame(std::string_view plain) {
    std::vector<std::byte> wire(codec::wire_bytes_max(settings_));
    const auto size = compressor_->compress(as_bytes(plain), wire);
    FUZZ_CHECK(size.has_value());
    return std::string(as_text(Bytes(wire).first(*size)));
  }

 private:
  struct alignas(4096) Page {
    std::byte bytes[4096];
  };
  codec::CompressorSettings settings_;
  std::vector<Page> memory_;
  std::optional<codec::Compressor> compressor_;
};

Frames& frames_of(Codec codec) {
  static Frames gzip(Codec::gzip), zstd(Codec::zstd);
  return codec == Codec::gzip ? gzip : zstd;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t kind = input.byte();
  const auto codec = static_cast<Codec>(kind % 3);
  const std::size_t piece_bytes = input.byte() + 1u;
  std::string file;
  std::size_t real = 0, count = kind / 3 % 4;
  for (; codec != Codec::none && real < count; ++real)
    file += frames_of(codec).frame(input.take(input.byte()));
  const std::size_t real_bytes = file.size();
  file += input.rest();

  const Found found = examine(codec, file, file.size());
  FUZZ_CHECK(found == examine(codec, file, piece_bytes));
  FUZZ_CHECK(found.whole_bytes >= real_bytes && found.frames >= real);
  const Found kept = examine(codec, file.substr(0, found.whole_bytes), piece_bytes);
  FUZZ_CHECK((kept == Found{found.whole_bytes, found.frames, false}));
  if (codec == Codec::none) FUZZ_CHECK(found.whole_bytes == file.rfind('\n') + 1 && !found.broken);
  return 0;
}
