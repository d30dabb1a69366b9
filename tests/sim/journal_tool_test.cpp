// Goal: `runnel journal` says what is in a journal, gets its events out with their times, and makes
// a whole journal of a damaged one without touching it. Method: journals laid out by a builder on a
// simulated machine.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/sim/journal_bench.hpp"

using namespace runnel;
using namespace runnel::journal_tool_tests;

TEST_CASE("journal tool: a whole journal is described, verified and exported") {
  Bench bench;
  Laid laid;
  laid.add(3);
  laid.builder.gap({12, 345, {5'000'000'000, true}, {6'000'000'000, true}});
  laid.blocks.push_back(laid.builder.seal());
  laid.builder.leave_out(7, 800);
  laid.add(1);
  laid.builder.cursors(2, {{"shipper", 100, 0, laid.blocks[0], 1}});
  bench.put(laid.builder.text());

  const Outcome verified = bench.run(Action::verify);
  CHECK(verified.exit_code == exit_codes::ok);
  CHECK(verified.out == "/var/dead.journal: whole; 5 blocks, 40 events and 1 gaps were read\n");

  JournalRequest request{.path = path, .new_path = {}, .blocks = true};
  const Outcome inspected = bench.run(request);
  CHECK(inspected.exit_code == exit_codes::ok);
  CHECK(inspected.says("journal, version 1: 1MiB in 4 segments of 252KiB"));
  CHECK(inspected.says("segment 1 (number 0, at 16384): 5 blocks, 1 to 6; 40 events, 1 gaps"));
  CHECK(inspected.says("  block 6 at " + std::to_string(laid.blocks[4]) + ": events 37 to 47"));
  CHECK(inspected.says("total: 5 blocks, 40 events, 1 gaps"));
  CHECK(inspected.says("  shipper: position 100, block 1 at 20480, at most 40 events to go\n"));
  CHECK(inspected.says("no damage"));

  const Outcome exported = bench.run(Action::export_events);
  CHECK(exported.exit_code == exit_codes::ok);
  CHECK(exported.lines() == 41);
  CHECK(
      exported.out.starts_with("{\"time\":\"2023-11-14T22:13:20.000000Z\",\"source\":\"source-0\","
                               "\"body\":\"event number 0 of a device\"}\n"));
  CHECK(exported.says(
      "{\"gap\":{\"events\":12,\"bytes\":345,\"from\":\"2023-11-14T22:13:25.000000Z\","
      "\"to\":\"2023-11-14T22:13:26.000000Z\"}}\n"));
  CHECK(exported.said == "/var/dead.journal: 40 events exported\n");

  request.action = Action::export_events;
  request.format = JournalRequest::Format::text;
  request.from = 2;
  request.until = 4;
  const Outcome part = bench.run(request);
  CHECK(part.lines() == 21);
  CHECK(part.out.starts_with("event number 10 of a device\n"));
  CHECK(part.out.ends_with("event number 29 of a device\n[runnel: 12 events dropped]\n"));
}

TEST_CASE("journal tool: times are those of the boot that they were counted in") {
  // Goal: a block takes the clock of its own boot, also one that was set only later; events of a
  // boot that never knew the time say so. Method: three boots, the first learns the time late.
  Bench bench;
  JournalBuilder builder;
  const auto event_at = [&](std::string_view body, pipeline::Time time) {
    pipeline::Event event;
    event.time = time;
    builder.event(body, event);
    builder.seal();
  };
  builder.clock_offset_ns = 12'000'000'000;  // the machine believes in 1970
  event_at("early", {1'000'000'000, true});
  builder.clock_offset_ns = 1'700'000'000'000'000'000;
  event_at("later", {2'000'000'000, true});
  builder.boot[0] = std::byte{99};
  builder.clock_offset_ns = journal::clock_not_set;
  event_at("never", {3'000'000'000, true});
  event_at("stated", {1'600'000'000'000'000'000, false});
  builder.boot[0] = std::byte{77};
  builder.clock_offset_ns = 1'800'000'000'000'000'000;
  event_at("last", {0, true});
  const Outcome exported = bench.run(Action::export_events, builder.text());
  CHECK(exported.says(
      "{\"time\":\"2023-11-14T22:13:21.000000Z\",\"source\":\"source-0\",\"body\":\"early\"}"));
  CHECK(exported.says(
      "{\"time\":\"2023-11-14T22:13:22.000000Z\",\"source\":\"source-0\",\"body\":\"later\"}"));
  CHECK(
      exported.says("{\"time\":\"1970-01-01T00:00:03.000000Z\",\"source\":\"source-0\","
                    "\"headers\":{\"clock\":\"since boot\"},\"body\":\"never\"}"));
  CHECK(exported.says(
      "{\"time\":\"2020-09-13T12:26:40.000000Z\",\"source\":\"source-0\",\"body\":\"stated\"}"));
  CHECK(exported.says(
      "{\"time\":\"2027-01-15T08:00:00.000000Z\",\"source\":\"source-0\",\"body\":\"last\"}"));
}

TEST_CASE(
    "journal tool: the ring is read by generation, and leftovers of the last round do not count") {
  Bench bench;
  const Laid laid = a_full_ring();
  const Outcome exported = bench.run(Action::export_events, laid.builder.text());
  CHECK(exported.exit_code == exit_codes::ok);
  // Of five segments' worth the first was written over.
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < exported.out.size();) {
    const std::size_t end = exported.out.find('\n', at);
    lines.push_back(exported.out.substr(at, end - at));
    at = end + 1;
  }
  REQUIRE(lines.size() > 1900);
  const int first = laid.events - static_cast<int>(lines.size());
  CHECK(first % 10 == 0);
  for (std::size_t index = 0; index < lines.size(); ++index)
    CHECK(lines[index].find(body_of(first + static_cast<int>(index)) + '"') != std::string::npos);
}

TEST_CASE("journal tool: what is no journal, or no longer one") {
  Bench bench;
  Laid laid;
  laid.add(1);
  const auto complaint = [&](std::string_view file) {
    const Outcome outcome = bench.run(Action::export_events, file);
    CHECK(outcome.exit_code == exit_codes::damaged);
    CHECK(outcome.out.empty());
    return outcome.said;
  };
  CHECK(complaint("").find("not a journal") != std::string::npos);
  CHECK(complaint("a text").find("not a journal") != std::string::npos);
  CHECK(complaint(std::string(1 << 20, '\0')).find("not a journal") != std::string::npos);
  std::string both = laid.builder.text();
  destroy(both, 8, 60);
  destroy(both, journal::superblock_pages[1] + 8, 60);
  CHECK(complaint(both).find("superblock is damaged") != std::string::npos);
  JournalRequest request;
  request.path = "/var/nothing";
  CHECK(bench.run(request).exit_code == exit_codes::io);
  request.path = "/var";
  CHECK(bench.run(request).exit_code == exit_codes::io);
}

TEST_CASE("journal tool: a running agent's journal is looked at with a warning and not repaired") {
  Bench bench;
  Laid laid;
  laid.add(1);
  bench.put(laid.builder.text());
  sim::SimSystem agent(bench.machine());
  std::uint32_t holder = 0;
  const auto lock = agent.lock_file("/var/dead.journal.lock", holder);
  REQUIRE(lock.has_value());
  const Outcome verified = bench.run(Action::verify);
  CHECK(verified.exit_code == exit_codes::ok);
  CHECK(verified.said.find("in use by a running agent, process 1000") != std::string::npos);
  JournalRequest request;
  request.action = Action::repair;
  request.path = path;
  request.new_path = "/var/new.journal";
  CHECK(bench.run(request).exit_code == exit_codes::unavailable);
  CHECK_FALSE(bench.files().exists("/var/new.journal"));
}

TEST_CASE(
    "journal tool: repair makes a whole journal of what can be read, and leaves the old one "
    "alone") {
  Bench bench;
  const Laid laid = a_full_ring();
  std::string damaged = laid.builder.text();
  damaged.replace(static_cast<std::size_t>(laid.blocks[200]), 4096, 4096, '\0');
  destroy(damaged, laid.blocks[270], 100);
  destroy(damaged, 0, 4096);
  // The header of the segment with block 150.
  const std::uint64_t segment_bytes = laid.builder.superblock().segment_bytes;
  destroy(damaged, laid.blocks[150] - (laid.blocks[150] - journal::data_begin) % segment_bytes,
          4096);
  bench.put(damaged);
  const std::string events = bench.run(Action::export_events).out;

  JournalRequest request;
  request.action = Action::repair;
  request.path = path;
  request.new_path = "/var/new.journal";
  const Outcome repaired = bench.run(request);
  CHECK(repaired.exit_code == exit_codes::ok);
  CHECK(repaired.says("; 4 places are damaged; 20 events"));
  CHECK(*bench.files().text(path) == damaged);
  CHECK(*bench.files().durable_text("/var/new.journal") == *bench.files().text("/var/new.journal"));

  request.path = "/var/new.journal";
  request.action = Action::export_events;
  CHECK(bench.run(request).out == events);
  request.action = Action::verify;
  const Outcome verified = bench.run(request);
  // What is missing stays missing, and is all that is wrong.
  CHECK(verified.says("20 events between the first block and the last are missing"));
  request.action = Action::inspect;
  CHECK(bench.run(request).says("  out: position"));
  // Readers stand where they stood: in the same block, wherever that lies now.
  const std::string now = *bench.files().text("/var/new.journal");
  const auto part = [&](std::uint64_t at) {
    return as_bytes(std::string_view(now).substr(static_cast<std::size_t>(at), 4096));
  };
  const auto superblock = journal::decode_superblock(part(0));
  REQUIRE(superblock.has_value());
  CHECK(superblock->salt != laid.builder.superblock().salt);
  const auto page = journal::decode_cursors(part(journal::cursor_pages[0]), superblock->salt);
  REQUIRE(page.has_value());
  REQUIRE(page->cursors.size() == 2);
  CHECK(page->cursors[0].sequence == 300);
  CHECK(page->cursors[0].block_at == 0);
  CHECK(page->cursors[1].sequence == 300);
  const auto block = journal::decode_block_header(part(page->cursors[1].block_at));
  REQUIRE(block.has_value());
  CHECK(block->sequence == 300);

  request.action = Action::repair;
  request.new_path = "/var/new.journal";
  request.path = path;
  CHECK(bench.run(request).exit_code == exit_codes::io);  // exists
}

TEST_CASE("journal tool: a sink that reads no more is released, and nobody else") {
  // Goal: one cursor goes, durably, the others stay as they are, and nothing else of the file
  // changes; never while an agent runs. Method: two cursors; the page that the agent would write
  // next.
  Bench bench;
  Laid laid;
  laid.add(2);
  laid.builder.cursors(7, {{"gone", 0, 0, laid.blocks[0], 1}, {"stays", 8, 0, laid.blocks[0], 1}});
  const std::string before = laid.builder.text();
  bench.put(before);
  JournalRequest request;
  request.action = Action::release;
  request.path = path;
  request.sink = "gnoe";
  CHECK(bench.run(request).exit_code == exit_codes::usage);
  CHECK(*bench.files().text(path) == before);
  request.sink = "gone";
  const Outcome released = bench.run(request);
  CHECK(released.exit_code == exit_codes::ok);
  CHECK(released.says("its readers: stays\n"));
  const std::string now = *bench.files().durable_text(path);
  const auto page_at = static_cast<std::size_t>(journal::cursor_pages[0]);
  const auto page = journal::decode_cursors(as_bytes(std::string_view(now).substr(page_at, 4096)),
                                            laid.builder.superblock().salt);
  REQUIRE(page.has_value());
  CHECK(page->generation == 8);
  REQUIRE(page->cursors.size() == 1);
  CHECK(page->cursors[0].name == "stays");
  CHECK(page->cursors[0].position == 8);
  CHECK(now.substr(0, page_at) == before.substr(0, page_at));
  CHECK(now.substr(page_at + 4096) == before.substr(page_at + 4096));
  CHECK(bench.run(Action::inspect).out.find("gone") == std::string::npos);

  sim::SimSystem agent(bench.machine());
  std::uint32_t holder = 0;
  REQUIRE(agent.lock_file("/var/dead.journal.lock", holder).has_value());
  request.sink = "stays";
  CHECK(bench.run(request).exit_code == exit_codes::unavailable);
  CHECK(*bench.files().text(path) == now);
}
