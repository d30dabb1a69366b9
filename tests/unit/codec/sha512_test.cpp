// Goal: digests of SHA-512 and Base64 as everybody else computes them. Method: the examples of FIPS
// 180-4 and RFC 4648, every length over two block borders, every way to cut a message in two.
#include "codec/sha512.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/base64.hpp"

using namespace runnel;
using namespace runnel::codec;

namespace {

std::string hex_of(Sha512& hash) {
  const auto digest = hash.finish_hex();
  return {digest.data(), digest.size()};
}
std::string digest_of(std::string_view text) { return hex_of(Sha512().add(text)); }

std::string base64_of(std::string_view text) {
  Text<64> out;
  write_base64(out, as_bytes(text));
  CHECK(out.size() == base64_bytes(text.size()));
  return std::string(out.text());
}

}  // namespace

TEST_CASE("sha512: the examples of the standard") {
  CHECK(digest_of("abc") ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  CHECK(digest_of("") ==
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
        "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
  CHECK(digest_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu") ==
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
        "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
  CHECK(digest_of(std::string(1'000'000, 'a')) ==
        "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
        "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
}

TEST_CASE("sha512: every length over two block borders, in one piece and in two") {
  Sha512 all;
  std::string message;
  for (std::size_t size = 0; size <= 300; ++size) {
    const auto digest = Sha512().add(message).finish();
    all.add(digest);
    for (const std::size_t cut : {size / 3, size / 2, size - size / 4}) {
      const auto text = std::string_view(message);
      CHECK(Sha512().add(text.substr(0, cut)).add(text.substr(cut)).finish() == digest);
    }
    message += static_cast<char>(size);
  }
  CHECK(hex_of(all) ==
        "d7ff5323ebbef9438546b104939504d6846f067dc41a135152e616e5fb701a72"
        "458ac9ce86a32dbf342659cacb0a9237c21653d6bd379bd1f10a5a92f5c3f5d2");
}

TEST_CASE("base64: the examples of RFC 4648, and the letters that need all bits") {
  CHECK(base64_of("") == "");
  CHECK(base64_of("f") == "Zg==");
  CHECK(base64_of("fo") == "Zm8=");
  CHECK(base64_of("foo") == "Zm9v");
  CHECK(base64_of("foob") == "Zm9vYg==");
  CHECK(base64_of("fooba") == "Zm9vYmE=");
  CHECK(base64_of("foobar") == "Zm9vYmFy");
  CHECK(base64_of("\xff\xff\xfb\xef\xbe") == "///7774=");
}
