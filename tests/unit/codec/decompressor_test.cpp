// Goal: what the compressor made comes back, in the memory that was planned; anything else is
// `malformed` and harmless. Method: frames of many sizes; every truncation and every flipped bit of
// one; two frames, skippable ones, frames that are longer than their room.
#include "codec/decompressor.hpp"

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <zstd.h>

using namespace runnel;
using namespace runnel::codec;

namespace {

class Planned {
 public:
  Planned() : memory_(planned_bytes()) {
    auto region = Region::over({memory_.get(), planned_bytes()});
    decompressor_ = std::make_unique<Decompressor>(Decompressor::carve(region));
    CHECK(region.used() == planned_bytes());
  }
  Result<std::string> operator()(std::string_view wire, std::size_t room) {
    // Of its exact size on the heap, so that a sanitizer sees who reads beyond it.
    const std::vector<char> exact(wire.begin(), wire.end());
    std::vector<std::byte> plain(room);
    const auto size = decompressor_->decompress(as_bytes({exact.data(), exact.size()}), plain);
    if (!size) return fail(size.error());
    return std::string(as_text(Bytes(plain).first(*size)));
  }

 private:
  static std::size_t planned_bytes() {
    auto region = Region::measuring();
    Decompressor::carve(region);
    return region.used();
  }
  struct Memory {
    explicit Memory(std::size_t bytes)
        : at(static_cast<std::byte*>(std::aligned_alloc(4096, align_up(bytes, 4096))), &std::free) {
    }
    std::byte* get() const { return at.get(); }
    std::unique_ptr<std::byte, decltype(&std::free)> at;
  } memory_;
  std::unique_ptr<Decompressor> decompressor_;
};

std::string text_of(std::size_t size) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(random() % 1000) + " of a log\n";
  text.resize(size);
  return text;
}
std::string frame_of(std::string_view plain, int level = 1) {
  std::string wire(ZSTD_compressBound(plain.size()), '\0');
  wire.resize(ZSTD_compress(wire.data(), wire.size(), plain.data(), plain.size(), level));
  return wire;
}
std::string frame_with_checksum(std::string_view plain) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string wire(ZSTD_compressBound(plain.size()), '\0');
  wire.resize(ZSTD_compress2(context, wire.data(), wire.size(), plain.data(), plain.size()));
  ZSTD_freeCCtx(context);
  return wire;
}
bool is_malformed(const Result<std::string>& result) {
  return !result && result.error() == Error::malformed;
}

}  // namespace

TEST_CASE("decompressor: frames of all sizes come back, into room that fits exactly") {
  Planned decompress;
  for (const std::size_t size : {0u, 1u, 7u, 100u, 4096u, 100'000u, 300'000u}) {
    const std::string plain = text_of(size);
    for (const int level : {1, 3, 19}) {
      const auto back = decompress(frame_of(plain, level), size);
      REQUIRE(back.has_value());
      CHECK(*back == plain);
    }
  }
}

TEST_CASE("decompressor: one byte too little room is malformed, and so is what is not one frame") {
  Planned decompress;
  const std::string plain = text_of(5000);
  const std::string frame = frame_of(plain);
  CHECK(is_malformed(decompress(frame, plain.size() - 1)));
  CHECK(is_malformed(decompress(frame, 0)));
  CHECK(is_malformed(decompress("", 100)));
  CHECK(is_malformed(decompress("no frame at all", 100)));
  CHECK(is_malformed(decompress(frame + frame, 20'000)));
  CHECK(is_malformed(decompress(frame + '\0', 20'000)));
  const std::string skippable("\x50\x2a\x4d\x18\x02\0\0\0ab", 10);
  CHECK(is_malformed(decompress(skippable, 100)));
  CHECK(is_malformed(decompress(skippable + frame, 20'000)));
  CHECK(is_malformed(decompress(frame + skippable, 20'000)));
  // A frame of zstd 0.7, whose magic number is all that it takes.
  CHECK(is_malformed(decompress(std::string("\x27\xb5\x2f\xfd\0\0\0\0\0\0", 10), 100)));
}

TEST_CASE("decompressor: no truncation and no flipped bit passes, and the next frame is read") {
  Planned decompress;
  const std::string plain = text_of(600);
  const std::string frame = frame_with_checksum(plain);
  for (std::size_t size = 0; size < frame.size(); ++size)
    CHECK(is_malformed(decompress(std::string_view(frame).substr(0, size), plain.size())));
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string damaged = frame;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    // Some bits of a frame's header change nothing of what it means.
    const auto back = decompress(damaged, plain.size());
    CHECK((is_malformed(back) || *back == plain));
  }
  const auto back = decompress(frame, plain.size());
  REQUIRE(back.has_value());
  CHECK(*back == plain);
}
