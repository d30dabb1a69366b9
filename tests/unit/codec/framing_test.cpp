// Goal: every framing gives the same frames however the stream is split into buffers, within fixed
// memory, and says when a stream is not of its kind. Method: tables of small streams; every split
// of each into two and three buffers and into single bytes, and random streams against a plain
// model that sees the whole stream at once, with frames refused at random and looked at again.
#include "codec/framing.hpp"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/framing_outcome.hpp"

// Where doctest looks for it.
namespace runnel::testing {
doctest::String toString(const FramingOutcome& outcome) {
  std::string text = outcome.broken ? "broken" : "whole";
  for (const auto& [frame, cut] : outcome.frames)
    text += " '" + frame + "'" + (cut != 0 ? "-" + std::to_string(cut) : "");
  return text.c_str();
}
}  // namespace runnel::testing

using namespace runnel;
using Outcome = testing::FramingOutcome;
using codec::FrameSplitter;
using codec::Framing;
using Kind = FrameSplitter::Step::Kind;

namespace {

// What a patient caller gets from `stream`, cut into buffers that end at `ends`. Every buffer is a
// copy of its own, so that a view into a buffer that is gone shows under the address sanitizer.
template <class Refuse>
Outcome split(Framing framing, std::string_view stream, const std::vector<std::size_t>& ends,
              std::size_t frame_bytes_max, Refuse&& refuse) {
  // A frame that outgrows the short carry gets the long one, until it is accepted.
  std::vector<std::byte> carry(std::min<std::size_t>(frame_bytes_max, 3)),
      long_carry(frame_bytes_max);
  FrameSplitter splitter(framing, carry, frame_bytes_max);
  Outcome outcome;
  std::size_t begin = 0;
  std::vector<std::size_t> all = ends;
  all.push_back(stream.size());
  for (const std::size_t end : all) {
    const std::vector<char> buffer(stream.begin() + static_cast<std::ptrdiff_t>(begin),
                                   stream.begin() + static_cast<std::ptrdiff_t>(end));
    Bytes input = as_bytes({buffer.data(), buffer.size()});
    for (;;) {
      const auto step = splitter.look(input);
      if (step.kind == Kind::broken) {
        outcome.broken = true;
        CHECK(splitter.look(input).kind == Kind::broken);
        return outcome;
      }
      if (step.kind == Kind::need_more) {
        CHECK(step.consumed == input.size());
        break;
      }
      if (step.kind == Kind::outgrown) {
        CHECK(step.consumed == 0);
        splitter.move_carry(long_carry);
        continue;
      }
      if (refuse()) continue;
      outcome.frames.push_back({std::string(as_text(step.frame)), step.cut_bytes});
      splitter.accept();
      splitter.move_carry(carry);
      REQUIRE(step.consumed > 0);
      input = input.subspan(step.consumed);
    }
    begin = end;
  }
  const auto last = splitter.finish();
  if (last.kind == Kind::frame) {
    outcome.frames.push_back({std::string(as_text(last.frame)), last.cut_bytes});
    splitter.accept();
    CHECK(splitter.finish().kind == Kind::need_more);
  }
  outcome.broken = last.kind == Kind::broken;
  return outcome;
}
Outcome split(Framing framing, std::string_view stream, const std::vector<std::size_t>& ends = {},
              std::size_t frame_bytes_max = 8) {
  return split(framing, stream, ends, frame_bytes_max, [] { return false; });
}

void check_every_split(Framing framing, std::string_view stream, const Outcome& expected) {
  INFO("stream ", std::string(stream), " as ", name_of(framing));
  CHECK(split(framing, stream) == expected);
  for (std::size_t first = 0; first <= stream.size(); ++first)
    for (std::size_t second = first; second <= stream.size(); ++second)
      REQUIRE(split(framing, stream, {first, second}) == expected);
  std::vector<std::size_t> single;
  for (std::size_t at = 1; at < stream.size(); ++at) single.push_back(at);
  CHECK(split(framing, stream, single) == expected);
}

std::string text(std::string_view with_zeros) { return std::string(with_zeros); }

using namespace std::string_view_literals;

}  // namespace

TEST_CASE("framing: newline, every split") {
  const struct {
    std::string_view stream;
    Outcome expected;
  } table[] = {
      {"", {}},
      {"\n\n\r\n\n", {}},
      {"a\nbc\r\n\ndef", {{{"a", 0}, {"bc", 0}, {"def", 0}}, false}},
      {"a\rb\r\r\n", {{{"a\rb\r", 0}}, false}},
      {"12345678\n12345678\r\n", {{{"12345678", 0}, {"12345678", 0}}, false}},
      {"123456789\n1234567890\r\nx\n", {{{"12345678", 1}, {"12345678", 2}, {"x", 0}}, false}},
      {"1234567\r\r\n12345678\r\r\n", {{{"1234567\r", 0}, {"12345678", 1}}, false}},
      {"a\0b\n\0\n"sv, {{{text("a\0b"sv), 0}, {text("\0"sv), 0}}, false}},
      {"unterminated line", {{{"untermin", 9}}, false}},
  };
  for (const auto& row : table) check_every_split(Framing::newline, row.stream, row.expected);
}

TEST_CASE("framing: counted, every split") {
  check_every_split(Framing::octet_counted, "1 a2 \n\n8 12345678",
                    {{{"a", 0}, {"\n\n", 0}, {"12345678", 0}}, false});
  check_every_split(Framing::octet_counted, "10 12345678901 x",
                    {{{"12345678", 2}, {"x", 0}}, false});
  check_every_split(Framing::octet_counted, "5 abc", {{{"abc", 2}}, false});
  check_every_split(Framing::octet_counted, "12 abcdefghij", {{{"abcdefgh", 4}}, false});
  for (const auto wrong : {"1 a0 ", "1 a 1 b", "1 ax", "1 a12", "1 a5 ", "1 a01 x", "1 a-1 x",
                           "1 a99999999999 x", "1 a1073741825 x", "1 a<13>hello\n"})
    check_every_split(Framing::octet_counted, wrong, {{{"a", 0}}, true});
  check_every_split(Framing::length32, "\0\0\0\1a\0\0\0\0\0\0\0\3\n\r\n"sv,
                    {{{"a", 0}, {"\n\r\n", 0}}, false});
  check_every_split(Framing::length32,
                    "\0\0\0\x0a"
                    "1234567890\0\0\0\2ab"sv,
                    {{{"12345678", 2}, {"ab", 0}}, false});
  check_every_split(Framing::length32, "\0\0\0\1a\0\0\0"sv, {{{"a", 0}}, true});
  check_every_split(Framing::length32, "\0\0\0\1a\0\0\0\4bc"sv, {{{"a", 0}, {"bc", 2}}, false});
  check_every_split(Framing::length32, "\0\0\0\1a\x40\0\0\1zz"sv, {{{"a", 0}}, true});
  check_every_split(Framing::length32, "GET / HTTP/1.1\r\n", {{}, true});
}

TEST_CASE("framing: syslog decides for every frame") {
  check_every_split(
      Framing::syslog, "4 <1>a<2>b\n4 <3>c\n<4>d\r\n5 <5>\n\n<6>e",
      {{{"<1>a", 0}, {"<2>b", 0}, {"<3>c", 0}, {"<4>d", 0}, {"<5>\n\n", 0}, {"<6>e", 0}}, false});
  check_every_split(Framing::syslog, "<1>a\0<2>b\n\0<3>c"sv,
                    {{{"<1>a", 0}, {"<2>b", 0}, {"<3>c", 0}}, false});
  check_every_split(Framing::syslog, "0 a\n99999999999 b", {{{"0 a", 0}}, true});
  check_every_split(Framing::syslog, "1st\n", {{}, true});
}

TEST_CASE("framing: terminators far apart") {
  for (const char terminator : {'\n', '\0'}) {
    std::string stream;
    Outcome expected;
    for (std::size_t size = 1000; size < 1050; ++size) {
      const std::string line(size, 'x');
      stream += line + terminator;
      expected.frames.push_back({line, 0});
    }
    CHECK(split(Framing::syslog, stream, {}, 4096) == expected);
    CHECK(split(Framing::syslog, stream, {1, 5000, 5001, 20'000}, 4096) == expected);
  }
}

TEST_CASE("framing: random streams against the model") {
  std::random_device entropy;
  const std::uint32_t seed = entropy();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t limit) { return std::size_t{random()} % limit; };
  for (int round = 0; round < 4000; ++round) {
    const auto framing = static_cast<Framing>(below(4));
    const std::size_t frame_bytes_max = 1 + below(24);
    std::string stream;
    Outcome expected;
    for (std::size_t count = below(12); count > 0; --count) {
      std::string body(below(40), 'x');
      for (char& c : body) c = static_cast<char>('a' + below(26));
      const bool counted = framing == Framing::octet_counted ||
                           (framing == Framing::syslog && below(2) == 0 && !body.empty());
      if (framing == Framing::length32) {
        stream += text("\0\0\0"sv) + static_cast<char>(body.size()) + body;
      } else if (counted) {
        if (body.empty()) body = "z";
        stream += std::to_string(body.size()) + " " + body;
      } else {
        stream += body + (below(2) == 0 ? "\r\n" : "\n");
      }
      if (body.empty()) continue;
      const std::size_t kept = std::min(body.size(), frame_bytes_max);
      expected.frames.push_back(
          {body.substr(0, kept), static_cast<std::uint32_t>(body.size() - kept)});
    }
    std::vector<std::size_t> ends;
    for (std::size_t at = below(30); at < stream.size(); at += below(30)) ends.push_back(at);
    REQUIRE(split(framing, stream, ends, frame_bytes_max, [&] { return below(3) == 0; }) ==
            expected);
  }
}

TEST_CASE("framing: garbage neither crashes nor loops") {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string stream(random() % 200, '\0');
    for (char& c : stream) c = "\n\r\0 0123<\xff"[random() % 11];
    const auto framing = static_cast<Framing>(random() % 4);
    const auto whole = split(framing, stream, {}, 5);
    REQUIRE(split(framing, stream, {stream.size() / 3, stream.size() / 2}, 5) == whole);
  }
}

TEST_CASE("framing: a hundred megabytes without a newline") {
  std::vector<std::byte> carry(1000);
  FrameSplitter splitter(Framing::newline, carry);
  const std::string piece(1 << 20, 'y');
  for (int index = 0; index < 100; ++index)
    REQUIRE(splitter.look(as_bytes(piece)).kind == Kind::need_more);
  CHECK(splitter.inside_frame());
  const auto step = splitter.look(as_bytes("y\nnext"));
  REQUIRE(step.kind == Kind::frame);
  CHECK(step.frame.size() == 1000);
  CHECK(step.cut_bytes == (100u << 20) + 1 - 1000);
  CHECK(step.consumed == 2);
}

TEST_CASE("framing: a frame from one buffer is not copied") {
  std::vector<std::byte> carry(100);
  FrameSplitter splitter(Framing::syslog, carry);
  const std::string_view stream = "<1>line\n6 <1>abc";
  auto step = splitter.look(as_bytes(stream));
  CHECK(as_text(step.frame).data() == stream.data());
  splitter.accept();
  step = splitter.look(as_bytes(stream.substr(step.consumed)));
  CHECK(as_text(step.frame).data() == stream.data() + 10);
  splitter.accept();
  splitter.look(as_bytes("<1>begin"));
  splitter.reset();
  CHECK(splitter.finish().kind == Kind::need_more);
}

TEST_CASE("framing: names") {
  for (const Framing framing :
       {Framing::newline, Framing::length32, Framing::octet_counted, Framing::syslog})
    CHECK(codec::framing_from(name_of(framing)) == framing);
  CHECK(codec::framing_from("lines") == fail(Error::malformed));
}
