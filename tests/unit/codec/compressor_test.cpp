// Goal: what is compressed comes back through the stock libraries, alone and concatenated, in the
// memory that was planned, at every level; and a damaged file is cut to exactly its whole frames.
// Method: real decoders; every level at the planned sizes and many smaller inputs; every truncation
// and random bit flips of a file of several frames.
#include "codec/compressor.hpp"

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include "codec/whole_frames.hpp"

using namespace runnel;
using namespace runnel::codec;

namespace {

std::string log_lines(std::size_t size, std::uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size)
    text += "2026-11-22 11:42:" + std::to_string(random() % 60) + " status installed package-" +
            std::to_string(random() % 5000) + ":amd64 1." + std::to_string(random() % 99) + "\n";
  text.resize(size);
  return text;
}
std::string noise(std::size_t size) {
  std::mt19937 random(2);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// A compressor with exactly the memory that its plan says.
class Planned {
 public:
  explicit Planned(const CompressorSettings& settings)
      : memory_(planned_bytes(settings)), wire_(wire_bytes_max(settings)) {
    auto region = Region::over({memory_.get(), planned_bytes(settings)});
    compressor_ = std::make_unique<Compressor>(settings, Compressor::carve(region, settings));
    CHECK(region.used() == planned_bytes(settings));
  }
  static std::size_t planned_bytes(const CompressorSettings& settings) {
    auto region = Region::measuring();
    Compressor::carve(region, settings);
    return region.used();
  }
  std::string operator()(std::string_view plain) {
    const auto size = compressor_->compress(as_bytes(plain), wire_);
    REQUIRE(size.has_value());
    return std::string(as_text(MutableBytes(wire_).first(*size)));
  }
  Compressor& compressor() { return *compressor_; }

 private:
  // The region wants page alignment, which a vector does not promise.
  struct Memory {
    explicit Memory(std::size_t size)
        : at(static_cast<std::byte*>(std::aligned_alloc(
              Region::base_alignment, align_up(size + 1, Region::base_alignment)))) {
      std::memset(at, 0, size);
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() { std::free(at); }
    std::byte* get() const { return at; }
    std::byte* at;
  };
  Memory memory_;
  std::vector<std::byte> wire_;
  std::unique_ptr<Compressor> compressor_;
};

std::string unzstd(std::string_view wire, std::size_t plain_bytes_max) {
  std::string plain(plain_bytes_max, '\0');
  const std::size_t size = ZSTD_decompress(plain.data(), plain.size(), wire.data(), wire.size());
  REQUIRE_FALSE(ZSTD_isError(size));
  plain.resize(size);
  return plain;
}

std::string gunzip(std::string_view wire, std::size_t plain_bytes_max) {
  std::string plain(plain_bytes_max + 1, '\0');
  std::vector<Bytef> input(wire.begin(), wire.end());
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  while (stream.avail_in > 0) {
    REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    if (stream.avail_in > 0) REQUIRE(inflateReset(&stream) == Z_OK);
  }
  plain.erase(plain.size() - stream.avail_out);
  inflateEnd(&stream);
  return plain;
}

std::string decompress(Codec codec, std::string_view wire, std::size_t plain_bytes_max) {
  return codec == Codec::zstd ? unzstd(wire, plain_bytes_max) : gunzip(wire, plain_bytes_max);
}

}  // namespace

TEST_CASE("compressor: every level, at the planned size and below, in the planned memory") {
  const std::string lines = log_lines(256 * 1024);
  const std::string random_bytes = noise(256 * 1024);
  for (const Codec codec : {Codec::zstd, Codec::gzip}) {
    for (int level = levels_of(codec).lowest; level <= levels_of(codec).highest; ++level) {
      for (const std::size_t input_bytes_max : {200u, 16u * 1024, 128u * 1024, 256u * 1024}) {
        CAPTURE(name_of(codec));
        CAPTURE(level);
        CAPTURE(input_bytes_max);
        Planned compress({codec, level, input_bytes_max});
        const std::string_view all = lines;
        for (const std::string_view plain :
             {all.substr(0, input_bytes_max), all.substr(0, 0), all.substr(0, 1),
              all.substr(0, input_bytes_max / 16), all.substr(1, input_bytes_max - 1),
              std::string_view(random_bytes).substr(0, input_bytes_max)})
          REQUIRE(decompress(codec, compress(plain), plain.size()) == plain);
      }
    }
  }
}

TEST_CASE("compressor: sizes that are no power of two, and large ones") {
  for (const Codec codec : {Codec::zstd, Codec::gzip}) {
    for (const std::size_t input_bytes_max : {1u, 100'000u, 300'001u, 1u << 20}) {
      Planned compress({codec, 3, input_bytes_max});
      const std::string plain = log_lines(input_bytes_max);
      CHECK(decompress(codec, compress(plain), plain.size()) == plain);
      CHECK(decompress(codec, compress(noise(input_bytes_max)), plain.size()) ==
            noise(input_bytes_max));
    }
  }
}

TEST_CASE("compressor: frames stand for themselves and concatenate") {
  for (const Codec codec : {Codec::zstd, Codec::gzip}) {
    Planned compress({codec, 1, 64 * 1024});
    std::string file, all;
    for (std::uint32_t index = 0; index < 5; ++index) {
      const std::string plain = log_lines(10'000 * index + 1, index);
      const std::string wire = compress(plain);
      CHECK(decompress(codec, wire, plain.size()) == plain);
      CHECK(compress(plain) == wire);
      file += wire;
      all += plain;
    }
    CHECK(decompress(codec, file, all.size()) == all);
  }
}

TEST_CASE("compressor: zstd frames carry their content size and a checksum") {
  Planned compress({Codec::zstd, 1, 64 * 1024});
  std::string wire = compress(log_lines(5000));
  CHECK(ZSTD_getFrameContentSize(wire.data(), wire.size()) == 5000);
  wire.back() = static_cast<char>(wire.back() ^ 1);
  std::string plain(5000, '\0');
  CHECK(ZSTD_isError(ZSTD_decompress(plain.data(), plain.size(), wire.data(), wire.size())));
}

TEST_CASE("compressor: limits are errors, and the next call works") {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::zstd}) {
    Planned compress({codec, levels_of(codec).standard, 1000});
    const std::string plain = noise(1001);
    std::vector<std::byte> wire(2000);
    auto& compressor = compress.compressor();
    CHECK(compressor.compress(as_bytes(plain), wire) == fail(Error::too_large));
    for (const std::size_t room : {0u, 1u, 17u, 999u})
      CHECK(compressor.compress(as_bytes(plain).first(1000), MutableBytes(wire).first(room)) ==
            fail(Error::too_large));
    const std::string result = compress(std::string_view(plain).substr(0, 1000));
    if (codec == Codec::none)
      CHECK(result == plain.substr(0, 1000));
    else
      CHECK(decompress(codec, result, 1000) == plain.substr(0, 1000));
  }
  CHECK(check({Codec::zstd, 0, 1000}).error() == Error::too_large);
  CHECK(check({Codec::zstd, 20, 1000}).error() == Error::too_large);
  CHECK(check({Codec::gzip, 10, 1000}).error() == Error::too_large);
  CHECK(check({Codec::zstd, 1, 0}).error() == Error::too_large);
  CHECK(check({Codec::zstd, 1, std::size_t{1} << 30}).error() == Error::too_large);
  CHECK(check({Codec::none, 99, 1000}).ok());
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::zstd})
    CHECK(codec_from(name_of(codec)) == codec);
  CHECK(codec_from("lz4") == fail(Error::malformed));
  CHECK(Planned::planned_bytes({Codec::none, 0, 1000}) == 0);
}

TEST_CASE("compressor: the memory stays in the order of its input") {
  CHECK(Planned::planned_bytes({Codec::zstd, 1, 256 * 1024}) < 1 << 20);
  CHECK(Planned::planned_bytes({Codec::zstd, 1, 128 * 1024}) < 600 * 1024);
  CHECK(Planned::planned_bytes({Codec::gzip, 6, 256 * 1024}) < 300 * 1024);
  CHECK(Planned::planned_bytes({Codec::gzip, 6, 1024}) < 160 * 1024);
}

namespace {

struct File {
  std::string bytes;
  std::vector<std::size_t> ends;  // of its frames
};
File several_frames(Codec codec) {
  Planned compress({codec, 1, 300 * 1024});
  File file;
  for (const std::size_t size : {500u, 1u, 300u * 1024, 0u, 900u}) {
    file.bytes += compress(log_lines(size, static_cast<std::uint32_t>(size)));
    file.ends.push_back(file.bytes.size());
  }
  return file;
}
std::uint64_t whole_at(const File& file, std::size_t size) {
  std::uint64_t whole = 0;
  for (const std::size_t end : file.ends)
    if (end <= size) whole = end;
  return whole;
}

}  // namespace

TEST_CASE("whole frames: every truncation") {
  for (const Codec codec : {Codec::zstd, Codec::gzip}) {
    CAPTURE(name_of(codec));
    const File file = several_frames(codec);
    // Byte by byte, the answer must be right at every offset.
    WholeFrames single(codec);
    for (std::size_t at = 0; at < file.bytes.size(); ++at) {
      REQUIRE(single.feed(as_bytes(file.bytes).subspan(at, 1)));
      REQUIRE(single.whole_bytes() == whole_at(file, at + 1));
    }
    CHECK(single.frames() == file.ends.size());
    // In one piece, around every end and at a stride between them.
    for (std::size_t size = 0; size <= file.bytes.size(); ++size) {
      const std::uint64_t whole = whole_at(file, size);
      if (size - whole > 40 && size % 499 != 0) continue;
      WholeFrames once(codec);
      REQUIRE(once.feed(as_bytes(file.bytes).first(size)));
      REQUIRE(once.whole_bytes() == whole);
      REQUIRE(once.fed_bytes() == size);
    }
  }
}

TEST_CASE("whole frames: flipped bits and garbage behind") {
  std::random_device entropy;
  const std::uint32_t seed = entropy();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const Codec codec : {Codec::zstd, Codec::gzip}) {
    CAPTURE(name_of(codec));
    const File file = several_frames(codec);
    for (int round = 0; round < 300; ++round) {
      std::string damaged = file.bytes;
      // Half of them in the small frames at both ends.
      std::size_t at = random() % damaged.size();
      if (round % 2 == 0) at = random() % (file.ends[0] + 20);
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
      WholeFrames frames(codec);
      Bytes rest = as_bytes(damaged);
      while (!rest.empty()) {
        const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % 40'000);
        frames.feed(rest.first(size));
        rest = rest.subspan(size);
      }
      REQUIRE(frames.whole_bytes() <= damaged.size());
      // Frames before the damage always count. A flip in a field without meaning (gzip's time, the
      // system) may leave its frame valid.
      REQUIRE(frames.whole_bytes() >= whole_at(file, at));
    }
    for (const std::string& tail : {noise(5000), std::string(5000, '\0'), log_lines(5000)}) {
      const std::string bytes = file.bytes + tail;
      WholeFrames frames(codec);
      CHECK_FALSE(frames.feed(as_bytes(bytes)));
      CHECK(frames.broken());
      CHECK(frames.whole_bytes() == file.bytes.size());
    }
    for (int round = 0; round < 300; ++round) {
      std::string garbage(1 + random() % 3000, '\0');
      for (char& c : garbage) c = static_cast<char>(random());
      // A true beginning lets the decoder get further in.
      garbage.replace(0, std::min<std::size_t>(garbage.size(), random() % 12), file.bytes, 0,
                      std::min<std::size_t>(garbage.size(), random() % 12));
      WholeFrames frames(codec);
      frames.feed(as_bytes(garbage));
      REQUIRE(frames.whole_bytes() <= garbage.size());
    }
  }
}

TEST_CASE("whole frames: a checksum that is wrong is not whole") {
  for (const Codec codec : {Codec::zstd, Codec::gzip}) {
    File file = several_frames(codec);
    const std::size_t checksum = file.ends[2] - (codec == Codec::zstd ? 1 : 5);
    file.bytes[checksum] = static_cast<char>(file.bytes[checksum] ^ 0x10);
    WholeFrames frames(codec);
    CHECK_FALSE(frames.feed(as_bytes(file.bytes)));
    CHECK(frames.whole_bytes() == file.ends[1]);
  }
}

TEST_CASE("whole frames: a window over 8 MiB is refused, not allocated") {
  // A frame header that asks for a window of 2^30 bytes: magic, descriptor, window 2^(10 + 20).
  const std::string huge = {'\x28', '\xb5', '\x2f', '\xfd', '\x00', '\xa0', 1, 0, 0, 0, 0};
  WholeFrames frames(Codec::zstd);
  CHECK_FALSE(frames.feed(as_bytes(huge)));
  CHECK(frames.whole_bytes() == 0);
}

TEST_CASE("whole frames: a frame that becomes longer than any of ours is broken, and soon") {
  // Blocks that repeat one byte 128 KiB times: 4 bytes each. One more than the longest frame has.
  std::string expands = {'\x28', '\xb5', '\x2f', '\xfd', '\x00', '\x38'};
  for (std::uint64_t plain = 0; plain <= WholeFrames::frame_plain_bytes_max; plain += 1u << 17)
    expands += {'\x02', '\x00', '\x10', 'x'};
  WholeFrames frames(Codec::zstd);
  CHECK_FALSE(frames.feed(as_bytes(expands)));
  CHECK(frames.broken());
  CHECK(frames.whole_bytes() == 0);
  // The longest itself is whole.
  expands.resize(expands.size() - 8);
  expands += {'\x03', '\x00', '\x10', 'x'};
  WholeFrames longest(Codec::zstd);
  CHECK(longest.feed(as_bytes(expands)));
  CHECK(longest.whole_bytes() == expands.size());
}

TEST_CASE("whole frames: formats of zstd before 1.0 are refused, their decoders are not here") {
  for (const char version : {'\x25', '\x26', '\x27'}) {
    const std::string old = {version, '\xb5', '\x2f', '\xfd', 0, 0, 0, 0, 0, 0, 0, 0};
    WholeFrames frames(Codec::zstd);
    CHECK_FALSE(frames.feed(as_bytes(old)));
    CHECK(frames.broken());
    CHECK(frames.whole_bytes() == 0);
  }
}

TEST_CASE("whole frames: lines") {
  WholeFrames frames(Codec::none);
  CHECK(frames.feed(as_bytes("no newline yet")));
  CHECK(frames.whole_bytes() == 0);
  CHECK(frames.feed(as_bytes(", now\nand\nmore")));
  CHECK(frames.whole_bytes() == 24);
  CHECK(frames.feed(as_bytes("")));
  CHECK(frames.feed(as_bytes("\n")));
  CHECK(frames.whole_bytes() == 29);
  CHECK(frames.whole_bytes() == frames.fed_bytes());
}
