// Goal: the sinks of a group share what comes: every event goes to one of them, whoever fails hands
// its batch to the others and comes back by itself, and nothing is lost when all of them fail.
// Method: two or three runners on one subscription with sinks whose answers the test scripts.
#include "pipeline/group.hpp"

#include <map>
#include <set>
#include <sstream>

#include "pipeline/shared_link.hpp"
#include "pipeline/sink_runner.hpp"
#include "tests/sim/pipeline_world.hpp"
#include "tests/sim/runner_in_memory.hpp"
#include "tests/sim/scripted_sink.hpp"

using namespace runnel;
using namespace runnel::pipeline;
using namespace runnel::sim;

namespace {

constexpr Delivery refused{Delivery::Outcome::retry, Error::refused, Duration::zero()};

// Answers after a while; only then has it the events.
class SlowSink final : public Sink {
 public:
  explicit SlowSink(Duration takes) : takes_(takes) {}
  async::Task<Started> start() override { co_return Started(); }
  async::Task<Delivery> deliver(const Frame& frame) override {
    const std::string text(as_text(frame.wire));
    const Status slept = co_await async::sleep_until(after(scheduler->now(), takes_));
    Delivery answer;
    ++attempts;
    if (!slept) {
      answer = {Delivery::Outcome::retry, Error::cancelled, Duration::zero()};
    } else if (fails > 0) {
      --fails;
      answer = refused;
    } else if (refuses > 0) {
      --refuses;
      answer = {Delivery::Outcome::refused, Error::none, Duration::zero(), "not these"};
    } else {
      delivered += text;
      last = scheduler->now();
    }
    co_return answer;
  }
  async::Task<void> shut() override { co_return; }

  const async::Scheduler* scheduler = nullptr;
  int fails = 0, refuses = 0;  // of its next deliveries
  int attempts = 0;
  std::string delivered;
  Instant last;  // of its deliveries

 private:
  Duration takes_;
};

DeliverySettings text_settings(RetrySettings retry = {}) {
  DeliverySettings settings{.encoding = Encoding::text, .retry = retry};
  settings.take.linger = 10ms;
  return settings;
}

// Refused events become dead letters.
DeliverySettings letter_settings() {
  DeliverySettings settings = text_settings({.first = 1s, .longest = 1s});
  settings.dead_letter.folder = "/letters";
  settings.dead_letter.bytes_max = 16u << 20;
  settings.take.bytes_max = 64 * 1024;
  settings.record_bytes_max = 1024;
  return settings;
}

struct Member {
  std::string name;
  SinkCounters counters;
  std::optional<SinkContext> context;
  RunnerInMemory runner;
};

class Running {
 public:
  Running(Group::Policy policy, std::vector<Sink*> sinks, const ChannelSettings& ring = {},
          RetrySettings retry = {})
      : Running(policy, std::move(sinks), ring, text_settings(retry)) {}
  Running(Group::Policy policy, std::vector<Sink*> sinks, const ChannelSettings& ring,
          const DeliverySettings& settings)
      : process(world.machine(), ring), group_(policy, sinks.size()) {
    for (std::size_t index = 0; index < sinks.size(); ++index) add(*sinks[index], settings, index);
  }
  ~Running() {
    if (!process.channel->closed()) process.channel->close();
    process.stop();
  }
  bool drain(Duration limit = 600s) {
    return process.run_until([&] { return process.channel->drained(); }, limit);
  }

  // By all of them, or by one.
  void share_link(const LinkSettings& settings, std::optional<std::size_t> member = {}) {
    link_.emplace(settings, *process.scheduler, *process.clock);
    for (std::size_t index = 0; index < members_.size(); ++index)
      if (members_[index].context && (!member || *member == index))
        members_[index].context->link = &*link_;
  }
  const SinkCounters& counters(std::size_t member) const { return members_[member].counters; }

  SimWorld world{3};
  PipelineProcess process;

 private:
  void add(Sink& sink, const DeliverySettings& settings, std::size_t index) {
    Member& member = members_[index];
    member.name = concat("sinks.member", index);
    if (auto* slow = dynamic_cast<SlowSink*>(&sink)) slow->scheduler = &*process.scheduler;
    member.context.emplace(SinkContext{process.common(member.name.c_str()),
                                       *process.subscription,
                                       member.counters,
                                       "main",
                                       {},
                                       &group_,
                                       index});
    member.runner.build(*member.context, sink, settings);
    REQUIRE(process.complete(member.runner->start()).has_value());
    process.spawn(member.runner->run());
  }

  Group group_;
  std::optional<SharedLink> link_;
  std::array<Member, Group::members_max> members_;
};

std::map<std::string, int> counted(std::initializer_list<std::string> texts) {
  std::map<std::string, int> counts;
  for (const std::string& text : texts) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) ++counts[line];
  }
  return counts;
}

}  // namespace

TEST_CASE("group: failover, the second goes on while the first fails, and steps back") {
  ScriptedSink first, second;
  Running running(Group::Policy::failover, {&first, &second});
  running.process.put("one");
  REQUIRE(running.drain());
  CHECK(first.delivered == "one\n");
  CHECK(second.attempts.empty());

  first.usual = refused;
  for (int each = 0; each < 20; ++each) {
    running.process.put("away");
    REQUIRE(running.drain());
  }
  CHECK(first.delivered == "one\n");
  CHECK(counted({second.delivered}) == std::map<std::string, int>{{"away", 20}});

  first.usual = {};
  running.process.run_for(2min);  // its back-off is over; it is tried with what comes next
  for (int each = 0; each < 5; ++each) {
    running.process.put("back");
    REQUIRE(running.drain());
  }
  const std::size_t by_second = second.attempts.size();
  for (int each = 0; each < 20; ++each) {
    running.process.put("home");
    REQUIRE(running.drain());
  }
  CHECK(second.attempts.size() == by_second);
  CHECK(counted({first.delivered})["home"] == 20);
}

TEST_CASE("group: a batch keeps its name when another member takes it") {
  ScriptedSink first, second;
  Running running(Group::Policy::failover, {&first, &second});
  first.answers.assign(1, refused);
  running.process.put("event");
  REQUIRE(running.drain());
  REQUIRE(first.ids.size() == 1);
  REQUIRE(second.ids.size() == 1);
  CHECK((first.ids[0] == second.ids[0]));
  CHECK(second.delivered == "event\n");
}

TEST_CASE("group: when all of them fail events wait, and the first that delivers has them") {
  for (const Group::Policy policy : {Group::Policy::failover, Group::Policy::load_balance}) {
    ScriptedSink first, second, third;
    first.usual = second.usual = third.usual = refused;
    Running running(policy, {&first, &second, &third}, {}, {.first = 1s, .longest = 30s});
    for (int each = 0; each < 10; ++each) running.process.put("event");
    running.process.run_for(10min);
    CHECK_FALSE(running.process.channel->drained());
    // Each by its own back-off, not as fast as the others hand over.
    for (const ScriptedSink* sink : {&first, &second, &third}) {
      CHECK(sink->attempts.size() >= 10);
      CHECK(sink->attempts.size() <= 100);
    }
    third.usual = {};
    REQUIRE(running.drain());
    CHECK(counted({third.delivered}) == std::map<std::string, int>{{"event", 10}});
    CHECK(first.delivered.empty());
  }
}

TEST_CASE("group: load_balance, several batches are under way, each with one member") {
  SlowSink first(100ms), second(100ms), third(100ms);
  Running running(Group::Policy::load_balance, {&first, &second, &third});
  const Instant begun = running.process.scheduler->now();
  for (int each = 0; each < 30; ++each) {
    running.process.put(concat("event", each));
    running.process.run_for(20ms);
  }
  REQUIRE(running.drain());
  // One after the other they would have taken three seconds.
  CHECK(std::max({first.last, second.last, third.last}) - begun < 1s);
  const auto counts = counted({first.delivered, second.delivered, third.delivered});
  CHECK(counts.size() == 30);
  for (const auto& [line, count] : counts) CHECK_MESSAGE(count == 1, line);
  for (const SlowSink* sink : {&first, &second, &third}) CHECK_FALSE(sink->delivered.empty());
}

TEST_CASE(
    "group: one that hangs holds the watermark, not the others; then its batch goes elsewhere") {
  SlowSink slow(10min), quick(1ms);
  slow.fails = 1;
  Running running(Group::Policy::load_balance, {&slow, &quick});
  for (int each = 0; each < 100; ++each) {
    running.process.put(concat("event", each));
    running.process.run_for(20ms);
  }
  // There is room for so many behind it.
  const auto before = counted({quick.delivered});
  CHECK(before.size() >= Subscription::in_flight_max - 2);
  CHECK_FALSE(running.process.channel->drained());
  REQUIRE(running.drain(1h));
  const auto counts = counted({slow.delivered, quick.delivered});
  CHECK(counts.size() == 100);
  for (const auto& [line, count] : counts) CHECK_MESSAGE(count == 1, line);
}

TEST_CASE("group: a stop drains through whoever delivers, and every member ends") {
  for (const Group::Policy policy : {Group::Policy::failover, Group::Policy::load_balance}) {
    ScriptedSink first, second;
    first.usual = refused;
    Running running(policy, {&first, &second}, {}, {.first = 1h, .longest = 1h});
    for (int each = 0; each < 5; ++each) running.process.put("event");
    running.process.channel->close();
    running.process.stop_request.request();
    CHECK(running.process.run_until([&] { return second.shut_down; }, 2h));
    CHECK(running.process.run_until([&] { return first.shut_down; }, 2h));
    CHECK(counted({second.delivered}) == std::map<std::string, int>{{"event", 5}});
  }
}

TEST_CASE(
    "group: what a ring that drops has taken meanwhile, its worker keeps and delivers itself") {
  ScriptedSink first, second;
  SlowSink slow(1min);
  slow.fails = 1;
  ChannelSettings ring;
  ring.capacity_bytes = 64 * 1024;
  ring.when_full = WhenFull::drop_oldest;
  Running running(Group::Policy::failover, {&slow, &second}, ring);
  running.process.put("kept");
  running.process.run_for(1s);
  const std::string body(4000, 'x');
  for (int each = 0; each < 40; ++each) running.process.put(body);
  REQUIRE(running.drain(1h));
  CHECK(counted({slow.delivered, second.delivered})["kept"] == 1);
}

TEST_CASE(
    "group: who has dead letters to write gets the batch back, in as many pieces as it takes") {
  SlowSink first(50ms), second(50ms);
  first.refuses = 1;
  Running running(Group::Policy::load_balance, {&first, &second}, {}, letter_settings());
  for (int each = 0; each < 1500; ++each) running.process.put(concat("event", each));
  REQUIRE(running.drain());
  const auto counts = counted({first.delivered, second.delivered});
  for (const auto& [line, count] : counts) CHECK_MESSAGE(count == 1, line);
  CHECK(running.counters(0).dead_letter_events == running.counters(0).refused_events);
  CHECK(running.counters(0).dead_letter_events + counts.size() == 1500);
  CHECK(running.counters(0).dead_letter_lost_events == 0);
}

TEST_CASE("group: a batch that was reserved and dropped reserves nothing that comes after it") {
  SlowSink first(1s), second(1ms);
  first.refuses = 1000;
  ChannelSettings ring;
  ring.capacity_bytes = 64 * 1024;
  ring.when_full = WhenFull::drop_oldest;
  DeliverySettings settings = letter_settings();
  settings.take.bytes_max = 4096;
  Running running(Group::Policy::load_balance, {&first, &second}, ring, settings);
  const std::string body(4000, 'x');
  for (int each = 0; each < 300; ++each) {
    running.process.put(body);
    running.process.run_for(7ms);
    if (each % 10 == 0) second.fails = 1;
  }
  first.refuses = 0;
  CHECK(running.drain(10min));
}

TEST_CASE("group: while the link of one is shut the others go on") {
  SlowSink first(1s), second(1s);
  Running running(Group::Policy::failover, {&first, &second});
  running.share_link({.window = {.from = 1h, .until = 5h}}, 0);
  constexpr std::int64_t half_past_midnight_ns = 1'767'225'600'000'000'000 + 1'800'000'000'000;
  running.world.set_wall_clock(wall_from_ns(half_past_midnight_ns));
  running.process.run_for(1s);
  running.process.put("by the second");
  running.process.run_for(1min);
  CHECK(second.delivered == "by the second\n");
  running.process.run_for(1h);
  running.process.put("what the second has been waiting for");
  running.process.run_for(1min);
  CHECK(first.delivered.empty());
  running.process.put("by the first");
  running.process.run_for(1min);
  CHECK(first.delivered == "by the first\n");
  CHECK(running.drain());
}

TEST_CASE("group: dead letters do not wait for the window of a link") {
  SlowSink first(10min), second(10min);
  first.refuses = second.refuses = 1;
  Running running(Group::Policy::load_balance, {&first, &second}, {}, letter_settings());
  running.share_link({.bytes_per_second = 0, .window = {.from = 1h, .until = 5h}});
  constexpr std::int64_t five_to_five_ns = 1'767'225'600'000'000'000 + 17'700'000'000'000;
  running.world.set_wall_clock(wall_from_ns(five_to_five_ns));
  running.process.run_for(1s);
  running.process.put("refused when the window is shut");
  CHECK(running.drain(1h));
  CHECK(running.counters(0).dead_letter_events + running.counters(1).dead_letter_events == 1);
}

namespace {

// A line that is longer once the clock is set, as times are in many formats.
class TimedFormat final : public RecordFormat {
 public:
  std::size_t event_bytes_max(std::size_t record_bytes) const override { return record_bytes + 64; }
  std::optional<std::size_t> event(const EncodedEvent& event, MutableBytes into) const override {
    const std::string text = concat(event.clock_known ? "2026-11-27T12:00:00.000000Z " : "- ",
                                    as_text(event.record.body()), '\n');
    if (into.size() < text.size()) return std::nullopt;
    put_bytes(into.data(), as_bytes(text));
    return text.size();
  }
};

}  // namespace

TEST_CASE("group: the clock is set before a batch goes to the next member") {
  for (const bool with_ends : {false, true}) {
    SlowSink first(50ms), second(50ms);
    first.fails = second.fails = 3;
    const TimedFormat format;
    DeliverySettings settings = text_settings({.first = 1s, .longest = 1s});
    settings.encoding = Encoding::custom;
    settings.format = &format;
    settings.event_ends = with_ends;
    settings.take.bytes_max = 8192;
    settings.record_bytes_max = 128;
    Running running(Group::Policy::failover, {&first, &second}, {}, settings);
    running.world.set_wall_clock(wall_from_ns(0));
    running.process.run_for(10ms);
    for (int each = 0; each < 1000; ++each) running.process.put(concat("event", each));
    running.process.run_for(500ms);
    running.world.set_wall_clock(wall_from_ns(1'767'225'600'000'000'000));
    REQUIRE(running.drain());
    std::set<std::string> seen;
    for (const auto& [line, count] : counted({first.delivered, second.delivered}))
      seen.insert(line.substr(line.find(' ') + 1));
    CHECK(seen.size() == 1000);
  }
}
