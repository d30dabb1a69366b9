// Goal: exactly RFC 8259 is read, within a depth, to the same tokens however the text is cut into
// pieces; escapes mean what they should; what is passed over is passed over whole. Method: texts
// as tables of tokens, whole and in every cut into two pieces and in single bytes; every
// truncation; what JSON nearly is.
#include "codec/json_reader.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace runnel;
using codec::JsonReader;
using Token = JsonReader::Token;

namespace {

std::string text_of(const JsonReader& reader) {
  std::string room(reader.raw().size(), '\0');
  TextWriter out{std::span<char>(room)};
  reader.write_text(out);
  CHECK(!out.cut());
  CHECK(reader.is(out.text()));
  CHECK(!reader.is(std::string(out.text()) + "x"));
  return std::string(out.text());
}

// One word a token: { } [ ] k:name s:text n:12 true null; end or broken at last.
std::string word_of(const JsonReader& reader, Token token) {
  switch (token) {
    case Token::begin_object:
      return "{";
    case Token::end_object:
      return "}";
    case Token::begin_array:
      return "[";
    case Token::end_array:
      return "]";
    case Token::key:
      return "k:" + text_of(reader);
    case Token::string:
      return "s:" + text_of(reader);
    case Token::number:
      return "n:" + std::string(reader.raw());
    case Token::boolean:
      return reader.boolean() ? "true" : "false";
    case Token::null:
      return "null";
    case Token::end:
      return "end";
    case Token::need_more:
      return "more";
    case Token::broken:
      return "broken";
  }
  return "?";
}

// The tokens of `text` in pieces that end at `ends`. Each piece is a buffer of its own.
std::string tokens(std::string_view text, std::vector<std::size_t> ends = {},
                   std::string_view skipped_key = {}) {
  ends.push_back(text.size());
  JsonReader reader;
  std::string words;
  std::size_t consumed = 0;
  for (const std::size_t end : ends) {
    const std::string piece(text.substr(consumed, end - consumed));
    reader.feed(piece, end == text.size());
    for (;;) {
      const Token token = reader.next();
      if (token == Token::need_more) break;
      words += (words.empty() ? "" : " ") + word_of(reader, token);
      if (token == Token::end || token == Token::broken) {
        CHECK(reader.next() == token);
        return words;
      }
      if (token == Token::key && !skipped_key.empty() && reader.is(skipped_key)) reader.skip();
    }
    consumed += reader.consumed();
  }
  return words + " unfinished";
}

void check(std::string_view text, std::string_view expected, std::string_view skipped_key = {}) {
  INFO("text ", std::string(text));
  CHECK(tokens(text, {}, skipped_key) == expected);
  std::vector<std::size_t> singly;
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    CHECK(tokens(text, {cut}, skipped_key) == expected);
    singly.push_back(cut);
  }
  CHECK(tokens(text, singly, skipped_key) == expected);
}

}  // namespace

TEST_CASE("json reader: values") {
  check("{}", "{ } end");
  check(" [ ] ", "[ ] end");
  check("12", "n:12 end");
  check("\"\"", "s: end");
  check("true", "true end");
  check("[null,false , true]", "[ null false true ] end");
  check(R"({"stream":"LOG","seq":17,"duplicate":true})",
        "{ k:stream s:LOG k:seq n:17 k:duplicate true } end");
  check(R"({"a":{"b":[{},[1]]},"c":-0.5e+10})",
        "{ k:a { k:b [ { } [ n:1 ] ] } k:c n:-0.5e+10 } end");
  check("[0,-0,10,1.25,1E5,2e-7]", "[ n:0 n:-0 n:10 n:1.25 n:1E5 n:2e-7 ] end");
}

TEST_CASE("json reader: escapes") {
  check(R"("\"\\\/\b\f\n\r\t")", "s:\"\\/\b\f\n\r\t end");
  check(R"("\u0041\u00e9\u20AC")", "s:A\xc3\xa9\xe2\x82\xac end");
  check(R"("\ud83d\ude00")", "s:\xf0\x9f\x98\x80 end");
  check(R"(["\ud83d","\ud83dx","\ude00","\ud83d\u0041","\ud83d\ud83d\ude00"])",
        "[ s:\xef\xbf\xbd s:\xef\xbf\xbdx s:\xef\xbf\xbd s:\xef\xbf\xbd"
        "A s:\xef\xbf\xbd\xf0\x9f\x98\x80 ] end");
  check(R"({"\u0073eq":1})", "{ k:seq n:1 } end");
  check("\"\xff\x80 passes\"", "s:\xff\x80 passes end");
}

TEST_CASE("json reader: a text is cut to its room, behind whole escapes") {
  JsonReader reader(R"("ab\u20acd")");
  REQUIRE(reader.next() == Token::string);
  Text<4> out;
  reader.write_text(out);
  CHECK(out.cut());
  CHECK(out.text().starts_with("ab"));
}

TEST_CASE("json reader: what is not JSON") {
  const std::string_view texts[] = {"",           "{",
                                    "[",          "]",
                                    "}",          ",",
                                    "[1",         "[1,]",
                                    "[,1]",       "{,}",
                                    "{1:2}",      "{\"a\"}",
                                    "{\"a\":}",   "{\"a\"1}",
                                    "{\"a\":1,}", "[1}",
                                    "{\"a\":1]",  "01",
                                    "-",          "+1",
                                    "1.",         ".5",
                                    "1e",         "1e+",
                                    "--1",        "0x1",
                                    "nul",        "nulll",
                                    "True",       "NaN",
                                    "\"",         "\"a",
                                    "\"\\x\"",    "\"\\u12g4\"",
                                    "\"\\u12\"",  "\"\\\"",
                                    "\"\n\"",     "1 2",
                                    "{} {}",      "'a'",
                                    "[1 2]",      "{\"a\":1 \"b\":2}",
                                    "/**/1",      "\xef\xbb\xbf{}"};
  for (const std::string_view text : texts) {
    INFO("text ", std::string(text));
    CHECK(tokens(text).ends_with("broken"));
    for (std::size_t cut = 0; cut < text.size(); ++cut)
      CHECK(tokens(text, {cut}).ends_with("broken"));
  }
}

TEST_CASE("json reader: every truncation of an object is broken when it is the last piece") {
  const std::string_view text =
      R"({"error":{"code":503,"description":"no \"x\""},"a":[true,null]})";
  for (std::size_t size = 0; size < text.size(); ++size)
    CHECK(tokens(text.substr(0, size)).ends_with("broken"));
}

TEST_CASE("json reader: depth") {
  const std::string open(codec::json_depth_max, '['), closed(codec::json_depth_max, ']');
  CHECK(tokens(open + closed).ends_with("] end"));
  CHECK(tokens("[" + open + closed + "]").ends_with("[ broken"));
  CHECK(tokens("{\"a\":" + open + closed + "}").ends_with("[ broken"));
}

TEST_CASE("json reader: passing over") {
  const std::string_view expected = "{ k:x k:y n:1 } end";
  check(R"({"x":{"x":[1,{"x":2}]},"y":1})", expected, "x");
  check(R"({"x":[],"y":1})", expected, "x");
  check(R"({"x":"{","y":1})", expected, "x");
  check(R"({"x":null,"y":1})", expected, "x");
  check(R"({"x":1})", "{ k:x } end", "x");

  JsonReader reader(R"([{"a":[1,2]},3])");
  REQUIRE(reader.next() == Token::begin_array);
  REQUIRE(reader.next() == Token::begin_object);
  reader.skip();
  CHECK(reader.next() == Token::number);
  reader.skip();
  CHECK(reader.next() == Token::end_array);
  reader.skip();
  CHECK(reader.next() == Token::end);
  JsonReader broken(R"({"a":[1,}, "b":1})");
  REQUIRE(broken.next() == Token::begin_object);
  broken.skip();
  CHECK(broken.next() == Token::broken);
}

TEST_CASE("json reader: unsigned numbers") {
  const auto number = [](std::string_view text) {
    JsonReader reader(text);
    REQUIRE(reader.next() == Token::number);
    return reader.unsigned_number();
  };
  CHECK(*number("0") == 0);
  CHECK(*number("18446744073709551615") == UINT64_MAX);
  CHECK(number("18446744073709551616").error() == Error::too_large);
  CHECK(number("-1").error() == Error::malformed);
  CHECK(number("1.0").error() == Error::malformed);
  CHECK(number("1e3").error() == Error::malformed);
}
