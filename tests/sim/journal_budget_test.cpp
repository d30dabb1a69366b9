// Goal: max_bytes_written_per_day is kept, by fewer syncs as long as that is enough, and by writing
// nothing when it is not; nothing is lost by it that was promised, and it outlives the process.
// Method: simulated days of single events and of floods.
#include <algorithm>

#include "tests/sim/journal_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

using Process = std::unique_ptr<JournalProcess>;

// Everything that fits, for so long; returns how many were put.
int flood(JournalProcess& process, int from, Duration duration) {
  const Instant end = after(process.scheduler->now(), duration);
  int number = from;
  while (process.scheduler->now() < end) {
    for (int each = 0; each < 100; ++each)
      if (process.try_put(JournalProcess::body_of(number, 100))) ++number;
    process.run_for(1s);
  }
  return number - from;
}

}  // namespace

TEST_CASE("journal budget: single events are made durable less often, and the limit is kept") {
  constexpr std::uint64_t limit = 4'000'000;
  SimWorld world(1);
  const OptionTexts texts = {{"size", "16MiB"},
                             {"block_age", "1s"},
                             {"cursor_interval", "10s"},
                             {"max_bytes_written_per_day", "4MB"}};
  Process process = opened(world.machine(), texts);
  std::uint64_t before = process->counters().written_bytes;
  for (int day = 0; day < 2; ++day) {
    for (int second = 0; second < 86'400; ++second) {
      process->put(JournalProcess::body_of(day * 86'400 + second, 30));
      process->run_for(1s);
    }
    CHECK(process->counters().written_bytes - before <= limit);
    CHECK(process->counters().written_bytes - before > limit / 2);
    before = process->counters().written_bytes;
  }
  CHECK(process->counters().stretched_syncs > 100);
  CHECK(process->counters().withheld_writes == 0);
  // All of it is still made durable, in the end.
  CHECK(process->channel->custody() > process->channel->head() / 10 * 9);
  process->shut();
  process.reset();
  process = opened(world.machine(), texts);
  process->record();
  process->run_for(20s);
  CHECK(process->numbers() == numbers_from(0, 2 * 86'400));
  process->shut();
}

TEST_CASE("journal budget: used up, nothing is written; who must not wait does not wait") {
  constexpr std::uint64_t limit = 1'000'000;
  for (const char* policy : {"block", "drop_newest", "drop_oldest"}) {
    CAPTURE(std::string(policy));
    SimWorld world(1);
    const OptionTexts texts = {
        {"size", "4MiB"}, {"when_full", policy}, {"max_bytes_written_per_day", "1MB"}};
    Process process = opened(world.machine(), texts);
    const std::uint64_t before = process->counters().written_bytes;
    int put = flood(*process, 0, 600s);
    const bool blocks = policy == std::string_view("block");
    CHECK((put < 60'000) == blocks);
    CHECK((process->counters().dropped_events > 0) == !blocks);
    CHECK(process->counters().withheld_writes > 0);
    CHECK(process->counters().written_bytes - before <= limit / 4 + 20'000);
    CHECK(process->channel->custody() < process->channel->head());
    // What a sink takes is safe without a disk.
    process->record();
    CHECK(process->run_until(
        [&] { return process->channel->custody() == process->channel->head(); }, 3600s));
    // And after a day there is room again: custody without any sink's help.
    process->run_for(24h);
    CHECK(process->counters().written_bytes - before <= 2 * limit);
    const std::uint64_t stored = process->counters().stored_events;
    put += flood(*process, put, 30s);
    process->run_for(3600s);
    CHECK(process->run_until(
        [&] { return process->seen.size() + process->gap_events == std::size_t(put); }, 600s));
    CHECK(process->counters().stored_events >= stored);
    const std::vector<int> numbers = process->numbers();
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
    process->shut();
  }
}

TEST_CASE("journal budget: what is spent is known after a restart") {
  SimWorld world(1);
  const OptionTexts texts = {{"size", "4MiB"}, {"max_bytes_written_per_day", "1MB"}};
  std::uint64_t written = 0;
  for (int life = 0; life < 20; ++life) {
    Process process = opened(world.machine(), texts);
    process->record();
    (void)flood(*process, life * 10'000, 100s);
    process->shut();
    written += process->counters().written_bytes;
  }
  // Each start and stop writes a few pages, allowed or not.
  CHECK(written < 250'000 + 20 * 40'000);
}
