// Goal: `runnel journal` finds every damage, counts what is missing exactly and gets all other
// events out. Method: pages destroyed in turn, bits flipped, tails cut, sectors that cannot be
// read, contents that no agent has written.
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/sim/journal_bench.hpp"

using namespace runnel;
using namespace runnel::journal_tool_tests;

TEST_CASE(
    "journal tool: whatever page is destroyed, all the rest comes out and the count is exact") {
  // Goal: one damaged page never hides more than the block it belongs to, and what is missing is
  // counted exactly. Method: a ring of five segments' worth; each page in turn; the events that
  // come out and those that are said to be missing are all there were.
  Bench bench;
  const Laid laid = a_full_ring();
  const std::string whole = laid.builder.text();
  const std::size_t all = bench.run(Action::export_events, whole).lines();
  // A page of each segment's header, and of blocks at its beginning, middle and end; the first
  // pages.
  std::vector<std::uint64_t> pages{0, 4096, 8192, 12288};
  for (std::uint64_t index = 0; index < 4; ++index)
    for (const std::uint64_t page : {0u, 1u, 2u, 30u, 31u, 61u, 62u})
      pages.push_back(journal::data_begin + index * laid.builder.superblock().segment_bytes +
                      page * 4096);
  for (const std::uint64_t at : pages) {
    CAPTURE(at);
    std::string damaged = whole;
    destroy(damaged, at, 4096);
    const Outcome exported = bench.run(Action::export_events, damaged);
    const bool is_block = at > journal::data_begin &&
                          (at - journal::data_begin) % laid.builder.superblock().segment_bytes != 0;
    const bool leftover = exported.exit_code == exit_codes::ok;
    if (leftover) {
      // Behind the end of the newest segment lie blocks of the round before.
      CHECK(is_block);
      CHECK(exported.lines() == all);
      continue;
    }
    CHECK(exported.exit_code == exit_codes::damaged);
    const std::size_t lost = all - exported.lines();
    CHECK(lost == (is_block ? 10u : 0u));
    const bool first_or_last = exported.said.find("; 0 events") != std::string::npos;
    if (lost > 0 && !first_or_last)
      CHECK(exported.said.find("; 10 events between the first block and the last are missing") !=
            std::string::npos);
    const Outcome verified = bench.run(Action::verify, damaged);
    CHECK(verified.exit_code == exit_codes::damaged);
    CHECK(verified.says(concat(path, ": byte ", at, ": ")));
    CHECK(bench.run(Action::inspect, damaged).says(concat("damaged: byte ", at)));
  }
}

TEST_CASE("journal tool: damage over several segments; the first and the last block") {
  Bench bench;
  Laid laid;
  laid.add(150);
  const std::string whole = laid.builder.text();
  std::string damaged = whole;
  // From the middle of the first segment into the third: 50 blocks stay in front of it.
  destroy(damaged, laid.blocks[50], static_cast<std::size_t>(laid.blocks[130] - laid.blocks[50]));
  const Outcome verified = bench.run(Action::verify, damaged);
  CHECK(verified.says(concat("byte ", laid.blocks[50], ": ")));
  CHECK(verified.says("800 events between the first block and the last are missing"));
  CHECK(bench.run(Action::export_events, damaged).lines() == 700);

  damaged = whole;
  destroy(damaged, laid.blocks[149], 1);  // nothing follows, and its header says that it was one
  CHECK(bench.run(Action::verify, damaged).exit_code == exit_codes::damaged);
  CHECK(bench.run(Action::export_events, damaged).lines() == 1490);
}

TEST_CASE("journal tool: every single flipped bit of a block and its header is noticed") {
  Bench bench;
  Laid laid;
  laid.add(3);
  const std::string whole = laid.builder.text();
  const auto header = journal::decode_block_header(
      as_bytes(std::string_view(whole).substr(static_cast<std::size_t>(laid.blocks[1]))));
  REQUIRE(header.has_value());
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    const std::size_t bit = random() % ((journal::BlockHeader::bytes + header->payload_bytes) * 8);
    damaged[static_cast<std::size_t>(laid.blocks[1]) + bit / 8] ^= static_cast<char>(1 << bit % 8);
    const Outcome verified = bench.run(Action::verify, damaged);
    CHECK(verified.exit_code == exit_codes::damaged);
    CHECK(verified.says(concat("byte ", laid.blocks[1], ": ")));
    CHECK(verified.says("10 events between the first block and the last are missing"));
  }
}

TEST_CASE("journal tool: a tail that is cut off, at any length, leaves the blocks in front of it") {
  Bench bench;
  Laid laid;
  laid.add(20);
  const std::string whole = laid.builder.text();
  for (std::size_t size = journal::data_begin + 4096; size < laid.blocks.back() + 8192;
       size += 1511) {
    const Outcome exported =
        bench.run(Action::export_events, std::string_view(whole).substr(0, size));
    CHECK(exported.exit_code == exit_codes::damaged);
    std::size_t complete = 0;
    for (const std::uint64_t at : laid.blocks)
      if (at + 4096 <= size) ++complete;
    CHECK(exported.lines() == 10 * complete);
  }
}

TEST_CASE("journal tool: sectors that cannot be read cost what is in them") {
  // Goal: a failing medium gives what it still gives, and the tool ends. Method: reads that fail
  // now and then; what comes out is some of the events, each whole, and none is made up.
  Bench bench;
  const Laid laid = a_full_ring();
  const std::string all = bench.run(Action::export_events, laid.builder.text()).out;
  bench.options().read_errors = 150'000;
  std::size_t fewest = SIZE_MAX;
  for (int round = 0; round < 10; ++round) {
    const Outcome exported = bench.run(Action::export_events);
    fewest = std::min(fewest, exported.lines());
    for (std::size_t at = 0; at < exported.out.size();) {
      const std::size_t end = exported.out.find('\n', at) + 1;
      CHECK(all.find(exported.out.substr(at, end - at)) != std::string::npos);
      at = end;
    }
    if (exported.out != all) CHECK(exported.exit_code == exit_codes::damaged);
  }
  CHECK(fewest < static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n')));
}

TEST_CASE("journal tool: blocks with a right checksum and wrong contents are damage, not events") {
  Bench bench;
  for (const auto codec : {journal::BlockCodec::none, journal::BlockCodec::zstd}) {
    Laid laid;
    laid.builder.codec = codec;
    laid.add(2);
    std::string record(64, '\0');
    record[0] = 72;  // more than there is
    record[4] = 1;
    laid.builder.raw(record, 1);
    const std::uint64_t at = laid.builder.seal();
    laid.builder.raw(std::string(48, '\0'), 2);  // records that would never end
    laid.builder.seal();
    laid.builder.event("two are said to be here");
    laid.builder.raw({}, 1);
    laid.builder.seal();
    laid.add(1);
    const Outcome verified = bench.run(Action::verify, laid.builder.text());
    CHECK(verified.exit_code == exit_codes::damaged);
    CHECK(verified.says(concat("byte ", at, ": a record is larger than what is left")));
    CHECK(verified.says("3 places are damaged; 5 events"));
    CHECK(bench.run(Action::export_events).lines() == 30);
  }
}

TEST_CASE("journal tool: whole blocks that a crash left behind the end are not read again") {
  // Goal: what lies behind a torn block, and was written before a restart that put newer blocks in
  // front of it, is not taken for what follows. Method: a long journal of epoch 1, over whose first
  // blocks one of epoch 2 with later sequences is laid.
  Bench bench;
  Laid old;
  old.add(5);
  Laid now;
  now.add(1);
  now.builder.epoch = 2;
  for (int index = 0; index < 20; ++index) now.builder.leave_out(0, 400);
  now.add(1);
  std::string file = now.builder.text();
  const std::string before = old.builder.text();
  const std::size_t from = static_cast<std::size_t>(old.blocks[2]);
  file.replace(from, 3 * 4096, before, from, 3 * 4096);
  const Outcome verified = bench.run(Action::verify, file);
  CHECK(verified.exit_code == exit_codes::ok);
  CHECK(verified.says("2 blocks, 20 events"));
}
