// Goal: the scalars of the configuration mean what the documentation says, and a writer never
// passes its end. Method: tables of valid, invalid and edge texts.
#include "base/text.hpp"

#include <doctest/doctest.h>

using namespace runnel;

TEST_CASE("text: sizes") {
  CHECK(parse_size("4MiB") == 4u << 20);
  CHECK(parse_size("17") == 17);
  CHECK(parse_size("100kB") == 100'000);
  CHECK(parse_size("0B") == 0);
  for (const char* wrong : {"", "MiB", "4 MiB", "-1", "4mib", "4MiBs", "1.5MiB", "0x10"})
    CHECK_MESSAGE(parse_size(wrong) == fail(Error::malformed), wrong);
  CHECK(parse_size("99999999999GiB") == fail(Error::too_large));
  CHECK(parse_size("99999999999999999999999") == fail(Error::too_large));
}

TEST_CASE("text: durations") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("7d") == 168h);
  for (const char* wrong : {"", "1", "1 s", "s", "-1s", "1y"})
    CHECK_MESSAGE(parse_duration(wrong) == fail(Error::malformed), wrong);
  CHECK(parse_duration("999999999d") == fail(Error::too_large));
}

TEST_CASE("text: a writer cuts at its end and says so") {
  Text<8> exact("12345678");
  CHECK(exact.text() == "12345678");
  CHECK_FALSE(exact.cut());
  Text<8> over("123456", 789);
  CHECK(over.text() == "12345678");
  CHECK(over.cut());
}

TEST_CASE("text: for people") {
  CHECK(concat(HumanSize{0}) == "0 B");
  CHECK(concat(HumanSize{1536}) == "1.5 KiB");
  CHECK(concat(HumanSize{4u << 20}) == "4.0 MiB");
  CHECK(concat(HumanSize{400ull << 20}) == "400 MiB");
  CHECK(concat(HumanDuration{1500ms}) == "1.5 s");
  CHECK(concat(HumanDuration{0ns}) == "0 ns");
  CHECK(concat(HumanDuration{-2s}) == "-2.0 s");
}

TEST_CASE("text: as it would be written in a file") {
  CHECK(concat(WrittenSize{4u << 20}) == "4MiB");
  CHECK(concat(WrittenSize{1000}) == "1000B");
  CHECK(concat(WrittenSize{0}) == "0B");
  CHECK(concat(WrittenDuration{90s}) == "90s");
  CHECK(concat(WrittenDuration{120s}) == "2m");
  CHECK(concat(WrittenDuration{0s}) == "0s");
  for (const Duration each : {1us, 1500us, 2'000'000us})
    CHECK(parse_duration(concat(WrittenDuration{each})) == each);
}

TEST_CASE("text: the nearest name") {
  const std::string_view names[] = {"capacity", "when_full", "type"};
  CHECK(nearest("capacty", names) == "capacity");
  CHECK(nearest("whenfull", names) == "when_full");
  CHECK(nearest("colour", names) == "");
}
