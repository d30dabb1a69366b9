// Goal: generate makes exactly the events that were asked for, the same for the same seed, at the
// rate that was asked for, and ends.
// Method: the source in the simulated world; virtual time shows the pace.
#include "sources/generate/generate.hpp"

#include "tests/sim/source_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

std::vector<std::string> generated(std::string_view seed,
                                   const pipeline::ChannelSettings& channel) {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::generate_type,
                        {{"count", "3000"}, {"size", "120B"}, {"seed", seed}}, channel, true);
  process.run();
  process.record();
  CHECK(process.run_until([&] { return process.ended; }));
  process.run_for(10ms);
  auto bodies = process.bodies();
  process.stop();
  return bodies;
}

}  // namespace

TEST_CASE(
    "generate: count events, numbered, the same for the same seed, also through a small ring") {
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  const auto one = generated("7", {});
  const auto again = generated("7", small);
  const auto other = generated("8", {});
  REQUIRE(one.size() == 3000);
  CHECK(one == again);
  CHECK(one != other);
  CHECK(one[42].starts_with("000000000042 "));
  CHECK(one[42].substr(12) != one[43].substr(12));
  for (const std::string& body : one) CHECK(body.size() == 120);
}

TEST_CASE("generate: the rate is kept with at most a hundred wakeups a second") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::generate_type, {{"rate", "5000"}});
  process.run();
  process.record(true, 500ms);
  process.run_for(1s);
  const std::uint64_t turns = process.scheduler->turns();
  const std::uint64_t events = process.source_counters.received_events;
  process.run_for(10s);
  CHECK(process.source_counters.received_events - events >= 49'900);
  CHECK(process.source_counters.received_events - events <= 50'100);
  // A batch is a wakeup and a turn or two around it; the sink has its own.
  CHECK(process.scheduler->turns() - turns <= 4500);
  CHECK(process.stop_source(2s));
  process.stop();
}

TEST_CASE("generate: --once without a count is refused") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::generate_type, {}, {}, true);
  const auto started = process.start();
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().text.find("set count") != std::string::npos);
  process.stop();
}
