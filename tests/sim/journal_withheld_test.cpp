// Goal: while max_bytes_written_per_day is used up, what is written already becomes safe, blocks go
// on to fill, and nothing of it depends on the next block being written. Method: single situations.
#include "tests/sim/journal_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

using Process = std::unique_ptr<JournalProcess>;

// Used up after a few blocks, with a sink that is away.
Process used_up(SimMachine& machine, const OptionTexts& more, int& put) {
  OptionTexts texts = {{"size", "4MiB"}, {"max_bytes_written_per_day", "1MB"}};
  texts.insert(texts.end(), more.begin(), more.end());
  auto process = std::make_unique<JournalProcess>(machine, texts);
  const auto started = process->open();
  if (!started) FAIL(started.error().text);
  for (; process->counters().withheld_writes == 0 && put < 100'000; ++put) {
    while (!process->try_put(JournalProcess::body_of(put, 100))) process->run_for(1ms);
    if (put % 50 == 0) process->run_for(1ms);
  }
  REQUIRE(process->counters().withheld_writes == 1);
  return process;
}

}  // namespace

TEST_CASE("journal budget: what was written before it was used up is made durable") {
  for (const char* sync : {"batch", "1s"}) {
    CAPTURE(std::string(sync));
    SimWorld world(1);
    int put = 0;
    Process process = used_up(world.machine(), {{"sync", sync}}, put);
    process->run_for(2s);
    const std::uint64_t stored = process->counters().stored_events;
    CHECK(stored > 100);
    JournalProcess::kill(std::move(process), true);
    process = std::make_unique<JournalProcess>(world.machine());
    REQUIRE(process->open().has_value());
    process->record();
    process->run_for(2s);
    CHECK(process->seen.size() == stored);
    CHECK(process->gap_events == 0);
    process->shut();
  }
}

TEST_CASE("journal budget: single events do not become blocks of their own while it is used up") {
  SimWorld world(1);
  int put = 0;
  Process process = used_up(world.machine(), {}, put);
  const std::uint64_t blocks = process->channel->block_table().next_sequence();
  for (int second = 0; second < 60; ++second) {
    process->put_numbers(put, put + 1);
    ++put;
    process->run_for(1s);
  }
  CHECK(process->channel->block_table().next_sequence() <= blocks + 2);
  // A sink that comes back takes all of it, and then nothing is left to be withheld.
  process->record();
  CHECK(process->run_until([&] { return process->seen.size() == std::size_t(put); }, 60s));
  CHECK(process->run_until([&] { return process->channel->custody() == process->channel->head(); },
                           60s));
  process->shut();
}

TEST_CASE("journal budget: a crash forgets little of what was spent") {
  SimWorld world(1);
  std::uint64_t written = 0;
  for (int life = 0; life < 12; ++life) {
    auto process = std::make_unique<JournalProcess>(
        world.machine(),
        OptionTexts{
            {"size", "4MiB"}, {"cursor_interval", "1s"}, {"max_bytes_written_per_day", "1MB"}});
    REQUIRE(process->open().has_value());
    for (int number = 0; number < 10'000; ++number) {
      (void)process->try_put(JournalProcess::body_of(number, 100));
      if (number % 100 == 0) process->run_for(100ms);
    }
    written += process->counters().written_bytes;
    JournalProcess::kill(std::move(process), true);
  }
  CHECK(written < 250'000 + 12 * (31'250 + 40'000));
}
