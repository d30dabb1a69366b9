// Goal: the headers of senders, the walk over lines, and the bodies of generate. Method: examples,
// among them those at the limits.
#include <doctest/doctest.h>

#include "sources/generate/generated_text.hpp"
#include "sources/listening/datagram_events.hpp"
#include "sources/listening/peer_header.hpp"
#include "sources/listening/plain_events.hpp"

using namespace runnel;
using namespace runnel::sources;

TEST_CASE("peer header: the address without its port, per sender") {
  PeerHeaders peers("peer");
  const auto text = [&](std::string_view address) {
    return peers.of(io::parse_address(address).value()).find("peer").value_or("none");
  };
  CHECK(text("192.0.2.1:1000") == "192.0.2.1");
  CHECK(text("192.0.2.1:1001") == "192.0.2.1");
  CHECK(text("[2001:db8::1]:514") == "2001:db8::1");
  // These share a place in the memory of senders (1, 17, 33).
  for (int round = 0; round < 3; ++round)
    for (const std::string last : {"1", "17", "33"})
      CHECK(text("10.0.0." + last + ":5") == "10.0.0." + last);
  PeerHeaders none("");
  CHECK(none.of(io::parse_address("192.0.2.1:1").value()).empty());
}

TEST_CASE("peer header: the longest name and address fit") {
  PeerHeader header;
  const auto longest = io::parse_address("[1111:2222:3333:4444:5555:6666:7777:8888]:1").value();
  const std::string name(header_name_bytes_max, 'n');
  header.set(name, longest);
  CHECK(header.headers().find(name) == "1111:2222:3333:4444:5555:6666:7777:8888");
  CHECK(header.is_of(longest));
}

TEST_CASE("plain events: body and context as they came; a cut one says so") {
  pipeline::SourceCounters counters;
  PlainEvents events(counters);
  RawEvent raw;
  raw.bytes = as_bytes("hello");
  raw.arrived = instant_from_ns(5);
  pipeline::Event event = events.make(raw);
  CHECK(as_text(event.body) == "hello");
  CHECK(event.headers.empty());
  CHECK(event.time.ns == 5);
  events.taken(raw);
  CHECK(counters.cut_events == 0);
  raw.cut_bytes = UINT32_MAX;
  event = events.make(raw);
  CHECK(event.headers.find("cut_bytes") == "4294967295");
  events.taken(raw);
  raw.truncated = true;
  event = events.make(raw);
  CHECK(event.headers.find("truncated") == "true");
  events.taken(raw);
  CHECK(counters.cut_events == 2);
}

TEST_CASE("datagram lines: with, without and with only an end") {
  const auto first = [](std::string_view text) { return first_line(as_bytes(text)); };
  CHECK(as_text(first("a\nb").bytes) == "a");
  CHECK(first("a\nb").size == 2);
  CHECK(as_text(first("a\r\nb").bytes) == "a");
  CHECK(first("a\r\nb").size == 3);
  CHECK(as_text(first("ab").bytes) == "ab");
  CHECK(first("\n").bytes.empty());
  CHECK(first("\r\n").bytes.empty());
  CHECK(first("\r\n").size == 2);
}

TEST_CASE("generated text: numbered, as long as asked, the same for the same seed and number") {
  std::vector<std::byte> block(GeneratedText::block_bytes), other_block(block.size());
  for (const std::size_t size :
       {std::size_t{12}, std::size_t{13}, std::size_t{200}, std::size_t{200'000}}) {
    std::vector<std::byte> body(size), other_body(size);
    GeneratedText text(block, body, 3), other(other_block, other_body, 3);
    const std::string seven(as_text(text.body(7)));
    CHECK(seven.size() == size);
    CHECK(seven.starts_with("000000000007"));
    text.body(8);
    CHECK(as_text(other.body(7)) == seven);
    CHECK(seven.find('\n') == std::string::npos);
    CHECK(seven.find('\0') == std::string::npos);
  }
}
