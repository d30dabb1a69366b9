// Goal: headers and records keep what they are given, and refuse what does not fit.
// Method: round trips, the worked example of record.hpp, edges of sizes.
#include "pipeline/event.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pipeline/record.hpp"

using namespace runnel;
using namespace runnel::pipeline;

TEST_CASE("headers: round trip, find, and what does not fit is left out") {
  std::byte buffer[64];
  HeaderWriter writer{MutableBytes(buffer)};
  writer.add("host", "gw");
  writer.add("empty", "");
  CHECK_FALSE(writer.cut());
  writer.add("", "no key");
  CHECK(writer.cut());
  writer.add("long", std::string(60, 'x'));
  const Headers headers = writer.headers();
  CHECK(headers.find("host") == "gw");
  CHECK(headers.find("empty") == "");
  CHECK_FALSE(headers.find("long"));
  const unsigned char expected[] = {4, 2, 0, 'h', 'o', 's', 't', 'g', 'w'};
  CHECK(std::memcmp(headers.encoded().data(), expected, sizeof(expected)) == 0);
}

TEST_CASE("headers: damaged bytes end the walk, nothing is read past them") {
  const unsigned char damaged[] = {4, 255, 255, 'h', 'o', 's', 't', 'g'};
  int seen = 0;
  Headers(Bytes(reinterpret_cast<const std::byte*>(damaged), sizeof(damaged)))
      .each([&](std::string_view, std::string_view) { ++seen; });
  CHECK(seen == 0);
}

TEST_CASE("record: the worked example") {
  alignas(8) std::byte at[64];
  std::fill(std::begin(at), std::end(at), std::byte{0xEE});
  Event event;
  event.time = Time{5, true};
  event.source = 1;
  event.body = as_bytes("hi");
  REQUIRE(record_bytes(event) == 32);
  write_record(at, event, 32);
  const unsigned char expected[32] = {0x20, 0, 0, 0, 1, 8, 1, 0, 2,   0,   0, 0, 0, 0, 1, 0,
                                      5,    0, 0, 0, 0, 0, 0, 0, 'h', 'i', 0, 0, 0, 0, 0, 0};
  CHECK(std::memcmp(at, expected, sizeof(expected)) == 0);
  CHECK(at[32] == std::byte{0xEE});
  const Record record(at);
  CHECK(as_text(record.body()) == "hi");
  CHECK(record.time().ns == 5);
  CHECK(record.time().since_boot);
  CHECK(record.source() == 1);
}

TEST_CASE("record: context and own headers become one list; gaps keep both times") {
  alignas(8) std::byte at[128];
  std::byte context_bytes[16], own_bytes[16];
  HeaderWriter context{MutableBytes(context_bytes)}, own{MutableBytes(own_bytes)};
  context.add("a", "1");
  own.add("b", "2");
  Event event;
  event.severity = Severity::error;
  event.context = context.headers();
  event.headers = own.headers();
  write_record(at, event, record_bytes(event));
  CHECK(Record(at).headers().find("a") == "1");
  CHECK(Record(at).headers().find("b") == "2");
  CHECK(Record(at).severity() == Severity::error);
  CHECK(Record(at).body().empty());
  write_gap(at, Gap{3, 400, Time{1, true}, Time{2, false}});
  const Gap gap = Record(at).gap();
  CHECK(gap.events == 3);
  CHECK(gap.bytes == 400);
  CHECK((gap.first.since_boot && !gap.last.since_boot && gap.last.ns == 2));
}
