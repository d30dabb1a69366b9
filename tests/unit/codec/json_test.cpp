// Goal: whatever bytes come in, the line that goes out is valid JSON in valid UTF-8, and a buffer
// that is too small is never passed. Method: tables of escapes and of the edges of UTF-8; every
// buffer size; random bytes against a byte-by-byte decoder written for the test.
#include "codec/json.hpp"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/utf8.hpp"

using namespace runnel;
using namespace runnel::codec;
using namespace std::string_view_literals;

namespace {

std::string quoted(std::string_view text, std::uint64_t* replaced = nullptr) {
  std::vector<std::byte> buffer(json_string_bytes_max(text.size()));
  JsonWriter out{MutableBytes(buffer)};
  out.string(text);
  CHECK_FALSE(out.overflowed());
  if (replaced != nullptr) *replaced = out.replaced();
  return std::string(as_text(out.bytes()));
}

// The text that a JSON string stands for; only what the writer may write.
std::string decoded(std::string_view json) {
  REQUIRE(json.size() >= 2);
  REQUIRE((json.front() == '"' && json.back() == '"'));
  json = json.substr(1, json.size() - 2);
  std::string text;
  for (std::size_t at = 0; at < json.size(); ++at) {
    REQUIRE(static_cast<unsigned char>(json[at]) >= 0x20);
    REQUIRE(json[at] != '"');
    if (json[at] != '\\') {
      text += json[at];
      continue;
    }
    REQUIRE(++at < json.size());
    const std::size_t known = "\"\\bfnrt"sv.find(json[at]);
    if (known != std::string_view::npos) {
      text += "\"\\\b\f\n\r\t"[known];
      continue;
    }
    REQUIRE(json[at] == 'u');
    text += static_cast<char>(std::stoi(std::string(json.substr(at + 1, 4)), nullptr, 16));
    at += 4;
  }
  return text;
}

}  // namespace

TEST_CASE("json: objects, arrays, lines") {
  std::vector<std::byte> buffer(200);
  JsonWriter out{MutableBytes(buffer)};
  out.begin_object();
  out.key("a");
  out.number(-17);
  out.key("b\n");
  out.begin_array();
  out.boolean(true);
  out.null();
  out.begin_object();
  out.end_object();
  out.end_array();
  out.key("c");
  out.number(UINT64_MAX);
  out.end_object();
  out.newline();
  out.begin_object();
  out.end_object();
  out.newline();
  CHECK(as_text(out.bytes()) ==
        "{\"a\":-17,\"b\\n\":[true,null,{}],\"c\":18446744073709551615}\n{}\n");
}

TEST_CASE("json: escapes") {
  CHECK(quoted("") == "\"\"");
  CHECK(quoted("plain text, long enough for words") == "\"plain text, long enough for words\"");
  CHECK(quoted("\"\\\b\f\n\r\t/\x7f") == "\"\\\"\\\\\\b\\f\\n\\r\\t/\x7f\"");
  CHECK(quoted("\0\x01\x1f "sv) == "\"\\u0000\\u0001\\u001f \"");
  for (std::size_t place = 0; place < 20; ++place) {
    std::string text(20, 'a');
    text[place] = '"';
    CHECK(decoded(quoted(text)) == text);
  }
}

TEST_CASE("json: every character and its neighbours, in strings of every length") {
  for (std::size_t size = 1; size <= 17; ++size) {
    for (int value = 0; value < 0x80; ++value) {
      std::string text(size, 'a');
      text[size / 2] = static_cast<char>(value);
      bool same = decoded(quoted(text)) == text;
      for (const char before : "\0\x1f\x20!\"#[\\]\x7f"sv) {
        text[size - 1] = before;
        text[size / 3] = static_cast<char>(value);
        same = same && decoded(quoted(text)) == text;
      }
      CHECK_MESSAGE(same, size, " characters with ", value);
    }
  }
}

TEST_CASE("json: UTF-8 stays, what is not becomes U+FFFD and is counted") {
  const std::string_view replacement = "\xef\xbf\xbd";
  const struct {
    std::string_view in;
    std::string_view valid_part;  // what must come out, with ? for each replacement
    std::uint64_t replaced;
  } table[] = {
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 0},
      {"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 0},
      {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 0},
      {"a\x80z", "a?z", 1},
      {"\xff\xfe", "??", 2},
      {"\xc0\xaf", "??", 2},            // overlong
      {"\xe0\x80\xaf", "???", 3},       // overlong
      {"\xed\xa0\x80", "???", 3},       // a surrogate
      {"\xf4\x90\x80\x80", "????", 4},  // past U+10FFFF
      {"\xe2\x82z", "?z", 1},           // one cut sequence is one replacement
      {"\xf0\x9f\x98", "?", 1},         // cut by the end
      {"\xe2\x82\xe2\x82\xac", "?\xe2\x82\xac", 1},
  };
  for (const auto& row : table) {
    std::string expected = "\"";
    for (const char c : row.valid_part)
      expected += c == '?' ? std::string(replacement) : std::string(1, c);
    expected += '"';
    std::uint64_t replaced = 0;
    CHECK(quoted(row.in, &replaced) == expected);
    CHECK(replaced == row.replaced);
    const std::string shifted = "1234567" + std::string(row.in) + "12345678";
    CHECK(quoted(shifted) == "\"1234567" + expected.substr(1, expected.size() - 2) + "12345678\"");
  }
}

TEST_CASE("json: random bytes") {
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& c : text)
      c = random() % 3 != 0 ? static_cast<char>(' ' + random() % 95) : static_cast<char>(random());
    std::uint64_t replaced = 0;
    const std::string result = decoded(quoted(text, &replaced));
    Bytes rest = as_bytes(result);
    while (!rest.empty()) {
      const auto sequence = utf8_sequence(rest);
      REQUIRE(sequence.valid);
      rest = rest.subspan(sequence.size);
    }
    if (replaced == 0) REQUIRE(result == text);
  }
}

TEST_CASE("json: every buffer size") {
  const std::string_view value = "0123456789\n\x01\xff\xe2\x82\xac abcdefgh";
  std::vector<std::byte> all(200);
  JsonWriter whole{MutableBytes(all)};
  const auto write = [&](JsonWriter& out) {
    out.begin_object();
    out.key("name");
    out.string(value);
    out.plain_key("n");
    out.number(12345);
    out.plain_key("plain");
    out.plain_string("text");
    out.end_object();
  };
  write(whole);
  CHECK(as_text(whole.bytes()).ends_with(",\"n\":12345,\"plain\":\"text\"}"));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    std::vector<std::byte> buffer(size);
    JsonWriter out{MutableBytes(buffer)};
    write(out);
    CHECK(out.overflowed() == (size < whole.size()));
    CHECK(out.size() <= size);
    out.rewind({});
    CHECK(out.size() == 0);
    CHECK_FALSE(out.overflowed());
  }
}

TEST_CASE("json: going back to a mark") {
  std::vector<std::byte> buffer(24);
  JsonWriter out{MutableBytes(buffer)};
  out.begin_array();
  out.number(1);
  const auto mark = out.mark();
  out.string("\xff too long for what is left");
  CHECK(out.overflowed());
  out.rewind(mark);
  CHECK(out.replaced() == 0);
  out.number(2);
  out.end_array();
  CHECK(as_text(out.bytes()) == "[1,2]");
}
