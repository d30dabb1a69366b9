// Goal: what is written is MessagePack in its shortest form and never passes its buffer; what is
// read is believed only as far as it is there. Method: the byte examples of the specification at
// every border between forms, both ways; every truncation; limits met and passed by one.
#include "codec/msgpack.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace runnel;
using namespace runnel::codec;
using namespace std::string_view_literals;
using Kind = MsgpackValue::Kind;

namespace {

constexpr MsgpackReader::Limits wide = {.bytes_max = 100'000, .count_max = 100'000};

template <class Write>
std::string written(Write write, std::size_t room = 70'000) {
  std::vector<std::byte> buffer(room);
  MsgpackWriter out{MutableBytes(buffer)};
  write(out);
  CHECK_FALSE(out.overflowed());
  return std::string(as_text(out.bytes()));
}

MsgpackValue only_value(std::string_view bytes) {
  MsgpackReader reader(as_bytes(bytes), wide);
  const auto value = reader.next();
  REQUIRE(value.has_value());
  CHECK(reader.consumed() == bytes.size());
  CHECK(reader.at_end());
  return *value;
}

Error error_of(std::string_view bytes, MsgpackReader::Limits limits = wide) {
  MsgpackReader reader(as_bytes(bytes), limits);
  const auto value = reader.next();
  CHECK(reader.consumed() == (value ? bytes.size() : 0));
  return value ? Error::none : value.error();
}

Error skipped(std::string_view bytes, MsgpackReader::Limits limits = wide) {
  MsgpackReader reader(as_bytes(bytes), limits);
  const Status status = reader.skip();
  CHECK(reader.consumed() == (status.ok() ? bytes.size() : 0));
  return status.error();
}

std::string nested(std::size_t depth) { return std::string(depth, '\x91') + "\xc0"; }

// A value of every form, all in one.
std::string everything() {
  return written([](MsgpackWriter& out) {
    out.array(7);
    out.map(3);
    out.string("a");
    out.number(-70'000);
    out.string(std::string(40, 'b'));
    out.binary(as_bytes(std::string(300, 'c')));
    out.number(3);
    out.array(0);
    out.nil();
    out.boolean(true);
    out.float64(1.5);
    out.extension(5, as_bytes("abc"));
    out.extension(-1, as_bytes("abcdefgh"));
    out.number(UINT64_MAX);
  });
}

}  // namespace

TEST_CASE("msgpack: whole numbers take the shortest form, and read back") {
  struct Case {
    std::int64_t value;
    std::string_view bytes;
  };
  const Case cases[] = {{0, "\x00"sv},
                        {1, "\x01"},
                        {127, "\x7f"},
                        {128, "\xcc\x80"},
                        {255, "\xcc\xff"},
                        {256, "\xcd\x01\x00"sv},
                        {65535, "\xcd\xff\xff"},
                        {65536, "\xce\x00\x01\x00\x00"sv},
                        {0xffffffff, "\xce\xff\xff\xff\xff"},
                        {0x100000000, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"sv},
                        {INT64_MAX, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"},
                        {-1, "\xff"},
                        {-32, "\xe0"},
                        {-33, "\xd0\xdf"},
                        {-128, "\xd0\x80"},
                        {-129, "\xd1\xff\x7f"},
                        {-32768, "\xd1\x80\x00"sv},
                        {-32769, "\xd2\xff\xff\x7f\xff"},
                        {INT32_MIN, "\xd2\x80\x00\x00\x00"sv},
                        {INT64_C(-2147483649), "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"},
                        {INT64_MIN, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"sv}};
  for (const Case& each : cases) {
    CAPTURE(each.value);
    CHECK(written([&](MsgpackWriter& out) { out.number(each.value); }) == each.bytes);
    const MsgpackValue value = only_value(each.bytes);
    CHECK(value.kind == (each.value < 0 ? Kind::negative : Kind::integer));
    CHECK(static_cast<std::int64_t>(value.number) == each.value);
  }
  CHECK(written([](MsgpackWriter& out) { out.number(UINT64_MAX); }) ==
        "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
  CHECK(written([](MsgpackWriter& out) { out.number(std::uint8_t{200}); }) == "\xcc\xc8");
  // Others may write longer forms than needed.
  CHECK(only_value("\xd1\x00\x05"sv).kind == Kind::integer);
  CHECK(only_value("\xd1\x00\x05"sv).number == 5);
}

TEST_CASE("msgpack: nil, booleans, reals") {
  CHECK(written([](MsgpackWriter& out) { out.nil(); }) == "\xc0");
  CHECK(written([](MsgpackWriter& out) { out.boolean(false); }) == "\xc2");
  CHECK(written([](MsgpackWriter& out) { out.boolean(true); }) == "\xc3");
  CHECK(written([](MsgpackWriter& out) { out.float64(1.5); }) ==
        "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"sv);
  CHECK(only_value("\xc0").kind == Kind::nil);
  CHECK(only_value("\xc2").number == 0);
  CHECK(only_value("\xc3").number == 1);
  CHECK(only_value("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"sv).real == doctest::Approx(1.5));
  CHECK(only_value("\xca\xc0\x20\x00\x00"sv).real == doctest::Approx(-2.5));
  CHECK(only_value("\xca\x7f\xc0\x00\x00"sv).kind == Kind::real);
}

TEST_CASE("msgpack: strings, binaries, extensions, arrays and maps at the borders of their forms") {
  struct Case {
    std::size_t size;
    std::string_view string, binary, extension, array, map;
  };
  const Case cases[] = {
      {0, "\xa0", "\xc4\x00"sv, "\xc7\x00\x2a"sv, "\x90", "\x80"},
      {1, "\xa1", "\xc4\x01", "\xd4\x2a", "\x91", "\x81"},
      {3, "\xa3", "\xc4\x03", "\xc7\x03\x2a", "\x93", "\x83"},
      {8, "\xa8", "\xc4\x08", "\xd7\x2a", "\x98", "\x88"},
      {15, "\xaf", "\xc4\x0f", "\xc7\x0f\x2a", "\x9f", "\x8f"},
      {16, "\xb0", "\xc4\x10", "\xd8\x2a", "\xdc\x00\x10"sv, "\xde\x00\x10"sv},
      {31, "\xbf", "\xc4\x1f", "\xc7\x1f\x2a", "\xdc\x00\x1f"sv, "\xde\x00\x1f"sv},
      {32, "\xd9\x20", "\xc4\x20", "\xc7\x20\x2a", "\xdc\x00\x20"sv, "\xde\x00\x20"sv},
      {255, "\xd9\xff", "\xc4\xff", "\xc7\xff\x2a", "\xdc\x00\xff"sv, "\xde\x00\xff"sv},
      {256, "\xda\x01\x00"sv, "\xc5\x01\x00"sv, "\xc8\x01\x00\x2a"sv, "\xdc\x01\x00"sv,
       "\xde\x01\x00"sv},
      {65535, "\xda\xff\xff", "\xc5\xff\xff", "\xc8\xff\xff\x2a", "\xdc\xff\xff", "\xde\xff\xff"},
      {65536, "\xdb\x00\x01\x00\x00"sv, "\xc6\x00\x01\x00\x00"sv, "\xc9\x00\x01\x00\x00\x2a"sv,
       "\xdd\x00\x01\x00\x00"sv, "\xdf\x00\x01\x00\x00"sv}};
  for (const Case& each : cases) {
    CAPTURE(each.size);
    const std::string body(each.size, 'x');
    const Bytes bytes = as_bytes(body);
    const std::string string = written([&](MsgpackWriter& out) { out.string(bytes); });
    CHECK(string == std::string(each.string) + body);
    const std::string binary = written([&](MsgpackWriter& out) { out.binary(bytes); });
    CHECK(binary == std::string(each.binary) + body);
    const std::string extension = written([&](MsgpackWriter& out) { out.extension(42, bytes); });
    CHECK(extension == std::string(each.extension) + body);
    CHECK(written([&](MsgpackWriter& out) { out.array(each.size); }) == each.array);
    CHECK(written([&](MsgpackWriter& out) { out.map(each.size); }) == each.map);

    CHECK(only_value(string).kind == Kind::string);
    CHECK(only_value(string).text() == body);
    CHECK(only_value(binary).kind == Kind::binary);
    CHECK(only_value(binary).text() == body);
    CHECK(only_value(extension).kind == Kind::extension);
    CHECK(only_value(extension).extension_type == 42);
    CHECK(only_value(extension).text() == body);
    const std::string array = std::string(each.array) + std::string(each.size, '\xc0');
    MsgpackReader values(as_bytes(array), wide);
    CHECK(values.next()->count == each.size);
    CHECK(skipped(array) == Error::none);
    CHECK(skipped(std::string(each.map) + std::string(2 * each.size, '\xc0')) == Error::none);
  }
}

TEST_CASE("msgpack: every room that is too small is noticed, and a rewind forgets it") {
  const std::string whole = everything();
  for (std::size_t room = 0; room <= 400; ++room) {
    std::vector<std::byte> buffer(room);
    MsgpackWriter out{MutableBytes(buffer)};
    const auto start = out.mark();
    out.string(std::string(300, 'x'));
    out.number(70'000);
    CHECK(out.overflowed() == (room < 303 + 5));
    CHECK(out.size() <= room);
    const std::size_t size = out.size();
    out.nil();
    CHECK(out.overflowed() == (room < 303 + 5 + 1));
    if (room < 303 + 5) CHECK(out.size() == size);  // nothing more once something did not fit
    out.rewind(start);
    CHECK_FALSE(out.overflowed());
    CHECK(out.size() == 0);
  }
}

TEST_CASE("msgpack: one walk over everything, and every truncation of it") {
  const std::string whole = everything();
  CHECK(skipped(whole) == Error::none);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string part = whole.substr(0, size);
    CHECK(skipped(part) == Error::closed);
  }
  CHECK(skipped(whole.substr(0, 1)) == Error::closed);
  MsgpackReader reader(as_bytes(whole), wide);
  CHECK(reader.next()->count == 7);
  CHECK(reader.next()->count == 3);
  CHECK(reader.next()->text() == "a");
  CHECK(static_cast<std::int64_t>(reader.next()->number) == -70'000);
  CHECK(reader.skip().ok());
  CHECK(reader.next()->bytes.size() == 300);
  CHECK(reader.next()->number == 3);
  CHECK(reader.next()->count == 0);
  CHECK(reader.next()->kind == Kind::nil);
  CHECK(reader.next()->number == 1);
  CHECK(reader.next()->real == doctest::Approx(1.5));
  CHECK(reader.next()->text() == "abc");
  CHECK(reader.next()->extension_type == -1);
  CHECK(reader.next()->number == UINT64_MAX);
  CHECK(reader.at_end());
  CHECK(reader.next().error() == Error::closed);
  CHECK(reader.skip().error() == Error::closed);
}

TEST_CASE(
    "msgpack: lengths and counts are believed only within limits and only when they are there") {
  const MsgpackReader::Limits small = {.bytes_max = 4, .count_max = 2};
  CHECK(error_of("\xa4"
                 "abcd",
                 small) == Error::none);
  CHECK(error_of("\xa5"
                 "abcde",
                 small) == Error::too_large);
  CHECK(error_of("\xc4\x05"
                 "abcde",
                 small) == Error::too_large);
  CHECK(error_of("\xc7\x05\x00"
                 "abcde"sv,
                 small) == Error::too_large);
  CHECK(error_of("\xd7\x00"
                 "abcdefgh"sv,
                 small) == Error::too_large);
  CHECK(skipped("\x92\xc0\xc0", small) == Error::none);
  CHECK(error_of("\x93\xc0\xc0\xc0", small) == Error::too_large);
  CHECK(error_of("\x83", small) == Error::too_large);
  // The limit is told at once, not when the bytes are there.
  for (const std::string_view huge :
       {"\xdb\xff\xff\xff\xff"sv, "\xc6\xff\xff\xff\xff"sv, "\xc9\xff\xff\xff\xff"sv,
        "\xdd\xff\xff\xff\xff"sv, "\xdf\xff\xff\xff\xff"sv}) {
    CHECK(error_of(huge) == Error::too_large);
    CHECK(skipped(huge) == Error::too_large);
    constexpr MsgpackReader::Limits none = {.bytes_max = UINT32_MAX, .count_max = UINT32_MAX};
    CHECK(error_of(huge, none) == Error::closed);
    CHECK(skipped(huge, none) == Error::closed);
  }
  CHECK(error_of("\x92\xc0") == Error::closed);  // two values need two bytes
  CHECK(error_of("\x82\xc0\xc0\xc0") == Error::closed);
  CHECK(error_of("\xc1") == Error::malformed);
  CHECK(skipped("\x92\xc0\xc1") == Error::malformed);
}

TEST_CASE("msgpack: what is skipped may be nested as deeply as is said, and not once more") {
  CHECK(skipped(nested(MsgpackReader::depth_max)) == Error::none);
  CHECK(skipped(nested(MsgpackReader::depth_max + 1)) == Error::too_large);
  CHECK(skipped(nested(100'000)) == Error::too_large);
  // Empty ones take no depth; siblings do not add up.
  CHECK(skipped("\x93\x90\x80\x91\x90") == Error::none);
  std::string siblings = "\x9f";
  for (int each = 0; each < 15; ++each) siblings += nested(MsgpackReader::depth_max - 1);
  CHECK(skipped(siblings) == Error::none);
}
