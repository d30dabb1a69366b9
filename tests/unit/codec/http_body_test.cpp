// Goal: the body of a message is the same however its bytes arrive, ends where RFC 9112 says, and
// nothing but the grammar passes. Method: the examples of the specification and tables of hostile
// forms; every split of each into two inputs and single bytes, every truncation, and what stands
// behind a body. Every input is a copy of its own, so that reading past it shows under a sanitizer.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/http/body.hpp"

using namespace runnel;
using namespace runnel::codec::http;
using Kind = BodyFraming::Kind;
using StepKind = BodyReader::Step::Kind;

namespace {

struct Outcome {
  std::string body;
  std::string behind;  // what was not consumed
  bool ended = false;
  Error error = Error::none;
  bool operator==(const Outcome&) const = default;
};

// Feeds the pieces one after the other; then, if asked to, the end of the connection.
Outcome read(BodyFraming framing, const std::vector<std::string>& pieces, bool closes,
             std::uint64_t bytes_max = 1000) {
  BodyReader reader(framing, bytes_max);
  Outcome outcome;
  for (const std::string& piece : pieces) {
    const std::vector<char> copy(piece.begin(), piece.end());
    Bytes input = as_bytes({copy.data(), copy.size()});
    for (;;) {
      if (outcome.error != Error::none) break;
      const auto step = reader.next(input);
      if (step.kind == StepKind::broken) {
        outcome.error = step.error;
        CHECK(reader.next(input).error == step.error);
        CHECK(reader.finish().error == step.error);
        return outcome;
      }
      REQUIRE(step.consumed <= input.size());
      input = input.subspan(step.consumed);
      if (step.kind == StepKind::data) {
        CHECK(!step.data.empty());
        outcome.body += as_text(step.data);
        CHECK(reader.body_bytes() == outcome.body.size());
        continue;
      }
      if (step.kind == StepKind::need_more) {
        CHECK(input.empty());
        break;
      }
      CHECK(reader.ended());
      outcome.ended = true;
      outcome.behind += as_text(input);
      break;
    }
  }
  if (closes) {
    const auto last = reader.finish();
    outcome.ended = last.kind == StepKind::end;
    outcome.error = last.error;
  }
  return outcome;
}

// However it is split, the same comes out.
Outcome read_all_ways(BodyFraming framing, const std::string& text, bool closes = false,
                      std::uint64_t bytes_max = 1000) {
  const Outcome whole = read(framing, {text}, closes, bytes_max);
  std::vector<std::string> single;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    CAPTURE(at);
    const Outcome split = read(framing, {text.substr(0, at), text.substr(at)}, closes, bytes_max);
    CHECK(split.error == whole.error);
    if (whole.error == Error::none) CHECK(split == whole);
    if (at < text.size()) single.push_back(text.substr(at, 1));
  }
  const Outcome slow = read(framing, single, closes, bytes_max);
  CHECK(slow.error == whole.error);
  if (whole.error == Error::none) CHECK(slow == whole);
  return whole;
}

constexpr BodyFraming chunked{Kind::chunked, 0};
BodyFraming sized(std::uint64_t size) { return {Kind::sized, size}; }

Outcome good(std::string body, std::string behind = "") {
  return {std::move(body), std::move(behind), true, Error::none};
}

}  // namespace

TEST_CASE("a message without a body ends at once") {
  CHECK(read({}, {""}, false) == good(""));
  CHECK(read({}, {"HTTP"}, false) == good("", "HTTP"));
  BodyReader reader;
  CHECK(reader.ended());
  CHECK(reader.finish().kind == StepKind::end);
}

TEST_CASE("a sized body ends after its bytes") {
  CHECK(read_all_ways(sized(0), "x") == good("", "x"));
  CHECK(read_all_ways(sized(5), "helloHTTP/1.1") == good("hello", "HTTP/1.1"));
  CHECK(read_all_ways(sized(5), "hello", true) == good("hello"));
  for (std::size_t size = 0; size < 5; ++size) {
    const Outcome cut = read(sized(5), {std::string("hello").substr(0, size)}, true);
    CHECK(cut.error == Error::closed);
    CHECK(!cut.ended);
  }
}

TEST_CASE("a body until the connection ends is all there is") {
  const BodyFraming framing{Kind::until_close, 0};
  CHECK(read_all_ways(framing, "", true) == good(""));
  CHECK(read_all_ways(framing, "all of it\r\n\r\n", true) == good("all of it\r\n\r\n"));
  CHECK(!read(framing, {"not yet"}, false).ended);
}

TEST_CASE("chunks, extensions and trailers") {
  // The forms of RFC 9112 section 7.1.
  const std::string text =
      "4\r\nWiki\r\n5\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\n\r\nHTTP/1.1 200 OK";
  CHECK(read_all_ways(chunked, text) == good("Wikipedia in\r\n\r\nchunks.", "HTTP/1.1 200 OK"));
  CHECK(read_all_ways(chunked, "0\r\n\r\n") == good(""));
  CHECK(read_all_ways(chunked, "000\r\n\r\n") == good(""));
  CHECK(read_all_ways(chunked, "00a\r\n0123456789\r\n0\r\n\r\n") == good("0123456789"));
  CHECK(read_all_ways(chunked, "A\r\n0123456789\r\n0\r\n\r\n") == good("0123456789"));
  CHECK(read_all_ways(chunked, "1;a\r\nx\r\n0 ; b = \"c;d\" \r\n\r\n") == good("x"));
  CHECK(read_all_ways(chunked, "1\t;a\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\nbehind") ==
        good("x", "behind"));
}

TEST_CASE("every truncation of a chunked body is not an end") {
  const std::string text = "3;e=1\r\nabc\r\n0\r\nT: v\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    const Outcome cut = read(chunked, {text.substr(0, size)}, false);
    CHECK(!cut.ended);
    CHECK(cut.error == Error::none);
    CHECK(read(chunked, {text.substr(0, size)}, true).error == Error::closed);
  }
  CHECK(read(chunked, {text}, true) == good("abc"));
}

TEST_CASE("what is no chunk is refused") {
  const char* const hostile[] = {
      "\r\n",          // no size
      ";x\r\n",        // an extension of nothing
      " 5\r\nhello",   // a blank in front
      "5 \r\nhello",   // and behind, without an extension
      "0x5\r\nhello",  // another notation
      "+5\r\nhello",
      "-1\r\nhello",  // signs
      "5\nhello",     // a line that ends in LF
      "5\r\r\nhello",
      "5\rhello",  // CR alone
      "5;a\nhello",
      "5;a\x01\r\n",                 // an extension with another end or a control byte
      "5\r\nhello0\r\n\r\n",         // longer than it says
      "5\r\nhello\n0\r\n\r\n",       // LF behind the data
      "5\r\nhello\r0\r\n\r\n",       // CR behind the data
      "5\r\nhello\r\n\r\n",          // no last chunk
      "10000000000000000\r\n",       // 2^64
      "00000000000000005\r\nhello",  // more digits than 64 bits have
      "0\r\n folded: x\r\n\r\n",     // a folded trailer
      "0\r\nno colon\r\n\r\n",
      "0\r\n: x\r\n\r\n",    // no name
      "0\r\nA : b\r\n\r\n",  // a blank before the colon
      "0\r\nA: b\n\r\n",
      "0\r\nA: b\r\r\n",        // line ends
      "0\r\nA: b\x7f\r\n\r\n",  // a control byte
      "0\r\n\n",
      "0\r\n\rx",  // the last line end
  };
  for (const char* const text : hostile) {
    CAPTURE(text);
    CHECK(read_all_ways(chunked, text).error == Error::malformed);
  }
  CHECK(read_all_ways(chunked, std::string("5;\0\r\nhello", 11)).error == Error::malformed);
}

TEST_CASE("a body may have its limit, and not a byte more") {
  const std::uint64_t limit = 6;
  CHECK(read_all_ways(sized(6), "sixsix", false, limit) == good("sixsix"));
  CHECK(read(sized(7), {""}, false, limit).error == Error::too_large);
  const std::string six = "3\r\nsix\r\n3\r\nsix\r\n";
  CHECK(read_all_ways(chunked, six + "0\r\n\r\n", false, limit) == good("sixsix"));
  CHECK(read_all_ways(chunked, six + "1\r\nx\r\n0\r\n\r\n", false, limit).error ==
        Error::too_large);
  CHECK(read_all_ways(chunked, "7\r\n", false, limit).error == Error::too_large);
  CHECK(read_all_ways(chunked, "ffffffffffffffff\r\n", false, limit).error == Error::too_large);
  const BodyFraming open{Kind::until_close, 0};
  CHECK(read_all_ways(open, "sixsix", true, limit) == good("sixsix"));
  CHECK(read_all_ways(open, "sixsix!", true, limit).error == Error::too_large);
  // Without a limit the largest size is one that is merely not there.
  CHECK(read(chunked, {"ffffffffffffffff\r\nx"}, true, UINT64_MAX).error == Error::closed);
}

TEST_CASE("extensions and trailers have limits of their own, over all lines together") {
  const auto extended = [](std::size_t first, std::size_t second) {
    return "1;" + std::string(first - 1, 'x') + "\r\na\r\n0;" + std::string(second - 1, 'x') +
           "\r\n\r\n";
  };
  constexpr std::size_t limit = BodyReader::extension_bytes_max;
  CHECK(read(chunked, {extended(limit - 10, 10)}, false) == good("a"));
  CHECK(read(chunked, {extended(limit - 10, 11)}, false).error == Error::too_large);
  CHECK(read(chunked, {"1" + std::string(limit + 1, ' ')}, false).error == Error::too_large);
  // Of the limit, two are the line end of the field, and two the last one.
  const std::string fits = "A:" + std::string(BodyReader::trailer_bytes_max - 6, 'b');
  CHECK(read(chunked, {"0\r\n" + fits + "\r\n\r\n"}, false) == good(""));
  CHECK(read(chunked, {"0\r\n" + fits + "b\r\n\r\n"}, false).error == Error::too_large);
}
