// Goal: addresses are read and written as RFC 4291 and RFC 5952 say. Method: tables.
#include "io/address.hpp"

#include <doctest/doctest.h>

using namespace runnel;
using io::parse_address;

TEST_CASE("address: read and written back") {
  for (const char* text : {"127.0.0.1:514", "0.0.0.0:0", "255.255.255.255:65535", "[::]:1",
                           "[::1]:5514", "[2001:db8::1]:80", "[2001:db8:0:1:1:1:1:1]:80",
                           "[1::8]:9", "[fe80::1:2]:3", "[2001:0:0:1::1]:4"}) {
    const auto address = parse_address(text);
    REQUIRE_MESSAGE(address, text);
    CHECK(concat(*address) == text);
  }
  CHECK(concat(*parse_address("[::ffff:192.0.2.1]:7")) == "192.0.2.1:7");
  CHECK(concat(*parse_address("[1:2:3:4:5:6:192.0.2.1]:7")) == "[1:2:3:4:5:6:c000:201]:7");
}

TEST_CASE("address: of a Unix socket it says no more than that") {
  const io::Address local{.family = io::Family::local};
  CHECK(concat(local) == "unix");
  CHECK_FALSE(parse_address("unix:/run/x:1").has_value());
  static_assert(sizeof(io::Address) == 24);
}

TEST_CASE("address: what is not one") {
  for (const char* text : {"",
                           ":",
                           "localhost:514",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0:1",
                           "1.2.3.4.5:1",
                           "256.0.0.1:1",
                           "1..2.3:1",
                           "[::1]",
                           "[::1:1",
                           "[1:2:3]:1",
                           "[1::2::3]:1",
                           "[12345::]:1",
                           "[1:2:3:4:5:6:7:8:9]:1",
                           "[:::]:1",
                           "[::1.2.3]:1",
                           "::1:514",
                           "1.2.3.4:+1"})
    CHECK_MESSAGE(!parse_address(text), text);
}
