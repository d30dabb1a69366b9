// SHA-512 (FIPS 180-4), for protocols that want digests of small things: a nonce, a name, a key.
// SHA-512("abc") begins with ddaf35a1 93617aba. Plain code without regard to speed; it takes no
// branch and no table index that depends on what is hashed.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace runnel::codec {

class Sha512 {
 public:
  static constexpr std::size_t digest_bytes = 64;
  using Digest = std::array<std::byte, digest_bytes>;
  using HexDigest = std::array<char, 2 * digest_bytes>;

  Sha512& add(Bytes bytes);
  Sha512& add(std::string_view text) { return add(as_bytes(text)); }
  // Once; nothing can be added after it.
  Digest finish();
  HexDigest finish_hex();  // in lower case

 private:
  static constexpr std::size_t block_bytes = 128;

  void compress(const std::byte* block);

  std::array<std::uint64_t, 8> state_ = {
      0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
      0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u};
  std::array<std::byte, block_bytes> block_;
  std::size_t filled_ = 0;   // of `block_`
  std::uint64_t bytes_ = 0;  // added in all
  bool finished_ = false;
};

}  // namespace runnel::codec
