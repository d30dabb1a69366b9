// Goal: the file that says who this installation is takes nothing that is damaged, and the name of
// a batch is as documented. Method: round trips, every byte changed, every prefix.
#include "agent/identity.hpp"

#include <doctest/doctest.h>

using namespace runnel;
using namespace runnel::agent;

namespace {

pipeline::Identity example() {
  pipeline::Identity identity;
  for (std::size_t at = 0; at < identity.instance.size(); ++at)
    identity.instance[at] = static_cast<std::byte>(at * 17);
  identity.epoch = 42;
  return identity;
}

std::string written(const pipeline::BatchId& id) {
  Text<pipeline::BatchId::text_bytes_max> text;
  id.write(text);
  CHECK_FALSE(text.cut());
  return std::string(text.text());
}

}  // namespace

TEST_CASE("identity: what is written is read again, and nothing else is") {
  const std::string text = identity_text(example());
  const auto read = parse_identity(text);
  REQUIRE(read.has_value());
  CHECK(read->instance == example().instance);
  CHECK(read->epoch == 42);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    CHECK_FALSE(parse_identity(damaged).has_value());
    CHECK_FALSE(parse_identity(text.substr(0, at)).has_value());
  }
  CHECK_FALSE(parse_identity(text + "\n").has_value());
}

TEST_CASE("batch id: instance, channel, epoch, sequence, and what part of it") {
  pipeline::BatchId id{example().instance, "main", 42, 7};
  CHECK(written(id) == "00112233445566778899aabbccddeeff:main:42:7");
  id.first = 100;
  id.count = 250;
  CHECK(written(id) == "00112233445566778899aabbccddeeff:main:42:7/100+250");
  id.key = 5;
  CHECK(written(id) == "00112233445566778899aabbccddeeff:main:42:7/100+250~5");
  // The longest there can be.
  const std::string channel(129, 'c');
  written(
      {example().instance, channel, UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX});
}
