// Goal: the console sink writes everything to standard output in order; the null sink takes
// everything and keeps nothing. Method: the real sinks under their real runner in the simulator.
#include "sinks/console/console.hpp"
#include "sinks/null/null.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;
using namespace runnel::pipeline;

TEST_CASE("console sink: everything goes to standard output, in order, through short writes") {
  Disk disk;
  disk.world.options().partial_writes = 500'000;
  disk.world.options().write_errors = 100'000;
  PipelineProcess process(disk.machine);
  SinkUnderTest sink(sinks::console_type, {{"batch.linger", "1ms"}, {"batch.max_events", "10"}});
  sink.run(process);
  put(process, 0, 200);
  REQUIRE(drain(process, 1h));
  finish(process);
  const auto numbers = numbers_in(text_of(disk.machine, "/dev/stdout"));
  REQUIRE(numbers.size() == 200);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("null sink: takes everything, keeps and writes nothing") {
  Disk disk;
  PipelineProcess process(disk.machine);
  SinkUnderTest sink(sinks::null_type, {{"batch.linger", "1ms"}});
  sink.run(process);
  put(process, 0, 1000);
  REQUIRE(drain(process));
  CHECK(process.sink_counters.sent_events == 1000);
  CHECK(disk.machine.files().used_bytes() == 0);
  finish(process);
}
