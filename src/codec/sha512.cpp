#include "codec/sha512.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "codec/big_endian.hpp"

namespace runnel::codec {
namespace {

// The first 64 bits of the fractional parts of the cube roots of the first 80 primes
// (FIPS 180-4 section 4.2.3).
constexpr std::array<std::uint64_t, 80> round_constants = {
    0x428a2f98d728ae22u, 0x7137449123ef65cdu, 0xb5c0fbcfec4d3b2fu, 0xe9b5dba58189dbbcu,
    0x3956c25bf348b538u, 0x59f111f1b605d019u, 0x923f82a4af194f9bu, 0xab1c5ed5da6d8118u,
    0xd807aa98a3030242u, 0x12835b0145706fbeu, 0x243185be4ee4b28cu, 0x550c7dc3d5ffb4e2u,
    0x72be5d74f27b896fu, 0x80deb1fe3b1696b1u, 0x9bdc06a725c71235u, 0xc19bf174cf692694u,
    0xe49b69c19ef14ad2u, 0xefbe4786384f25e3u, 0x0fc19dc68b8cd5b5u, 0x240ca1cc77ac9c65u,
    0x2de92c6f592b0275u, 0x4a7484aa6ea6e483u, 0x5cb0a9dcbd41fbd4u, 0x76f988da831153b5u,
    0x983e5152ee66dfabu, 0xa831c66d2db43210u, 0xb00327c898fb213fu, 0xbf597fc7beef0ee4u,
    0xc6e00bf33da88fc2u, 0xd5a79147930aa725u, 0x06ca6351e003826fu, 0x142929670a0e6e70u,
    0x27b70a8546d22ffcu, 0x2e1b21385c26c926u, 0x4d2c6dfc5ac42aedu, 0x53380d139d95b3dfu,
    0x650a73548baf63deu, 0x766a0abb3c77b2a8u, 0x81c2c92e47edaee6u, 0x92722c851482353bu,
    0xa2bfe8a14cf10364u, 0xa81a664bbc423001u, 0xc24b8b70d0f89791u, 0xc76c51a30654be30u,
    0xd192e819d6ef5218u, 0xd69906245565a910u, 0xf40e35855771202au, 0x106aa07032bbd1b8u,
    0x19a4c116b8d2d0c8u, 0x1e376c085141ab53u, 0x2748774cdf8eeb99u, 0x34b0bcb5e19b48a8u,
    0x391c0cb3c5c95a63u, 0x4ed8aa4ae3418acbu, 0x5b9cca4f7763e373u, 0x682e6ff3d6b2b8a3u,
    0x748f82ee5defb2fcu, 0x78a5636f43172f60u, 0x84c87814a1f0ab72u, 0x8cc702081a6439ecu,
    0x90befffa23631e28u, 0xa4506cebde82bde9u, 0xbef9a3f7b2c67915u, 0xc67178f2e372532bu,
    0xca273eceea26619cu, 0xd186b8c721c0c207u, 0xeada7dd6cde0eb1eu, 0xf57d4f7fee6ed178u,
    0x06f067aa72176fbau, 0x0a637dc5a2c898a6u, 0x113f9804bef90daeu, 0x1b710b35131c471bu,
    0x28db77f523047d84u, 0x32caab7b40c72493u, 0x3c9ebe0a15c9bebcu, 0x431d67c49c100d4cu,
    0x4cc5d4becb3e42b6u, 0x597f299cfc657e2au, 0x5fcb6fab3ad6faecu, 0x6c44198c4a475817u,
};

std::uint64_t rotated(std::uint64_t word, int bits) { return std::rotr(word, bits); }

}  // namespace

Sha512& Sha512::add(Bytes bytes) {
  RUNNEL_ASSERT(!finished_);
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t taken = std::min(bytes.size(), block_bytes - filled_);
    std::copy_n(bytes.data(), taken, block_.data() + filled_);
    filled_ += taken;
    bytes = bytes.subspan(taken);
    if (filled_ < block_bytes) break;
    compress(block_.data());
    filled_ = 0;
  }
  return *this;
}

// A one bit, zeros, and the length in bits as 128 bits (FIPS 180-4 section 5.1.2).
Sha512::Digest Sha512::finish() {
  std::byte length[16] = {};
  store_big(length + 8, bytes_ * 8);
  const std::byte one{0x80};
  add(Bytes(&one, 1));
  static constexpr std::array<std::byte, block_bytes> zeros = {};
  add(Bytes(zeros).first((2 * block_bytes - sizeof(length) - filled_) % block_bytes));
  add(length);
  RUNNEL_ASSERT(filled_ == 0);
  finished_ = true;
  Digest digest;
  for (std::size_t index = 0; index < state_.size(); ++index)
    store_big(digest.data() + 8 * index, state_[index]);
  return digest;
}

Sha512::HexDigest Sha512::finish_hex() {
  constexpr char digits[] = "0123456789abcdef";
  const Digest digest = finish();
  HexDigest hex;
  for (std::size_t index = 0; index < digest.size(); ++index) {
    const auto value = std::to_integer<unsigned>(digest[index]);
    hex[2 * index] = digits[value >> 4];
    hex[2 * index + 1] = digits[value & 15];
  }
  return hex;
}

// FIPS 180-4 section 6.4.2.
void Sha512::compress(const std::byte* block) {
  std::array<std::uint64_t, 80> words;
  for (std::size_t t = 0; t < 16; ++t) words[t] = load_big<std::uint64_t>(block + 8 * t);
  for (std::size_t t = 16; t < 80; ++t) {
    const std::uint64_t early = words[t - 15], late = words[t - 2];
    const std::uint64_t small = rotated(early, 1) ^ rotated(early, 8) ^ (early >> 7);
    const std::uint64_t large = rotated(late, 19) ^ rotated(late, 61) ^ (late >> 6);
    words[t] = large + words[t - 7] + small + words[t - 16];
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t t = 0; t < 80; ++t) {
    const std::uint64_t choice = (e & f) ^ (~e & g);
    const std::uint64_t majority = (a & b) ^ (a & c) ^ (b & c);
    const std::uint64_t first = h + (rotated(e, 14) ^ rotated(e, 18) ^ rotated(e, 41)) + choice +
                                round_constants[t] + words[t];
    const std::uint64_t second = (rotated(a, 28) ^ rotated(a, 34) ^ rotated(a, 39)) + majority;
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  const std::array<std::uint64_t, 8> working = {a, b, c, d, e, f, g, h};
  for (std::size_t index = 0; index < state_.size(); ++index) state_[index] += working[index];
}

}  // namespace runnel::codec
