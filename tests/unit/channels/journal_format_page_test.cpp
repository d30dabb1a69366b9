// Goal: docs/journal-format.md says what the code does. Method: its examples, byte for byte, in
// both directions.
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "channels/journal/format.hpp"
#include "channels/journal/records.hpp"
#include "tests/support/journal_builder.hpp"

using namespace runnel;
using namespace runnel::channels::journal;

namespace {

using Page = std::vector<std::byte>;

std::string format_page() {
  std::ifstream file(RUNNEL_DOCS "/journal-format.md");  // set by tests/CMakeLists.txt
  CHECK_MESSAGE(file.good(), "docs/journal-format.md is missing");
  return {std::istreambuf_iterator<char>(file), {}};
}

// The bytes of one example: lines of "offset  bytes  meaning".
Page example(const std::string& page, const std::string& name) {
  const std::string mark = "<!-- example " + name + " -->";
  const std::size_t begin = page.find(mark), end = page.find("<!-- /example -->", begin);
  REQUIRE(begin != page.npos);
  REQUIRE(end != page.npos);
  std::istringstream lines(page.substr(begin + mark.size(), end - begin - mark.size()));
  Page bytes;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with("```")) continue;
    CHECK(std::stoul(line, nullptr, 16) == bytes.size());
    const std::size_t from = line.find("  ") + 2;
    for (std::size_t at = from; at + 1 < line.size() && line[at] != ' '; at += 3)
      bytes.push_back(static_cast<std::byte>(std::stoul(line.substr(at, 2), nullptr, 16)));
  }
  return bytes;
}

Bytes part(const std::string& file, std::uint64_t at, std::size_t bytes) {
  return as_bytes(std::string_view(file).substr(static_cast<std::size_t>(at), bytes));
}
bool same(Bytes a, const Page& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

}  // namespace

TEST_CASE("journal format: the page's examples are what the code writes and reads") {
  test::JournalBuilder builder;
  builder.codec = BlockCodec::none;
  pipeline::Event event;
  event.time = {5, true};
  event.source = 1;
  builder.event("hi", event);
  const std::uint64_t block_at = builder.seal();
  builder.cursors(2, {{"out", builder.position(), builder.ordinal(), 0, 0}});
  const std::string file = builder.text();
  const std::string page = format_page();

  const Page superblock = example(page, "superblock");
  REQUIRE(superblock.size() == superblock_bytes);
  CHECK(same(part(file, 0, superblock_bytes), superblock));
  CHECK(same(part(file, superblock_pages[1], superblock_bytes), superblock));
  const Page segment = example(page, "segment");
  REQUIRE(segment.size() == segment_header_bytes);
  CHECK(same(part(file, data_begin, segment_header_bytes), segment));
  const Page block = example(page, "block");
  REQUIRE(block.size() == BlockHeader::bytes + 32);
  CHECK(block_at == data_begin + page_bytes);
  CHECK(same(part(file, block_at, block.size()), block));
  // Of the page of cursors, the example leaves out zeros and shows the checksum in the text.
  Page cursors = example(page, "cursors");
  cursors.resize(page_bytes);
  const std::string_view crc_mark = "last four bytes, `";
  const std::size_t crc_at = page.find(crc_mark);
  REQUIRE(crc_at != page.npos);
  for (std::size_t index = 0; index < 4; ++index)
    cursors[page_bytes - 4 + index] = static_cast<std::byte>(
        std::stoul(page.substr(crc_at + crc_mark.size() + 3 * index, 2), nullptr, 16));
  CHECK(same(part(file, cursor_pages[0], page_bytes), cursors));

  // And the other way round, from the page alone.
  const auto read = decode_superblock(superblock);
  REQUIRE(read.has_value());
  const auto header = decode_block_header(block);
  REQUIRE(header.has_value());
  CHECK(is_whole(*header, block, read->salt));
  CHECK(decode_segment(segment, read->salt).has_value());
  CHECK(decode_cursors(cursors, read->salt)->cursors.front().name == "out");
  const std::vector<std::byte> raw(block.begin() + BlockHeader::bytes, block.end());
  CHECK(check_records(raw).events == 1);
  CHECK(as_text(pipeline::Record(raw.data()).body()) == "hi");
}
