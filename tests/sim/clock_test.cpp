// Goal: an event that came before the clock was set goes out with the time that it had, also out of
// a journal after the machine was started again, or says that nobody knows. Method: a simulated
// machine that boots in 1970, gets its clock later or never, and loses power.
#include "pipeline/encoder.hpp"
#include "tests/sim/journal_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr WallTime set_to = WallTime(std::chrono::seconds(1'800'000'000));  // 2027-01-15 08:00:00

// What a JSON sink writes of everything that is in the journal.
std::string encoded(JournalProcess& process) {
  std::string text;
  std::vector<std::byte> buffer(64 * 1024);
  pipeline::Encoder encoder({.encoding = pipeline::Encoding::json}, buffer, {}, {}, *process.clock);
  const auto write = [&](const pipeline::Batch& batch) {
    encoder.clear();
    encoder.comes_from(batch.block(), {}, 0);
    pipeline::RecordReader reader(batch);
    while (reader.next()) CHECK(encoder.add(reader.record()));
    text += as_text(encoder.plain());
  };
  process.clock->refresh();
  process.each_batch = write;
  process.record();
  process.run_for(2s);
  return text;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("clock: what came before it was set has its right time, in memory and after a restart") {
  for (const bool restart : {false, true}) {
    CAPTURE(restart);
    SimWorld world(1);
    world.set_wall_clock(WallTime(std::chrono::seconds(0)));
    auto process = std::make_unique<JournalProcess>(world.machine());
    REQUIRE(process->open().has_value());
    process->put("early");
    process->run_for(10s);
    world.set_wall_clock(set_to);
    process->put("late");
    process->run_for(1s);
    if (restart) {
      JournalProcess::kill(std::move(process), true);
      world.run_for(100s);
      process = std::make_unique<JournalProcess>(world.machine());
      REQUIRE(process->open().has_value());
    }
    const std::string text = encoded(*process);
    INFO(text);
    CHECK(has(text, "{\"time\":\"2027-01-15T07:59:50."));
    CHECK(has(text, "{\"time\":\"2027-01-15T08:00:00."));
    CHECK_FALSE(has(text, "since boot"));
    process->shut();
  }
}

TEST_CASE("clock: what came in a boot that never knew the time says so") {
  SimWorld world(1);
  world.set_wall_clock(WallTime(std::chrono::seconds(0)));
  auto process = std::make_unique<JournalProcess>(world.machine());
  REQUIRE(process->open().has_value());
  process->put("early");
  process->run_for(1s);
  JournalProcess::kill(std::move(process), true);
  world.set_wall_clock(set_to);
  process = std::make_unique<JournalProcess>(world.machine());
  REQUIRE(process->open().has_value());
  const std::string text = encoded(*process);
  INFO(text);
  CHECK(has(text, "{\"time\":\"1970-01-01T00:00:"));
  CHECK(has(text, "\"headers\":{\"clock\":\"since boot\"}"));
  process->shut();
}
