// Goal: batches that workers have in hand while the journal goes on below them are what they were:
// read from the one buffer that blocks are loaded into, and counted right when their blocks are
// dropped. Method: single situations, with batches that the test takes and gives back itself.
#include "tests/sim/journal_world.hpp"

using namespace runnel;
using namespace runnel::sim;
using namespace runnel::pipeline;

namespace {

struct Worker {
  std::optional<Batch> batch;
  std::vector<int> numbers;  // of what is in it

  async::Task<void> take(Subscription& subscription) {
    Take take;
    take.linger = 1ms;
    auto taken = co_await subscription.next(take);
    if (!taken) co_return;
    numbers.clear();
    RecordReader reader(*taken);
    while (reader.next()) {
      SeenEvent event;
      event.body = as_text(reader.record().body());
      numbers.push_back(JournalProcess::number_of(event));
    }
    taken->encoded();
    batch.emplace(std::move(*taken));
  }
  bool has() const { return batch.has_value(); }
};

void put_all(JournalProcess& process, int count) {
  for (int number = 0; number < count; ++number)
    while (!process.try_put(JournalProcess::body_of(number, 100))) process.run_for(1ms);
}

// A batch is given back so many turns after the next block began to be loaded, and taken by the
// worker that waits for that. False: it was loaded by then.
bool survives_giving_back(int turns) {
  SimWorld world(1);
  auto process = opened(world.machine(), {{"size", "4MiB"}});
  Subscription& subscription = *process->subscription;
  put_all(*process, 4000);
  process->run_for(1s);
  REQUIRE(process->channel->block_table().first_sequence() > 2);
  Worker first, second;
  process->spawn(first.take(subscription));
  REQUIRE(process->run_until([&] { return first.has(); }));
  process->spawn(second.take(subscription));
  REQUIRE(process->run_until([&] { return subscription.blocks_read().waiting; }));
  for (int turn = 0; turn < turns; ++turn) process->turn(1us);
  const bool in_time = subscription.blocks_read().waiting;
  if (in_time) {
    const std::vector<int> before = first.numbers;
    first.batch.reset();
    REQUIRE(process->run_until([&] { return second.has(); }));
    CHECK(second.numbers == before);
    process->spawn(first.take(subscription));
    REQUIRE(process->run_until([&] { return first.has(); }));
    REQUIRE(!first.numbers.empty());
    CHECK(first.numbers.front() == before.back() + 1);
  }
  for (Worker* each : {&first, &second})
    if (each->has()) each->batch->commit();
  process->shut();
  return in_time;
}

}  // namespace

TEST_CASE("journal: a batch that is given back while another block is loaded comes as it was") {
  int turns = 0;
  while (survives_giving_back(turns)) ++turns;
  CHECK(turns > 1);
}

TEST_CASE("journal: of dropped blocks, what a worker has delivered is not told as lost") {
  const OptionTexts texts = {{"when_full", "drop_oldest"}};
  constexpr int put = 20'000;
  SimWorld world(1);
  auto process = opened(world.machine(), texts);
  put_all(*process, 1000);
  Worker first, second;
  process->spawn(first.take(*process->subscription));
  REQUIRE(process->run_until([&] { return first.has(); }));
  process->spawn(second.take(*process->subscription));
  REQUIRE(process->run_until([&] { return second.has(); }));
  // The first is still on its way when both of their blocks go, and then everything ends.
  second.batch->commit();
  for (int number = 1000; number < put; ++number)
    while (!process->try_put(JournalProcess::body_of(number, 100))) process->run_for(1ms);
  process->run_for(500ms);
  CHECK(process->counters().dropped_events > 1000);
  process->PipelineProcess::kill(false);
  first.batch.reset();  // what it points into goes
  process->bury();
  (void)process.release();

  process = opened(world.machine(), texts);
  process->record();
  process->run_for(2s);
  const std::vector<int> numbers = process->numbers();
  REQUIRE(!numbers.empty());
  CHECK(numbers == numbers_from(numbers.front(), put));
  CHECK(process->gap_events + second.numbers.size() == std::size_t(numbers.front()));
  process->shut();
}
