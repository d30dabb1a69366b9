// Goal: the sink runner delivers every event once while the sink answers, tries again in order
// while it does not, keeps the bytes of a frame over all attempts, and encodes as documented.
// Method: a sink whose answers the test scripts, in the simulator.
#include <map>
#include <set>

#include "pipeline/encoder.hpp"
#include "pipeline/sink_runner.hpp"
#include "tests/sim/pipeline_world.hpp"
#include "tests/sim/runner_in_memory.hpp"
#include "tests/sim/scripted_sink.hpp"

using namespace runnel;
using namespace runnel::pipeline;
using namespace runnel::sim;

namespace {

struct Running {
  explicit Running(DeliverySettings settings, const ChannelSettings& ring = {})
      : process(world.machine(), ring) {
    settings.take.linger = 10ms;
    runner.build(*process.sink_context, sink, settings);
    process.spawn(runner->run());
  }
  ~Running() {
    if (!process.channel->closed()) process.channel->close();
    process.stop();
  }
  SimWorld world{3};
  PipelineProcess process;
  ScriptedSink sink;
  RunnerInMemory runner;
};

constexpr Delivery refusal{Delivery::Outcome::retry, Error::no_space, Duration::zero()};

}  // namespace

TEST_CASE("runner: text, one frame for what came together, shut at the end") {
  Running running({.encoding = Encoding::text});
  running.process.put("one");
  running.process.put("two");
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.sink.delivered == "one\ntwo\n");
  CHECK(running.sink.attempts.size() == 1);
  running.process.channel->close();
  CHECK(running.process.run_until([&] { return running.sink.shut_down; }));
  CHECK(running.process.sink_counters.sent_events == 2);
  CHECK(running.process.sink_counters.plain_bytes == 8);
}

namespace {

// [name|body,name|body]
class BracketFormat final : public RecordFormat {
 public:
  std::size_t event_bytes_max(std::size_t record_bytes) const override { return record_bytes + 64; }
  std::size_t head_bytes_max() const override { return 1; }
  std::optional<std::size_t> head(const EncodedEvent&, MutableBytes into) const override {
    if (into.empty()) return std::nullopt;
    into[0] = std::byte{'['};
    return 1;
  }
  std::optional<std::size_t> event(const EncodedEvent& event, MutableBytes into) const override {
    const std::string text = concat(event.source, '|', as_text(event.record.body()));
    if (into.size() < text.size()) return std::nullopt;
    put_bytes(into.data(), as_bytes(text));
    return text.size();
  }
  std::string_view separator() const override { return ","; }
  std::string_view tail() const override { return "]"; }
};

}  // namespace

TEST_CASE("runner: a format of its own, in frames that are whole however small the buffer is") {
  const BracketFormat format;
  DeliverySettings settings{.format = &format};
  settings.take.bytes_max = 4096;
  settings.record_bytes_max = 1024;
  Running running(settings);
  for (int each = 0; each < 300; ++each) running.process.put("0123456789");
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  std::size_t events = 0;
  for (const std::string& frame : running.sink.attempts) {
    CHECK(frame.size() <= 4096);
    CHECK(frame.starts_with("[test|0123456789"));
    CHECK(frame.ends_with("0123456789]"));
    CHECK(frame.size() % 16 == 1);  // "test|0123456789" and what stands between or behind it
    events += frame.size() / 16;
  }
  CHECK(events == 300);
}

namespace {

// What BracketFormat made whole again, or the fact that it did not.
std::size_t events_of(std::string_view frame) {
  REQUIRE(frame.starts_with("[test|"));
  REQUIRE(frame.ends_with("]"));
  std::size_t events = 0;
  frame = frame.substr(1, frame.size() - 2);
  for (;;) {
    ++events;
    REQUIRE(frame.starts_with("test|"));
    const std::size_t comma = frame.find(',');
    if (comma == frame.npos) return events;
    frame.remove_prefix(comma + 1);
  }
}

}  // namespace

TEST_CASE("runner: a format's frames are cut into pieces that have its head and tail") {
  const BracketFormat format;
  DeliverySettings settings{.format = &format};
  settings.event_ends = true;
  SUBCASE("of one frame") {}
  SUBCASE("of several") { settings.partitions = true; }
  Running running(settings);
  running.sink.judge = [](std::string_view wire) {
    return events_of(wire) > 3 ? Delivery{.outcome = Delivery::Outcome::too_large} : Delivery();
  };
  for (int each = 0; each < 50; ++each) running.process.put(concat(each, 'x'));
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.process.sink_counters.sent_events == 50);
  std::set<std::string> names, sent;
  for (std::size_t index = 0; index < running.sink.attempts.size(); ++index) {
    Text<BatchId::text_bytes_max> name;
    running.sink.ids[index].write(name);
    names.emplace(name.text());
    const std::string& frame = running.sink.attempts[index];
    if (events_of(frame) > 3) continue;
    for (std::size_t at = frame.find('|'); at != frame.npos; at = frame.find('|', at + 1))
      CHECK(sent.insert(frame.substr(at, frame.find('x', at) - at)).second);
  }
  CHECK(sent.size() == 50);
  CHECK(names.size() == running.sink.attempts.size());
}

TEST_CASE("runner: what is poisoned is found, and pieces grow again behind it") {
  const BracketFormat format;
  DeliverySettings settings{.format = &format};
  settings.event_ends = true;
  Running running(settings);
  running.sink.judge = [](std::string_view wire) {
    events_of(wire);
    const bool bad = wire.find("bad") != wire.npos;
    return bad ? Delivery{.outcome = Delivery::Outcome::poisoned} : Delivery();
  };
  for (int each = 0; each < 1000; ++each)
    running.process.put(each == 300 || each == 999 ? "bad" : "good");
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.process.sink_counters.sent_events == 998);
  CHECK(running.process.sink_counters.refused_events == 2);
  CHECK(running.sink.attempts.size() < 60);
}

TEST_CASE("runner: what is refused of a frame that was delivered is counted, the rest is sent") {
  Running running({.encoding = Encoding::text});
  running.sink.answers.push_back({.refused_events = 2});
  for (int each = 0; each < 5; ++each) running.process.put("event");
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.process.sink_counters.sent_events == 3);
  CHECK(running.process.sink_counters.refused_events == 2);
}

TEST_CASE("runner: what is refused by name becomes dead letters, the rest is sent") {
  DeliverySettings settings{.encoding = Encoding::text};
  settings.dead_letter.folder = "/dead";
  // Of the second host's events the second one; without partitions it is the second of all.
  std::string unwanted = "a:1", wanted = "b:1";
  constexpr std::uint64_t second[] = {0b10};
  SUBCASE("in one frame") {}
  SUBCASE("of a partition") {
    settings.partitions = true;
    std::swap(unwanted, wanted);
  }
  Running running(settings);
  REQUIRE(running.process.complete(running.runner->start()).has_value());
  if (settings.partitions) running.sink.answers.push_back({});
  running.sink.answers.push_back({.refused_events = 1, .which_refused = second});
  std::byte room[16];
  for (const std::string_view each : {"a:0", "a:1", "b:0", "b:1"}) {
    HeaderWriter headers{MutableBytes(room)};
    headers.add("host", each.substr(0, 1));
    running.process.put(each, headers.headers());
  }
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.process.sink_counters.sent_events == 3);
  CHECK(running.process.sink_counters.refused_events == 1);
  CHECK(running.process.sink_counters.dead_letter_events == 1);
  CHECK(running.process.sink_counters.dead_letter_lost_events == 0);
  const auto letters = running.process.machine.files().text("/dead/test.dead");
  REQUIRE(letters.has_value());
  CHECK(letters->find(unwanted) != std::string::npos);
  CHECK(letters->find(wanted) == std::string::npos);
}

TEST_CASE("runner: what cannot be halved is refused as a whole, and the next goes on") {
  Running running({.encoding = Encoding::text});
  running.sink.answers.push_back({.outcome = Delivery::Outcome::too_large});
  running.process.put("one");
  running.process.put("two");
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  running.process.put("three");
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.process.sink_counters.refused_events == 2);
  CHECK(running.process.sink_counters.sent_events == 1);
}

TEST_CASE("runner: frames of text are filled to batch.max_bytes, and never past it") {
  DeliverySettings settings{.encoding = Encoding::text};
  settings.take.bytes_max = 64 * 1024;
  settings.record_bytes_max = 1024;
  Running running(settings, {.capacity_bytes = 512 * 1024});
  const std::string body(99, 'x');
  for (int each = 0; each < 3000; ++each) running.process.put(body);
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.sink.delivered.size() == 300'000);
  REQUIRE(running.sink.attempts.size() == 5);
  for (std::size_t frame = 0; frame < 4; ++frame) {
    CHECK(running.sink.attempts[frame].size() <= 64 * 1024);
    CHECK(running.sink.attempts[frame].size() > 64 * 1024 - 200);
  }
}

TEST_CASE("runner: a failed delivery is tried again, the same bytes, before anything newer") {
  Running running({.encoding = Encoding::text});
  running.sink.answers.assign(5, refusal);
  running.process.put("first");
  CHECK(running.process.run_until([&] { return running.sink.attempts.size() == 2; }));
  CHECK(running.runner->last_error() == Error::no_space);
  running.process.put("second");
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }, 600s));
  CHECK(running.sink.delivered == "first\nsecond\n");
  CHECK(running.sink.attempts.size() == 7);
  for (std::size_t attempt = 0; attempt < 6; ++attempt) {
    CHECK(running.sink.attempts[attempt] == "first\n");
    CHECK((running.sink.ids[attempt] == running.sink.ids[0]));
  }
  CHECK(running.process.sink_counters.retries == 5);
  CHECK(running.runner->last_error() == Error::none);
}

TEST_CASE("runner: a stop makes a sink that is backing off try once more at once") {
  Running running({.encoding = Encoding::text, .retry = {.first = 1h, .longest = 1h}});
  running.sink.answers.assign(1, refusal);
  running.process.put("event");
  CHECK(running.process.run_until([&] { return running.sink.attempts.size() == 1; }));
  const Instant asked = running.process.scheduler->now();
  running.process.channel->close();
  running.process.stop_request.request();
  CHECK(running.process.run_until([&] { return running.sink.shut_down; }));
  CHECK(running.process.scheduler->now() - asked < 1min);
  CHECK(running.sink.delivered == "event\n");
}

TEST_CASE("runner: json has time, source, severity, headers and body; bad UTF-8 is counted") {
  Running running({.encoding = Encoding::json});
  running.world.set_wall_clock(wall_from_ns(1'767'225'600'000'000'000));
  std::byte buffer[32];
  HeaderWriter headers{MutableBytes(buffer)};
  headers.add("host", "gw\"1");
  running.process.put("caf\xE9 \n", headers.headers());
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  const std::string& line = running.sink.delivered;
  CHECK(line.starts_with("{\"time\":\"2026-01-01T00:00:0"));
  CHECK(line.find("Z\",\"source\":\"test\",\"headers\":{\"host\":\"gw\\\"1\"},"
                  "\"body\":\"caf\xEF\xBF\xBD \\n\"}\n") != std::string::npos);
  CHECK(running.process.sink_counters.replaced_characters == 1);
}

TEST_CASE("runner: times since boot follow a clock that is set late") {
  Running running({.encoding = Encoding::json});
  running.world.set_wall_clock(wall_from_ns(0));
  running.process.put("early");
  running.world.set_wall_clock(wall_from_ns(1'767'225'600'000'000'000));
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.sink.delivered.find("2026-01-01T00:00:0") != std::string::npos);
}

TEST_CASE("runner: gaps are written where they belong") {
  SUBCASE("json") {
    Running running({.encoding = Encoding::json},
                    {.capacity_bytes = 64 * 1024, .when_full = WhenFull::drop_newest});
    const std::string body(1000, 'x');
    for (int each = 0; each < 200; ++each) running.process.put(body);
    const auto dropped = running.process.channel->counters().dropped_events;
    CHECK(dropped > 0);
    CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
    running.process.put("after");
    CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
    CHECK(running.sink.delivered.find(concat("{\"gap\":{\"events\":", dropped, ",\"bytes\":",
                                             dropped * 1000, ",\"from\":\"")) != std::string::npos);
    CHECK(running.process.sink_counters.gap_events == dropped);
  }
  SUBCASE("text, asked for") {
    Running running({.encoding = Encoding::text, .text_gaps = true},
                    {.capacity_bytes = 64 * 1024, .when_full = WhenFull::drop_oldest});
    const std::string body(1000, 'x');
    for (int each = 0; each < 200; ++each) running.process.put(body);
    const auto dropped = running.process.channel->counters().dropped_events;
    CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
    CHECK(running.sink.delivered.starts_with(concat("[runnel: ", dropped, " events dropped]\n")));
  }
}

TEST_CASE("runner: a batch with nothing to write is not safe before what was held in front of it") {
  // One record a batch, so that a gap record, which nobody wants to read, is a batch by itself.
  Running running({.take = {.events_max = 1}, .encoding = Encoding::text},
                  {.capacity_bytes = channel_capacity_min, .when_full = WhenFull::drop_newest});
  running.sink.usual.outcome = Delivery::Outcome::held;
  PipelineProcess& process = running.process;
  const auto all_written = [&] {
    return process.subscription->written() == process.channel->head();
  };
  const std::string body(1000, 'x');
  for (int each = 0; each < 10; ++each) process.put(body);
  REQUIRE(process.run_until(all_written));
  const Position half = process.subscription->written();
  while (process.channel->counters().dropped_events == 0) process.put(body);
  const auto dropped = process.channel->counters().dropped_events;
  REQUIRE(process.run_until(all_written));
  // Some of it is durable; there is room for the gap record and one more event.
  process.subscription->settle(half);
  const std::size_t frames = running.sink.attempts.size();
  process.put("after");
  REQUIRE(process.run_until(all_written));
  CHECK(process.sink_counters.gap_events == dropped);
  CHECK(running.sink.attempts.size() == frames + 1);
  CHECK(running.sink.attempts.back() == "after\n");
  CHECK(process.channel->custody() == half);
  process.subscription->settle(process.subscription->written());
  CHECK(process.channel->drained());
}

TEST_CASE("runner: partitions never share a frame, and keep their order") {
  Running running({.take = {.events_max = 1000}, .encoding = Encoding::text, .partitions = true});
  std::map<char, std::string> sent;
  for (int number = 0; number < 900; ++number) {
    const char host = static_cast<char>('a' + number % 7);
    std::byte buffer[16];
    HeaderWriter headers{MutableBytes(buffer)};
    headers.add("host", std::string_view(&host, 1));
    const std::string body = concat(number, " ", std::string(200, host));
    sent[host] += body + "\n";
    running.process.put(body, headers.headers());
  }
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  std::map<char, std::string> got;
  for (std::size_t index = 0; index < running.sink.attempts.size(); ++index)
    got[static_cast<char>(running.sink.keys[index])] += running.sink.attempts[index];
  CHECK((got == sent));
}

TEST_CASE("runner: what partitions make of a batch fills the buffer") {
  std::uint32_t hosts = 1;
  SUBCASE("one") {}
  SUBCASE("several") { hosts = 3; }
  constexpr std::size_t batches = 5;
  DeliverySettings settings{.encoding = Encoding::json, .partitions = true};
  settings.take.bytes_max = 64 * 1024;
  settings.record_bytes_max = 1024;
  Running running(settings, {.capacity_bytes = 512 * 1024});
  std::size_t length = 0;
  for (std::uint32_t number = 0; number < 1500; ++number) {
    const char host = static_cast<char>('a' + number % hosts);
    std::byte buffer[16];
    HeaderWriter headers{MutableBytes(buffer)};
    headers.add("host", std::string_view(&host, 1));
    running.process.put(std::string(100, 'x'), headers.headers());
  }
  CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.process.sink_counters.sent_events == 1500);
  for (const std::string& frame : running.sink.attempts) length += frame.size();
  // JSON takes more room than the records that it is made of.
  CHECK(length > 4 * settings.take.bytes_max);
  CHECK(length <= batches * settings.take.bytes_max);
  CHECK(running.process.sink_counters.sent_batches == batches);
}

TEST_CASE("runner: a batch whose partitions are not alike shrinks by quarters until it fits") {
  DeliverySettings settings{.encoding = Encoding::json, .partitions = true};
  settings.take.bytes_max = 64 * 1024;
  settings.record_bytes_max = 2048;
  Running running(settings, {.capacity_bytes = 512 * 1024});
  // Nine KiB each as JSON, behind the many of the other one: how many found room says nothing.
  constexpr std::size_t large = 5, all = 456;
  for (std::size_t number = 0; number < all; ++number) {
    const bool is_large = number > 0 && number <= large;
    std::byte buffer[16];
    HeaderWriter headers{MutableBytes(buffer)};
    headers.add("host", is_large ? "b" : "a");
    running.process.put(concat(number, ' ', std::string(is_large ? 1500 : 30, is_large ? 1 : 'x')),
                        headers.headers());
  }
  REQUIRE(running.process.run_until([&] { return running.process.channel->drained(); }));
  CHECK(running.process.sink_counters.sent_events == all);
  // Of each host in order.
  std::map<std::uint64_t, std::vector<std::uint64_t>> got;
  std::size_t in_first = 0;
  for (std::size_t index = 0; index < running.sink.attempts.size(); ++index) {
    std::string_view frame = running.sink.attempts[index];
    CHECK(frame.size() <= settings.take.bytes_max);
    constexpr std::string_view before = "\"body\":\"";
    for (std::size_t at = frame.find(before); at != frame.npos; at = frame.find(before)) {
      frame.remove_prefix(at + before.size());
      got[running.sink.keys[index]].push_back(
          parse_number(frame.substr(0, frame.find(' '))).value());
      if (index < 2) ++in_first;
    }
  }
  REQUIRE(got['a'].size() == all - large);
  CHECK(got['b'] == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
  CHECK(std::is_sorted(got['a'].begin(), got['a'].end()));
  CHECK(running.process.sink_counters.sent_batches == 2);
  CHECK(in_first == 145);  // 456, 342, 257, 193
}

TEST_CASE("runner: octet-counted, an empty body where one byte is left") {
  for (std::size_t last = 0; last < 130; ++last) {
    CAPTURE(last);
    DeliverySettings settings{.encoding = Encoding::text, .octet_counted = true};
    settings.take.bytes_max = 512;
    settings.record_bytes_max = 128;
    Running running(settings);
    std::string expected;
    for (const std::size_t bytes :
         {std::size_t{100}, std::size_t{100}, std::size_t{100}, std::size_t{65}, last,
          std::size_t{0}, std::size_t{0}, std::size_t{40}}) {
      const std::string body(bytes, 'x');
      running.process.put(body);
      expected += concat(bytes, ' ', body);
    }
    CHECK(running.process.run_until([&] { return running.process.channel->drained(); }));
    CHECK(running.sink.delivered == expected);
    for (const std::string& frame : running.sink.attempts) CHECK(frame.size() <= 512);
  }
}
