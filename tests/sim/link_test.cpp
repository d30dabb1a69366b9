// Goal: a link lets out no more than its rate in any stretch of time, all of its sinks together;
// who has priority waits for one piece of the others at most; a window is kept to the second.
// Method: tasks that send over one link, and a runner, in the simulator's time.
#include <numeric>

#include "pipeline/shared_link.hpp"
#include "pipeline/sink_runner.hpp"
#include "tests/sim/log_reader.hpp"
#include "tests/sim/pipeline_world.hpp"
#include "tests/sim/runner_in_memory.hpp"
#include "tests/sim/scripted_sink.hpp"

using namespace runnel;
using namespace runnel::pipeline;
using namespace runnel::sim;

namespace {

struct Sent {
  Instant at;
  std::size_t bytes;
  std::uint32_t priority;
};

struct Line {
  explicit Line(const LinkSettings& settings)
      : process(world.machine()), link(settings, *process.scheduler, *process.clock) {}
  ~Line() { process.stop(); }

  // `bytes` as a sink would send them, each piece taking as long as `writing`.
  async::Task<void> send(std::size_t bytes, std::uint32_t priority, Duration writing = 1ms) {
    while (bytes > 0) {
      const std::size_t piece = link.piece(std::min<std::size_t>(bytes, 64 * 1024));
      const Status admitted = co_await link.admit(piece, priority);
      if (!admitted) co_return;
      sent.push_back({process.scheduler->now(), piece, priority});
      bytes -= piece;
      const Status slept = co_await async::sleep_until(after(process.scheduler->now(), writing));
      if (!slept) co_return;
    }
  }
  std::size_t total(std::optional<std::uint32_t> priority = {}) const {
    std::size_t bytes = 0;
    for (const Sent& each : sent)
      if (!priority || each.priority == *priority) bytes += each.bytes;
    return bytes;
  }
  // Of every stretch between two pieces.
  bool ever_faster_than(double rate, double burst) const {
    for (std::size_t first = 0; first < sent.size(); ++first) {
      std::size_t bytes = 0;
      for (std::size_t last = first; last < sent.size(); ++last) {
        bytes += sent[last].bytes;
        const double seconds =
            std::chrono::duration<double>(sent[last].at - sent[first].at).count();
        if (static_cast<double>(bytes) > rate * seconds + burst) return true;
      }
    }
    return false;
  }

  SimWorld world{5};
  PipelineProcess process;
  SharedLink link;
  std::vector<Sent> sent;
};

}  // namespace

TEST_CASE("link: no stretch of time is faster than the rate, and none is wasted") {
  Line line({.bytes_per_second = 10'000});
  line.process.spawn(line.send(50'000, 0));
  line.process.spawn(line.send(50'000, 0));
  line.process.run_for(9s);
  CHECK_FALSE(line.ever_faster_than(10'000, 10'000 + 1'000));
  CHECK(line.total() >= 90'000);
  line.process.run_for(2s);
  CHECK(line.total() == 100'000);
  // What was not used is not saved up.
  line.process.run_for(1h);
  line.process.spawn(line.send(100'000, 0));
  line.process.run_for(5s);
  CHECK_FALSE(line.ever_faster_than(10'000, 10'000 + 1'000));
}

TEST_CASE("link: what goes out beside what was admitted is paid for by what follows") {
  Line line({.bytes_per_second = 1'000});
  line.link.spend(11'000);
  line.process.spawn(line.send(100, 0));
  line.process.run_for(9s);
  CHECK(line.sent.empty());
  line.process.run_for(2s);
  CHECK(line.total() == 100);
}

TEST_CASE("link: who has priority waits for one piece of the others at most") {
  Line line({.bytes_per_second = 4'000});
  line.process.spawn(line.send(400'000, 0));
  line.process.spawn(line.send(400'000, 3));
  line.process.run_for(20s);
  const std::size_t bulk = line.total(0);
  CHECK(bulk <= 4'000);  // of what is free at first
  const Instant asked = line.process.scheduler->now();
  const std::size_t before = line.sent.size();
  line.process.spawn(line.send(2'000, 9));
  line.process.run_for(2s);
  CHECK(line.total(9) == 2'000);
  std::size_t others = 0;
  Instant last = asked;
  for (std::size_t at = before; at < line.sent.size() && line.total(9) > 0; ++at) {
    if (line.sent[at].priority == 9) last = line.sent[at].at;
  }
  for (std::size_t at = before; at < line.sent.size(); ++at)
    if (line.sent[at].priority != 9 && line.sent[at].at < last) others += line.sent[at].bytes;
  CHECK(others <= 2 * line.link.piece(64 * 1024));
  CHECK(line.total(0) == bulk);
}

TEST_CASE("link: without a rate nothing waits") {
  Line line({});
  CHECK(line.link.piece(64 * 1024) == 64 * 1024);
  line.process.spawn(line.send(10'000'000, 0, 1us));
  line.process.run_for(1s);
  CHECK(line.total() == 10'000'000);
}

namespace {

constexpr std::int64_t midnight_ns = 1'767'225'600'000'000'000;  // 2026-01-01

const LinkSettings from_one_to_five{.window = {.from = 1h, .until = 5h}};

struct Windowed {
  explicit Windowed(const LinkSettings& link_settings)
      : process(world.machine()), link(link_settings, *process.scheduler, *process.clock) {
    DeliverySettings settings{.encoding = Encoding::text};
    settings.take.linger = 10ms;
    process.sink_context->link = &link;
    runner.build(*process.sink_context, sink, settings);
    process.spawn(runner->run());
  }
  ~Windowed() {
    if (!process.channel->closed()) process.channel->close();
    process.stop();
  }
  SimWorld world{3};
  PipelineProcess process;
  SharedLink link;
  ScriptedSink sink;
  RunnerInMemory runner;
};

}  // namespace

TEST_CASE("link: outside of its window events wait, inside they go") {
  Windowed windowed(from_one_to_five);
  windowed.world.set_wall_clock(wall_from_ns(midnight_ns));
  windowed.process.run_for(1s);
  windowed.process.put("event");
  windowed.process.run_for(58min);
  CHECK(windowed.sink.attempts.empty());
  windowed.process.run_for(2min);
  CHECK(windowed.sink.delivered == "event\n");
  windowed.process.run_for(3h);
  windowed.process.put("in time");
  windowed.process.run_for(1min);
  CHECK(windowed.sink.delivered == "event\nin time\n");
  windowed.process.run_for(1h);
  windowed.process.put("too late");
  windowed.process.run_for(12h);
  CHECK(windowed.sink.delivered == "event\nin time\n");
  windowed.process.run_for(8h);
  CHECK(windowed.sink.delivered == "event\nin time\ntoo late\n");
}

TEST_CASE("link: a stop does not lose what is only in memory to a closed window") {
  Windowed windowed(from_one_to_five);
  windowed.world.set_wall_clock(wall_from_ns(midnight_ns));
  windowed.process.run_for(1s);
  windowed.process.put("event");
  windowed.process.run_for(1min);
  CHECK(windowed.sink.attempts.empty());
  windowed.process.channel->close();
  windowed.process.stop_request.request();
  CHECK(windowed.process.run_until([&] { return windowed.sink.shut_down; }, 10s));
  CHECK(windowed.sink.delivered == "event\n");
}

TEST_CASE("link: a clock that is not set does not know the window, and events go") {
  Windowed windowed(from_one_to_five);
  windowed.world.set_wall_clock(wall_from_ns(0));
  windowed.process.put("event");
  windowed.process.run_for(1min);
  CHECK(windowed.sink.delivered == "event\n");
}

TEST_CASE("link: what a month may carry goes out, the rest waits for the next month") {
  Windowed windowed({.month_bytes = 10, .month_first_day = 2});
  windowed.world.set_wall_clock(wall_from_ns(midnight_ns));
  windowed.process.run_for(1s);
  windowed.process.put("first");
  windowed.process.run_for(1s);
  windowed.link.spend(6);
  windowed.process.put("second");
  windowed.process.run_for(1s);
  windowed.link.spend(7);
  CHECK(windowed.link.is_used_up());
  windowed.process.put("third");
  windowed.process.run_for(23h);
  CHECK(windowed.sink.delivered == "first\nsecond\n");
  windowed.process.run_for(1h + 2min);
  CHECK(windowed.sink.delivered == "first\nsecond\nthird\n");
  CHECK(windowed.link.bytes_this_month() == 0);
}

TEST_CASE("link: used up before the clock was set, events wait until it is") {
  Windowed windowed({.month_bytes = 10});
  LogReader log;
  windowed.world.set_wall_clock(wall_from_ns(0));
  windowed.process.run_for(1s);
  windowed.link.restore_month(2025 * 12 + 11, 10);
  windowed.process.put("event");
  windowed.process.run_for(3h);
  CHECK(windowed.sink.attempts.empty());
  CHECK(log.count("nobody knows when the next one begins before the clock is set") == 1);
  windowed.world.set_wall_clock(wall_from_ns(midnight_ns));
  windowed.process.run_for(2min);
  CHECK(windowed.sink.delivered == "event\n");
}

TEST_CASE("link: used up in a month that nobody knew, it opens in the one after") {
  Windowed windowed({.month_bytes = 10});
  windowed.world.set_wall_clock(wall_from_ns(0));
  windowed.process.run_for(1s);
  windowed.link.spend(10);
  windowed.process.put("event");
  windowed.process.run_for(1h);
  windowed.world.set_wall_clock(wall_from_ns(midnight_ns));
  windowed.process.run_for(30 * 24h);
  CHECK(windowed.sink.attempts.empty());
  windowed.process.run_for(24h + 2min);
  CHECK(windowed.sink.delivered == "event\n");
}

TEST_CASE("link: attempts end with the month that pays for them") {
  Windowed windowed({.month_bytes = 10});
  windowed.world.set_wall_clock(wall_from_ns(midnight_ns));
  windowed.process.run_for(1s);
  windowed.sink.usual = {Delivery::Outcome::retry, Error::refused, Duration::zero()};
  windowed.process.put("event");
  windowed.process.run_for(10min);
  const std::size_t before = windowed.sink.attempts.size();
  CHECK(before > 1);
  windowed.link.spend(10);
  windowed.process.run_for(24h);
  CHECK(windowed.sink.attempts.size() <= before + 1);
  windowed.process.run_for(31 * 24h);
  CHECK(windowed.sink.attempts.size() > before + 10);
}

TEST_CASE("link: who only wants to be told goes on sending") {
  Windowed windowed({.month_bytes = 10, .waits_for_month = false});
  windowed.link.spend(20);
  CHECK(windowed.link.is_used_up());
  windowed.process.put("event");
  windowed.process.run_for(1s);
  CHECK(windowed.sink.delivered == "event\n");
}
