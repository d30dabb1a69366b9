// Goal: a dead letter is read as it was written, and nothing that is not one is taken for one.
// Method: the worked example of dead_letter.hpp; every truncation and every changed byte of a file;
// damage between letters; windows of all sizes; marks of refusals.
#include "pipeline/dead_letter.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/crc32c.hpp"
#include "pipeline/refusals.hpp"

using namespace runnel;
using namespace runnel::pipeline;

namespace {

std::string written(const DeadLetter& letter) {
  std::string text(letter.bytes(), '\xEE');
  write_dead_letter(reinterpret_cast<std::byte*>(text.data()), letter);
  return text;
}

std::string letter_of(std::string_view body) {
  DeadLetter letter;
  letter.refused = wall_from_ns(2);
  letter.time = wall_from_ns(1);
  letter.sink = "a";
  letter.source = "s";
  letter.body = as_bytes(body);
  return written(letter);
}

struct Found {
  std::vector<std::string> bodies;
  std::uint64_t damaged = 0, end = 0;
};

Found found_in(std::string_view file, std::size_t window = 64) {
  Found found;
  DeadLetterReader reader(file.size(), window);
  for (auto step = reader.next(); step != DeadLetterReader::Step::end; step = reader.next()) {
    if (step == DeadLetterReader::Step::letter) {
      found.bodies.emplace_back(as_text(reader.letter().body));
      continue;
    }
    const auto rest = file.substr(
        static_cast<std::size_t>(std::min<std::uint64_t>(reader.read_at(), file.size())));
    const std::size_t count = std::min(rest.size(), reader.room().size());
    std::copy_n(as_bytes(rest).begin(), count, reader.room().begin());
    reader.filled(count);
  }
  found.damaged = reader.damaged_bytes();
  found.end = reader.whole_end();
  CHECK(reader.letters() == found.bodies.size());
  return found;
}

}  // namespace

TEST_CASE("dead letter: the worked example") {
  std::string expected("RDL1\x38\0\0\0....\x02\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0", 32);
  expected += std::string("\0\0\0\0\0\0\0\0\x08\x01\x01\0\0\0\0\0ashi\0\0\0\0", 24);
  const std::uint32_t sum = crc32c(as_bytes(std::string_view(expected).substr(12)),
                                   crc32c(as_bytes(std::string_view(expected).substr(0, 8))));
  std::memcpy(expected.data() + 8, &sum, sizeof(sum));
  CHECK(letter_of("hi") == expected);
}

TEST_CASE("dead letter: everything comes back") {
  std::byte buffer[64];
  HeaderWriter headers{MutableBytes(buffer)};
  headers.add("host", "gw");
  headers.add("empty", "");
  DeadLetter letter;
  letter.refused = wall_from_ns(1'700'000'000'000'000'000);
  letter.time = wall_from_ns(-5);
  letter.clock_known = false;
  letter.severity = Severity::warning;
  letter.sink = "central";
  letter.source = "applog";
  letter.batch = "a1:main:1:7/3+2";
  letter.reason = "answers 400: no such field";
  letter.headers = headers.headers();
  letter.body = as_bytes(std::string_view("body\0with\xFF", 10));
  const std::string text = written(letter);
  CHECK(text.size() % 8 == 0);
  CHECK(text.size() <= dead_letter_bytes_max(24 + headers.headers().encoded().size() + 10));
  const auto look = look_at_dead_letter(as_bytes(text), text.size());
  REQUIRE(look.kind == DeadLetterLook::Kind::letter);
  CHECK(look.bytes == text.size());
  CHECK(look.letter.refused == letter.refused);
  CHECK(look.letter.time == letter.time);
  CHECK_FALSE(look.letter.clock_known);
  CHECK(look.letter.severity == Severity::warning);
  CHECK(look.letter.sink == "central");
  CHECK(look.letter.source == "applog");
  CHECK(look.letter.batch == letter.batch);
  CHECK(look.letter.reason == letter.reason);
  CHECK(look.letter.headers.find("host") == "gw");
  CHECK(as_text(look.letter.body) == as_text(letter.body));
}

TEST_CASE("dead letter: no truncation and no changed byte passes") {
  const std::string text = letter_of("a body");
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK(look_at_dead_letter(as_bytes(text).first(size), size).kind ==
          DeadLetterLook::Kind::nothing);
    const auto look = look_at_dead_letter(as_bytes(text).first(size), text.size());
    CHECK(look.kind == DeadLetterLook::Kind::more);
    CHECK(look.bytes <= text.size());
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 0x41);
    CHECK(look_at_dead_letter(as_bytes(changed), changed.size()).kind !=
          DeadLetterLook::Kind::letter);
  }
  // One byte too many is not its business.
  CHECK(look_at_dead_letter(as_bytes(text + "x"), text.size() + 1).kind ==
        DeadLetterLook::Kind::letter);
}

TEST_CASE("dead letter: what has a right checksum and wrong parts is none") {
  const auto vouched = [](std::string text, std::size_t at, char value) {
    text[at] = value;
    const std::uint32_t sum = crc32c(as_bytes(std::string_view(text).substr(12)),
                                     crc32c(as_bytes(std::string_view(text).substr(0, 8))));
    std::memcpy(text.data() + 8, &sum, sizeof(sum));
    return look_at_dead_letter(as_bytes(text), text.size()).kind == DeadLetterLook::Kind::letter;
  };
  const std::string text = letter_of("hi");
  CHECK(vouched(text, 40, 8));
  CHECK_FALSE(vouched(text, 40, 9));    // no severity
  CHECK_FALSE(vouched(text, 32, 2));    // no flag
  CHECK_FALSE(vouched(text, 43, 1));    // must be zero
  CHECK_FALSE(vouched(text, 55, 1));    // behind the body
  CHECK_FALSE(vouched(text, 34, 2));    // headers that are none: "hi"
  CHECK_FALSE(vouched(text, 12, 100));  // a body beyond its end
  CHECK_FALSE(vouched(text, 4, 0x40));  // longer than its parts
}

TEST_CASE("dead letter: a file is read through any window, whatever lies between the letters") {
  const std::string small = letter_of("small"), large = letter_of(std::string(500, 'x'));
  for (const std::size_t window :
       std::initializer_list<std::size_t>{1, 8, 48, 100, 1000, 100'000}) {
    CAPTURE(window);
    const Found whole = found_in(small + large + small, window);
    CHECK(whole.bodies == std::vector<std::string>{"small", std::string(500, 'x'), "small"});
    CHECK(whole.damaged == 0);
    CHECK(whole.end == 2 * small.size() + large.size());
    std::string broken = large;
    broken[100] = '?';
    const Found damaged = found_in(small + broken + small + large.substr(0, 200), window);
    CHECK(damaged.bodies == std::vector<std::string>{"small", "small"});
    CHECK(damaged.damaged == large.size());
    CHECK(damaged.end == 2 * small.size() + large.size());
  }
  CHECK(found_in("").bodies.empty());
  CHECK(found_in(std::string(1000, '\0')).end == 0);
  for (std::size_t size = 0; size < small.size(); ++size)
    CHECK(found_in(large + small.substr(0, size)).end == large.size());
}

TEST_CASE("dead letter: a file that is shorter than it was said to be ends where it ends") {
  const std::string text = letter_of("one");
  DeadLetterReader reader(text.size() * 3);
  REQUIRE(reader.next() == DeadLetterReader::Step::read);
  std::copy_n(as_bytes(text).begin(), text.size(), reader.room().begin());
  reader.filled(text.size());
  CHECK(reader.next() == DeadLetterReader::Step::letter);
  REQUIRE(reader.next() == DeadLetterReader::Step::read);
  CHECK(reader.read_at() == text.size());
  reader.filled(0);
  CHECK(reader.next() == DeadLetterReader::Step::end);
}

TEST_CASE("refusals: marks and their reasons, of which there are few") {
  std::array<Refusals::Reason, 20> marks = {};
  Refusals refusals(marks);
  for (std::size_t index = 0; index < 12; ++index)
    refusals.add(index, refusals.reason(concat("reason ", index)));
  CHECK(refusals.count() == 12);
  CHECK(refusals.why(3) == "reason 3");
  CHECK(refusals.why(11) == "reason 7");
  CHECK(refusals.reason("reason 2") == 3);
  CHECK_FALSE(refusals.has(12));
  CHECK_FALSE(refusals.has(1000));
  refusals.done(3);
  CHECK(refusals.count() == 11);
  CHECK_FALSE(refusals.has(3));
  refusals.clear();
  CHECK_FALSE(refusals.any());
  CHECK_FALSE(refusals.has(0));
  refusals.add(5, refusals.reason(std::string(300, 'r')));
  CHECK(refusals.why(5) == std::string(200, 'r'));
}
