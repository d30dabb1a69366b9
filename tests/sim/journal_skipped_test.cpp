// Goal: events that sinks took before they had to be written are not taken for lost ones, neither
// by a restart nor by the restart after that. Method: a journal that writes seldom, a sink that
// keeps up and then falls behind, and kills at that point.
#include "tests/sim/journal_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

using Process = std::unique_ptr<JournalProcess>;

// Three thousand events that are written, a thousand that a sink takes before they have to be, and
// then it acknowledges nothing more, though there is more than memory has room for.
void put_and_fall_behind(JournalProcess& process) {
  process.record(false);
  const auto put = [&](int from, int until) {
    for (int number = from; number < until; ++number)
      while (!process.try_put(JournalProcess::body_of(number, 100))) process.run_for(1ms);
  };
  put(0, 3000);
  process.run_for(500ms);
  process.acknowledge_all();
  const std::uint64_t written = process.counters().stored_events;
  CHECK(written > 0);
  for (int number = 3000; number < 4000; number += 25) {
    put(number, number + 25);
    process.run_for(5ms);
    process.acknowledge_all();
  }
  process.run_for(200ms);
  CHECK(process.counters().stored_events - written < 500);
  put(4000, 8000);
  process.run_for(500ms);
}

// Until nothing more comes.
void record_all(JournalProcess& process) {
  process.record();
  std::size_t before = 0;
  do {
    before = process.seen.size();
    process.run_for(2s);
  } while (process.seen.size() > before);
}

}  // namespace

TEST_CASE("journal: what needed no writing is not missing after any number of kills") {
  for (const OptionTexts& texts :
       {OptionTexts{{"sync", "100ms"}}, OptionTexts{{"mode", "overflow"}}}) {
    for (int kills = 1; kills < 4; ++kills) {
      CAPTURE(texts.front().second);
      CAPTURE(kills);
      SimWorld world(1);
      Process process = opened(world.machine(), texts);
      put_and_fall_behind(*process);
      for (int kill = 0; kill < kills; ++kill) {
        JournalProcess::kill(std::move(process), false);
        process = opened(world.machine(), texts);
      }
      record_all(*process);
      const std::vector<int> numbers = process->numbers();
      REQUIRE(!numbers.empty());
      CHECK(numbers.front() <= 4000);
      // Of overflow the last ones were in memory only, in nobody's custody.
      CHECK(numbers.back() >= 6000);
      CHECK(numbers == numbers_from(numbers.front(), numbers.back() + 1));
      CHECK(process->gap_events == 0);
      CHECK(process->counters().damaged_events == 0);
      process->shut();
    }
  }
}

TEST_CASE(
    "journal: what drop_oldest takes right after a start is counted without what was not written") {
  SimWorld world(1);
  const OptionTexts texts = {{"sync", "100ms"}, {"when_full", "drop_oldest"}};
  Process process = opened(world.machine(), texts);
  put_and_fall_behind(*process);
  JournalProcess::kill(std::move(process), false);
  process = opened(world.machine(), texts);
  for (int number = 8000; number < 30'000; ++number)
    while (!process->try_put(JournalProcess::body_of(number, 100))) process->run_for(1ms);
  process->run_for(500ms);
  record_all(*process);
  const std::vector<int> numbers = process->numbers();
  REQUIRE(!numbers.empty());
  CHECK(numbers == numbers_from(numbers.front(), 30'000));
  // From where its place was when it was killed.
  CHECK(process->gap_events >= static_cast<std::uint64_t>(numbers.front()) - 4000);
  CHECK(process->gap_events <= static_cast<std::uint64_t>(numbers.front()) - 3900);
  process->shut();
}

TEST_CASE(
    "journal: a place behind many batches in hand is found again when its segment is reused") {
  // The sink has taken far more blocks than it can go back over one by one, and acknowledges up to
  // somewhere in the middle; then what it has acknowledged is overwritten.
  const OptionTexts texts = {{"size", "4MiB"}, {"cursor_interval", "1h"}};
  for (pipeline::Position eighth = 1; eighth < 8; ++eighth) {
    CAPTURE(eighth);
    SimWorld world(1);
    Process process = opened(world.machine(), texts);
    process->record(false);
    const auto put = [&](int from, int until) {
      for (int number = from; number < until; ++number)
        for (int tries = 0; !process->try_put(JournalProcess::body_of(number, 100)); ++tries) {
          if (tries == 2000) return number;
          process->run_for(1ms);
        }
      return until;
    };
    REQUIRE(put(0, 30'000) == 30'000);
    process->run_for(500ms);
    const pipeline::Position event = process->channel->head() / 30'000;
    const pipeline::Position until = process->subscription->written() / 8 * eighth;
    process->subscription->settle(until);
    // Until it is full again.
    const int put_until = put(30'000, 200'000);
    CHECK(put_until < 200'000);
    JournalProcess::kill(std::move(process), false);
    process = opened(world.machine(), texts);
    record_all(*process);
    const std::vector<int> numbers = process->numbers();
    REQUIRE(!numbers.empty());
    CHECK(numbers.front() <= static_cast<int>(until / event) + 1);
    CHECK(numbers.back() >= put_until - 2200);  // what was in memory only
    CHECK(numbers == numbers_from(numbers.front(), numbers.back() + 1));
    CHECK(process->gap_events == 0);
    CHECK(process->counters().damaged_events == 0);
    process->shut();
  }
}
