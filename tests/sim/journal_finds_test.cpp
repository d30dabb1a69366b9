// Goal: what the swarm found in the journal stays mended. Method: each find as a short story, told
// in several worlds where it takes an accident of the disk to bring it about.
#include <algorithm>
#include <set>

#include "tests/sim/journal_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

using Process = std::unique_ptr<JournalProcess>;

constexpr std::uint64_t worlds = 40;

Process opened(SimMachine& machine, const OptionTexts& texts = {}) {
  auto process = std::make_unique<JournalProcess>(machine, texts);
  const auto started = process->open();
  if (!started) FAIL(started.error().text);
  return process;
}

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

// It said that all was well.
TEST_CASE("journal: a stop says when it is too full for what is in memory") {
  SimWorld world(1);
  Process process = opened(world.machine());
  CHECK(process->store->keeps());
  int number = 0;
  const auto fill = [&] {
    while (process->try_put(JournalProcess::body_of(number, 1000))) ++number;
    process->run_for(10ms);
    return process->channel->custody() < process->channel->head() && !process->store->keeps();
  };
  for (int round = 0; round < 1000 && !fill(); ++round) continue;
  CHECK_FALSE(process->store->keeps());
  process->channel->close(true);
  CHECK_FALSE(process->complete(process->store->shut()));
  process->stop();
}
