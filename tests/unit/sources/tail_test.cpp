// Goal: the pure parts of `tail`: patterns, the pool of paths, cutting into lines, fingerprints,
// and the text of the checkpoint, which takes nothing that is damaged. Method: tables of examples;
// every byte of a checkpoint flipped and every prefix cut off; a long random life of the pool
// beside a std::map.
#include <map>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sources/tail/family.hpp"
#include "sources/tail/glob.hpp"
#include "sources/tail/lines.hpp"
#include "sources/tail/path_pool.hpp"
#include "sources/tail/positions.hpp"
#include "sources/tail/settings.hpp"

using namespace runnel;
using namespace runnel::sources::tail;

TEST_CASE("tail: the files of one log are known by their names") {
  for (const char* name : {"/var/log/app.log", "/var/log/app.log.1", "/var/log/app.log.12",
                           "/var/log/app.log-20260131", "/var/log/app.log-2026-01-31_10:20:30",
                           "/var/log/app.log_3", "/var/log/app.log.2026.01"}) {
    CAPTURE(name);
    CHECK(family_of(name) == "/var/log/app.log");
  }
  for (const char* alone :
       {"/log/node1.log", "/log/node-2.log", "/log/app.log.old", "/log/app.log.", "/log/v2"}) {
    CAPTURE(alone);
    CHECK(family_of(alone) == alone);
  }
  CHECK(family_of("/hosts/10.0.0.1").empty());
  CHECK(family_of("/1.2/").empty());
  CHECK(family_of("").empty());
  CHECK(family_of("/log.1/app.log.2") == "/log.1/app.log");
  CHECK(hash_of_family("/a.log.1") == hash_of_family("/a.log"));
  CHECK(hash_of_family("/a.log.1") != hash_of_family("/b.log.1"));
  CHECK(hash_of_family("/10.0.0.1") == 0);
}

TEST_CASE("tail glob: one part") {
  struct Example {
    const char* pattern;
    const char* name;
    bool matches;
  };
  for (const Example& each : std::initializer_list<Example>{
           {"a.log", "a.log", true},
           {"a.log", "a.logs", false},
           {"*.log", "a.log", true},
           {"*.log", ".log", false},
           {".*", ".log", true},
           {"*", "x", true},
           {"*", ".x", false},
           {"?", "x", true},
           {"?", "xy", false},
           {"a?c", "abc", true},
           {"*a*b*", "xxaxxbxx", true},
           {"*a*b*", "xxbxxaxx", false},
           {"a*b*c", "abbbbbbc", true},
           {"[a-c]x", "bx", true},
           {"[a-c]x", "dx", false},
           {"[!a-c]x", "dx", true},
           {"[^a-c]x", "ax", false},
           {"[]]x", "]x", true},
           {"[!]]x", "]x", false},
           {"[a-]x", "-x", true},
           {"[a-]x", "bx", false},
           {"\\*", "*", true},
           {"\\*", "x", false},
           {"x**y", "x--y", true},
           {"log[0-9][0-9]", "log07", true},
           {"log[0-9][0-9]", "log7", false},
           {"*.log", "a.log.1", false},
           {"a*", "a", true},
           {"", "", true},
           {"\xff*", "\xff\xfe", true},
       }) {
    CAPTURE(each.pattern);
    CAPTURE(each.name);
    CHECK(name_matches(each.pattern, each.name) == each.matches);
  }
}

TEST_CASE("tail glob: whole paths, and folders on the way to one") {
  CHECK(path_matches("/var/log/*.log", "/var/log/a.log"));
  CHECK_FALSE(path_matches("/var/log/*.log", "/var/log/x/a.log"));
  CHECK_FALSE(path_matches("/var/log/*.log", "/var/log"));
  CHECK(path_matches("/var/*/a.log", "/var/x/a.log"));
  CHECK(path_matches("/var/**/a.log", "/var/a.log"));
  CHECK(path_matches("/var/**/a.log", "/var/x/y/z/a.log"));
  CHECK_FALSE(path_matches("/var/**/a.log", "/var/x/.y/a.log"));
  CHECK(path_matches("/var/**", "/var/x"));
  CHECK(path_matches("/var/**", "/var/x/y"));
  CHECK_FALSE(path_matches("/var/**", "/var"));
  CHECK(path_matches("/**/log/**/*.txt", "/a/log/b/log/c/x.txt"));
  CHECK_FALSE(path_matches("/**/log/**/*.txt", "/a/lag/b/x.txt"));
  CHECK(path_matches("/a/**/b/*/c", "/a/b/x/b/y/c"));

  CHECK(may_lead_to("/var/log/*.log", "/var"));
  CHECK(may_lead_to("/var/log/*.log", "/var/log"));
  CHECK_FALSE(may_lead_to("/var/log/*.log", "/var/log/x"));
  CHECK_FALSE(may_lead_to("/var/log/*.log", "/opt"));
  CHECK(may_lead_to("/var/*/x/*.log", "/var/a"));
  CHECK(may_lead_to("/var/**/*.log", "/var/a/b/c"));
  CHECK(may_lead_to("/var/*", "/"));
  CHECK(folder_of("/a") == "/");
  CHECK(folder_of("/a/b/c") == "/a/b");
}

TEST_CASE("tail glob: patterns that are refused") {
  for (const char* good : {"/var/log/*.log", "/a", "/**", "/a/[!x]/b", "/a/\\[/b"}) {
    CAPTURE(good);
    CHECK(pattern_problem(good).empty());
  }
  for (const char* bad : {"", "a.log", "./a", "/a/", "/", "/a//b", "/a/../b", "/a/./b", "/a/x**",
                          "/a/[x", "/a/[]", "/a/[!]"}) {
    CAPTURE(bad);
    CHECK_FALSE(pattern_problem(bad).empty());
  }
  CHECK_FALSE(pattern_problem("/" + std::string(1023, 'x')).empty());
  std::string deep;
  for (int part = 0; part < 33; ++part) deep += "/x";
  CHECK_FALSE(pattern_problem(deep).empty());
}

TEST_CASE("tail lines: every byte is a line's, but for the newline") {
  const std::string text("one\n\ntwo\r\n\0three\nrest", 21);
  Lines lines(as_bytes(text));
  std::vector<std::string> seen;
  for (Bytes line; lines.next(line);) seen.emplace_back(as_text(line));
  CHECK(seen == std::vector<std::string>{"one", "", "two\r", std::string("\0three", 6)});
  CHECK(as_text(lines.rest()) == "rest");
  CHECK(lines.consumed() == text.size() - 4);

  Lines none{Bytes()};
  Bytes line;
  CHECK_FALSE(none.next(line));
  CHECK(none.rest().empty());
}

TEST_CASE("tail fingerprint: grows with the file, and knows it from another") {
  const std::string text(300, 'x');
  const auto small = Fingerprint::of(as_bytes(text).first(10));
  CHECK(small.bytes == 10);
  CHECK(small.matches(as_bytes(text)));
  CHECK_FALSE(small.matches(as_bytes(text).first(9)));
  CHECK(Fingerprint::of(as_bytes(text)).bytes == 256);
  CHECK_FALSE(small.matches(as_bytes("other text here")));
  CHECK(Fingerprint().matches(Bytes()));
}

namespace {

struct Kept {
  std::uint64_t device, inode, offset;
  Fingerprint fingerprint;
  std::string path;
};

std::string written(const std::vector<Kept>& files) {
  std::string storage(64 * 1024, '\0');
  TextWriter out{std::span<char>(storage)};
  write_first_line(out);
  for (const Kept& each : files)
    write_position(out, {each.device, each.inode, each.fingerprint, each.offset, each.path});
  write_last_line(out, files.size(), crc32c(as_bytes(out.text())));
  return std::string(out.text());
}

PositionsRead read(std::string_view text, std::vector<Kept>& into) {
  return read_positions(text, [&](const SavedPosition& each) {
    into.push_back(
        {each.device, each.inode, each.offset, each.fingerprint, std::string(each.path)});
    return true;
  });
}

const std::vector<Kept> examples = {
    {2049, 131090, 18812, {256, 3808858755}, "/var/log/dpkg.log"},
    {0, 1, UINT64_MAX, {0, 0}, "/with space/100%/\x01\x7f\n\xc3\xa4"},
    {UINT64_MAX, UINT64_MAX, 0, {1, 7}, "/" + std::string(1022, ' ')},
};

}  // namespace

TEST_CASE("tail checkpoint: what is written is read back") {
  for (std::size_t count = 0; count <= examples.size(); ++count) {
    const std::vector<Kept> files(examples.begin(),
                                  examples.begin() + static_cast<std::ptrdiff_t>(count));
    std::vector<Kept> back;
    CHECK(read(written(files), back) == PositionsRead::whole);
    REQUIRE(back.size() == count);
    for (std::size_t index = 0; index < count; ++index) {
      CHECK(back[index].device == files[index].device);
      CHECK(back[index].inode == files[index].inode);
      CHECK(back[index].offset == files[index].offset);
      CHECK(back[index].fingerprint == files[index].fingerprint);
      CHECK(back[index].path == files[index].path);
    }
  }
  char storage[4000];
  TextWriter line{std::span<char>(storage)};
  write_position(line, {UINT64_MAX, UINT64_MAX, {256, UINT32_MAX}, UINT64_MAX, examples[2].path});
  CHECK(line.size() <= position_line_bytes_max);
}

TEST_CASE("tail checkpoint: the example in the header is a valid one") {
  const std::string example =
      "runnel tail checkpoint 1\n"
      "2049 131090 256 3808858755 18812 /var/log/dpkg.log\n"
      "end 1 1869294005\n";
  CHECK(written({examples[0]}) == example);
  std::vector<Kept> back;
  CHECK(read(example, back) == PositionsRead::whole);
}

TEST_CASE("tail checkpoint: nothing damaged is taken, and no later version") {
  const std::string good = written(examples);
  std::vector<Kept> back;
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(read(good.substr(0, size), back) == PositionsRead::damaged);
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x04);
    CAPTURE(at);
    CHECK(read(bad, back) != PositionsRead::whole);
  }
  CHECK(read(good + good, back) == PositionsRead::damaged);
  CHECK(read(good + "\n", back) == PositionsRead::damaged);
  CHECK(read(std::string(5000, '\0'), back) == PositionsRead::damaged);
  CHECK(read("runnel tail checkpoint 2\nanything\n", back) == PositionsRead::unknown_version);
  CHECK(back.empty());
  CHECK(read_positions(good, [](const SavedPosition&) { return false; }) == PositionsRead::refused);
}

TEST_CASE("tail path pool: texts stay what they were through any life") {
  std::vector<std::byte> memory(4096);
  std::vector<PathPool::Place> places(64);
  PathPool pool(memory, places);
  std::map<PathPool::Id, std::string> model;
  std::mt19937 random(7);
  int full = 0;
  for (int step = 0; step < 100'000; ++step) {
    if (model.empty() || random() % 2 == 0) {
      const std::string prefix(random() % 10, 'p');
      const std::string text(random() % 200, static_cast<char>('a' + random() % 26));
      const auto id = pool.add(as_bytes(prefix), text);
      if (id == PathPool::none) {
        ++full;
        continue;
      }
      REQUIRE(model.emplace(id, text).second);
      REQUIRE(pool.with_prefix(id).size() == prefix.size() + text.size());
    } else {
      auto victim = model.begin();
      std::advance(victim, random() % model.size());
      pool.remove(victim->first);
      model.erase(victim);
    }
    if (step % 64 != 0) continue;
    for (const auto& [id, text] : model) {
      REQUIRE(pool.text(id) == text);
      REQUIRE(pool.c_str(id)[text.size()] == '\0');
    }
  }
  CHECK(full > 0);
  for (const auto& [id, text] : model) pool.remove(id);
  CHECK(pool.add({}, std::string(4000, 'x')) != PathPool::none);
}

TEST_CASE("tail options: combinations are checked, and a sink's path is seen") {
  pipeline::OptionValues values;
  values.set("paths", std::vector<std::string>{"/var/log/*.log", "/data/**"});
  pipeline::fill_standard(options(), values);
  const auto settings = check(values);
  REQUIRE(settings.has_value());
  CHECK(settings->names("/var/log/syslog.log"));
  CHECK(settings->names("/data/logs/2026.log"));
  CHECK_FALSE(settings->names("/srv/a.log"));
  CHECK(settings->buffer_bytes() == 128 * 1024);

  values.set("paths", std::vector<std::string>{"log/*.log"});
  REQUIRE_FALSE(check(values).has_value());
  CHECK(check(values).error().option == "paths");
  values.set("paths", std::vector<std::string>{});
  CHECK_FALSE(check(values).has_value());
}
