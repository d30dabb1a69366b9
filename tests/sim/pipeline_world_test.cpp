// Goal: the harness itself: a process runs, records, is killed, and another takes its place.
#include "tests/sim/pipeline_world.hpp"

#include "async/operations.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

async::Task<Status> write_file(const char* path, std::string_view text) {
  const auto file = co_await async::open(path, io::OpenMode::create);
  if (!file) co_return file.error();
  const auto written = co_await async::write(*file, as_bytes(text), 0);
  const Status closed = co_await async::close(*file);
  co_return written ? closed : Status(written.error());
}

async::Task<void> sleep_for_ever(async::Scheduler& scheduler) {
  const Status slept = co_await async::sleep_until(after(scheduler.now(), 1h));
  (void)slept;
}

}  // namespace

TEST_CASE("pipeline world: records, is killed, starts again") {
  SimWorld world(1);
  {
    PipelineProcess process(world.machine());
    process.record();
    process.put("one");
    process.put("two");
    CHECK(process.run_until([&] { return process.seen.size() == 2; }));
    CHECK(process.bodies() == std::vector<std::string>{"one", "two"});
    CHECK(process.complete(write_file("/state/x", "hello")).ok());
    process.spawn(sleep_for_ever(*process.scheduler));
    process.turn();
    process.kill();
  }
  PipelineProcess process(world.machine());
  const auto text = process.system.read_file("/state/x", 100);
  CHECK(text == "hello");
  process.record(false);
  process.put("three");
  CHECK(process.run_until([&] { return process.seen.size() == 1; }));
  CHECK_FALSE(process.channel->drained());
  process.acknowledge_all();
  CHECK(process.channel->drained());
  process.stop();
}
