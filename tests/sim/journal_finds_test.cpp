// Goal: what the swarm found in the journal stays mended. Method: each find as a short story, told
// in several worlds where it takes an accident of the disk to bring it about.
#include <algorithm>
#include <set>

#include "tests/sim/journal_bench.hpp"
#include "tests/sim/journal_world.hpp"
#include "tests/support/pace.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

using Process = std::unique_ptr<JournalProcess>;

const std::uint64_t worlds = test::paced(40, 10);

std::set<int> all_that_come(SimMachine& machine) {
  Process process = opened(machine);
  process->record();
  process->run_for(2s);
  const std::vector<int> found = process->numbers();
  CHECK(process->gap_events == 0);
  CHECK(process->counters().damaged_events == 0);
  process->shut();
  return {found.begin(), found.end()};
}

}  // namespace

// It went round for ever, in one turn of the loop.
TEST_CASE("journal: a stop while a block is read back ends") {
  SimWorld world(1, SimOptions::rough());
  Process process = opened(world.machine());
  process->put_numbers(0, 1000);
  process->shut();
  for (int step = 0; step < 40; ++step) {
    process.reset();
    process = opened(world.machine());
    process->record(false);
    process->run_for(step * 50us);
    process->shut();
  }
  process.reset();
  CHECK(all_that_come(world.machine()).size() == 1000);
}

// The kernel tells of it once, and to one process: the next one took what it read for durable.
TEST_CASE("journal: what a failed sync has cost is made good by the process that comes after") {
  for (std::uint64_t seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    SimWorld world(seed, SimOptions::rough());
    Process process = opened(world.machine());
    world.options().sync_errors = 1'000'000;
    process->put_numbers(0, 300);
    process->run_for(80ms);
    CHECK(process->channel->custody() < process->channel->head());
    JournalProcess::kill(std::move(process), false);
    world.options().sync_errors = 0;
    process = opened(world.machine());
    // It knows of so many, and who has them from it now relies on them.
    const bool any = process->run_until([&] { return process->subscription->lag_bytes() > 0; }, 1s);
    process->record(false);
    process->run_for(1s);
    const std::vector<int> known = process->numbers();
    CHECK(any == !known.empty());
    JournalProcess::kill(std::move(process), true);
    const std::set<int> found = all_that_come(world.machine());
    for (const int number : known) CHECK(found.count(number) == 1);
  }
}

// A sync of the sinks' places that failed took blocks with it that were synced, with success,
// after.
TEST_CASE("journal: any sync that fails is a failure for all that was written before it") {
  std::size_t in_custody = 0;
  for (std::uint64_t seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    SimWorld world(seed, SimOptions::rough());
    Process process = opened(world.machine(), {{"cursor_interval", "10ms"}, {"block_age", "5ms"}});
    process->record(false);
    std::vector<pipeline::Position> behind;
    for (int put = 0; put < 400; ++put) {
      process->put(JournalProcess::body_of(put, 150));
      behind.push_back(process->channel->head());
      if (put % 5 == 0) process->run_for(20ms);
      // Some are acknowledged, so that there are places to write down.
      if (put % 50 == 0) process->acknowledge_all();
      world.options().sync_errors = put > 100 && put % 40 < 20 ? 500'000 : 0;
    }
    const auto events_before = [&](pipeline::Position position) {
      return static_cast<int>(std::upper_bound(behind.begin(), behind.end(), position) -
                              behind.begin());
    };
    const int safe = events_before(process->channel->custody());
    const int taken = events_before(process->subscription->watermark());
    in_custody += static_cast<std::size_t>(safe - taken);
    JournalProcess::kill(std::move(process), true);
    const std::set<int> found = all_that_come(world.machine());
    for (int number = taken; number < safe; ++number) CHECK(found.count(number) == 1);
  }
  CHECK(in_custody > 0);
}

// A hole at the end of a segment looked like room that nobody had used.
TEST_CASE("journal: blocks behind a hole at a segment's end are torn, too") {
  for (std::uint64_t seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    SimWorld world(seed, SimOptions::rough());
    // Some hundred blocks that are written and not yet synced, over more than one segment.
    Process process = opened(world.machine(), {{"sync", "20ms"}});
    world.options().sync_latency = {10s, 20s};
    process->put_numbers(0, 1600);
    process->run_for(300ms);
    CHECK(process->counters().stored_events > 0);
    JournalProcess::kill(std::move(process), true);
    world.options().sync_latency = {100us, 1ms};
    const std::set<int> found = all_that_come(world.machine());
    // No hole in what is there: nothing was promised, and what is left is a beginning.
    CHECK((found.empty() || *found.rbegin() + 1 == static_cast<int>(found.size())));
  }
}

// The gap was known to the process alone, and went with it.
TEST_CASE("journal: what was dropped and nobody was told of, is told after a restart") {
  const OptionTexts texts = {{"when_full", "drop_oldest"}};
  constexpr int put = 20'000;
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    SimWorld world(1);
    Process process = opened(world.machine(), texts);
    for (int number = 0; number < put; ++number)
      while (!process->try_put(JournalProcess::body_of(number, 100))) process->run_for(1ms);
    process->run_for(500ms);
    const std::uint64_t dropped = process->counters().dropped_events;
    CHECK(dropped > 1000);
    if (killed) {
      JournalProcess::kill(std::move(process), false);
    } else {
      process->shut();
      process.reset();
    }
    process = opened(world.machine(), texts);
    process->record();
    process->run_for(2s);
    const std::vector<int> numbers = process->numbers();
    REQUIRE(!numbers.empty());
    CHECK(numbers == numbers_from(numbers.front(), put));
    CHECK(process->gap_events == static_cast<std::uint64_t>(numbers.front()));
    CHECK(process->gap_events == dropped);
    process->shut();
    // Told once.
    process.reset();
    process = opened(world.machine(), texts);
    process->record();
    process->run_for(2s);
    process->put_numbers(put, put + 10);
    process->run_for(2s);
    CHECK(process->gap_events == 0);
    CHECK(process->numbers() == numbers_from(put, put + 10));
    process->shut();
  }
}

// The first process had made the file, and could not make sure of its name; the second relied on
// it.
TEST_CASE("journal: the file keeps its name, whoever has made it") {
  for (std::uint64_t seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    SimWorld world(seed, SimOptions::rough());
    auto first = std::make_unique<JournalProcess>(world.machine());
    first->reactor.fail_next(io::Verb::sync, Error::io, 1, 1);  // that of the folder
    CHECK_FALSE(first->open().has_value());
    JournalProcess::kill(std::move(first), false);
    Process process = opened(world.machine());
    process->put_numbers(0, 100);
    CHECK(process->run_until([&] { return process->channel->drained(); }, 5s));
    JournalProcess::kill(std::move(process), true);
    CHECK(all_that_come(world.machine()).size() == 100);
  }
}

// A block that could not be read looked like one that a power cut had torn: what followed was
// wiped.
TEST_CASE("journal: what cannot be read at a start is there at the next") {
  SimWorld world(1);
  // One sync for all of them: no block knows that another is durable.
  Process process = opened(world.machine(), {{"sync", "50ms"}});
  process->put_numbers(0, 1000);
  CHECK(process->run_until([&] { return process->channel->drained(); }, 5s));
  JournalProcess::kill(std::move(process), false);
  for (const std::uint32_t pages_before : {4u, 5u, 12u, 13u, 14u, 20u}) {
    CAPTURE(pages_before);
    process = std::make_unique<JournalProcess>(world.machine());
    process->reactor.fail_next(io::Verb::read, Error::io, 7, pages_before);
    const bool readable = process->open().has_value();
    JournalProcess::kill(std::move(process), true);
    CHECK(readable);
    process = std::make_unique<JournalProcess>(world.machine());
    process->reactor.fail_next(io::Verb::read, Error::io, 8, pages_before);
    (void)process->open();
    JournalProcess::kill(std::move(process), true);
  }
  CHECK(all_that_come(world.machine()).size() == 1000);
}

// Where a segment had lost its header, the look for the end began there, and found none.
TEST_CASE("journal: a segment without a header does not hide those before it") {
  for (std::uint64_t seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    SimWorld world(seed, SimOptions::rough());
    Process process = opened(world.machine(), {{"sync", "20ms"}});
    process->put_numbers(0, 200);
    CHECK(process->run_until([&] { return process->channel->drained(); }, 5s));
    // Over several segments, and no sync comes to its end.
    world.options().sync_latency = {10s, 20s};
    process->put_numbers(200, 1800, 120);
    process->run_for(300ms);
    JournalProcess::kill(std::move(process), true);
    world.options().sync_latency = {100us, 1ms};
    process = opened(world.machine());
    process->put_numbers(10'000, 10'100);
    CHECK(process->run_until([&] { return process->channel->drained(); }, 5s));
    JournalProcess::kill(std::move(process), true);
    const std::set<int> found = all_that_come(world.machine());
    for (int number = 0; number < 200; ++number) CHECK(found.count(number) == 1);
    for (int number = 10'000; number < 10'100; ++number) CHECK(found.count(number) == 1);
  }
}

// Blocks said more than the page with the sinks' places, and what nobody had promised was missing.
TEST_CASE("journal: what was given up when a sync failed is not missing after a kill") {
  for (std::uint64_t seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    SimWorld world(seed, SimOptions::rough());
    Process process = opened(world.machine(), {{"sync", "100ms"}});
    process->record(false);
    world.options().sync_errors = 1'000'000;
    process->put_numbers(0, 50);
    process->run_for(250ms);
    CHECK(process->counters().stored_events >= 50);
    process->acknowledge_all();
    process->run_for(20ms);
    world.options().sync_errors = 0;
    process->put_numbers(50, 60);
    process->run_for(20ms);
    process->acknowledge_all();
    process->run_for(50ms);
    process->put_numbers(60, 70);
    process->run_for(90ms);
    JournalProcess::kill(std::move(process), false);
    const std::set<int> found = all_that_come(world.machine());
    CHECK((found.empty() || *found.begin() >= 0));
  }
}

// Such a block lies at the end of its segment for ever when the next one does not fit there: the
// count of that one looked like a hole.
TEST_CASE("journal: a block that was given up hides nothing in the next segment") {
  constexpr int blocks = 29;  // all but the last page of a segment
  SimWorld world(1);
  Process process = opened(world.machine(), {{"sync", "20ms"}});
  process->record(false);
  const auto put = [&](int from, int until) {
    process->put_numbers(from, until);
    process->run_for(60ms);
  };
  for (int number = 0; number < blocks; ++number) put(number, number + 1);
  world.options().sync_errors = 1'000'000;
  put(100, 103);
  // Nor can it be written again, until nobody needs it any more.
  world.options().write_errors = 1'000'000;
  process->run_for(10s);
  process->acknowledge_all();
  process->run_for(1s);
  world.options().sync_errors = world.options().write_errors = 0;
  // Of two pages, and no other block says that it was durable.
  process->put_numbers(1000, 1001, 7500);
  CHECK(process->run_until([&] { return process->channel->drained(); }, 30s));
  JournalProcess::kill(std::move(process), false);
  journal_tool_tests::Bench bench;
  const auto file = world.machine().files().text(journal_path);
  REQUIRE(file.has_value());
  const auto verified = bench.run(journal_tool_tests::Action::verify, *file);
  CHECK(verified.exit_code == 0);
  CHECK(bench.run(journal_tool_tests::Action::export_events, *file).says("1000 "));
  CHECK(all_that_come(world.machine()).count(1000) == 1);
}

// With "never" the places are written, not synced: two of those had both pages torn.
TEST_CASE("journal: a power cut takes the places since the start, not those before") {
  for (std::uint64_t seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    SimWorld world(seed, SimOptions::rough());
    const OptionTexts never_synced = {{"sync", "never"}};
    Process process = opened(world.machine(), never_synced);
    process->record();
    process->put_numbers(0, 300);
    process->run_for(500ms);
    process->shut();
    process.reset();
    process = opened(world.machine(), never_synced);
    process->record();
    for (int number = 300; number < 800; number += 50) {
      process->put_numbers(number, number + 50);
      process->run_for(100ms);
    }
    JournalProcess::kill(std::move(process), true);
    process = opened(world.machine(), never_synced);
    process->record();
    process->run_for(2s);
    for (const int number : process->numbers()) CHECK(number >= 300);
    process->shut();
  }
}

// It said that all was well.
TEST_CASE("journal: a stop says when it is too full for what is in memory") {
  SimWorld world(1);
  Process process = opened(world.machine());
  CHECK(process->store->keeps());
  int number = 0;
  for (int before = -1; number > before; process->run_for(10ms)) {
    before = number;
    while (process->try_put(JournalProcess::body_of(number, 1000))) ++number;
  }
  CHECK_FALSE(process->store->keeps());
  process->channel->close(true);
  CHECK_FALSE(process->complete(process->store->shut()));
  process->stop();
}
