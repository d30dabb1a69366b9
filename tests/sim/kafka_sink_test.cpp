// Goal: the kafka sink acknowledges what every message of it has a good report for, repeats only
// what has none, refuses for good only what is refused alone, and leaves nothing behind at a stop.
// Method: the sink under its real runner in the simulated world, on a library that the test
// scripts.
#include <set>

#include "pipeline/dead_letter.hpp"
#include "sinks/kafka/kafka.hpp"
#include "tests/sim/kafka_cluster.hpp"
#include "tests/sim/log_reader.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

using Verdict = FakeCluster::Verdict;
using Message = FakeCluster::Message;
using Answer = FakeCluster::Answer;

SinkUnderTest kafka_sink(const Given& more = {}) {
  Given given = {{"brokers", "k1.example.org, 127.0.0.1:9093"},
                 {"topic", "logs.%{source}"},
                 {"batch.linger", "1ms"},
                 {"retry.first", "10ms"},
                 {"retry.longest", "100ms"},
                 {"reply_timeout", "5s"}};
  given.insert(given.end(), more.begin(), more.end());
  return SinkUnderTest(sinks::kafka_type, given);
}

struct Sending : Disk {
  explicit Sending(const Given& more = {})
      : process(machine), cluster(process), sink(kafka_sink(more)) {}
  ~Sending() {
    process.stop();
    if (sink.sink != nullptr) sink.sink->~Sink();
  }
  void run() { sink.run(process); }
  SinkCounters& counters() { return process.sink_counters; }

  PipelineProcess process;
  FakeCluster cluster;
  SinkUnderTest sink;
};

std::vector<std::string> bodies(std::uint64_t from, std::uint64_t until) {
  std::vector<std::string> all;
  for (std::uint64_t number = from; number < until; ++number) all.push_back(body(number));
  return all;
}
bool has(const Message& message, std::uint64_t number) { return message.value == body(number); }

}  // namespace

TEST_CASE("kafka: every event is a message, in order, within the window") {
  Sending sending(Given{{"window", "32"}});
  sending.run();
  put(sending.process, 0, 1000);
  CHECK(drain(sending.process));
  CHECK(sending.cluster.values() == bodies(0, 1000));
  CHECK(sending.cluster.under_way_most == 32);
  CHECK(sending.counters().sent_events == 1000);
  CHECK(sending.counters().retries == 0);
  CHECK(sending.cluster.sent[0].topic == "logs.test");
  CHECK(!sending.cluster.sent[0].has_key);
  CHECK(sending.cluster.opened.brokers == "k1.example.org:9092,127.0.0.1:9093");
  CHECK(sending.cluster.opened.acks == "all");
  CHECK(sending.cluster.opened.messages_max == 32);
  CHECK(sending.cluster.opened.bytes_max >= 64 * 1024);
  finish(sending.process);
  CHECK(sending.cluster.gave_up == 0);
}

TEST_CASE("kafka: key, headers and time of a message") {
  Sending sending(Given{{"key", "%{host}"}, {"headers", "true"}});
  sending.run();
  std::byte room[64];
  HeaderWriter headers{MutableBytes(room)};
  headers.add("host", "gw");
  headers.add("app", "x y");
  sending.process.put("one", headers.headers());
  sending.process.put("two");
  CHECK(drain(sending.process));
  REQUIRE(sending.cluster.sent.size() == 2);
  CHECK(sending.cluster.sent[0].key == "gw");
  CHECK(sending.cluster.sent[0].headers == "host=gw,app=x y");
  CHECK(sending.cluster.sent[1].key == "unknown");
  CHECK(sending.cluster.sent[1].headers.empty());
  const auto late = std::chrono::floor<std::chrono::milliseconds>(late_evening.time_since_epoch());
  REQUIRE(sending.cluster.sent[0].timestamp_ms.has_value());
  CHECK(*sending.cluster.sent[0].timestamp_ms >= late.count());
  CHECK(*sending.cluster.sent[0].timestamp_ms < late.count() + 1000);
  finish(sending.process);
}

TEST_CASE("kafka: nothing is acknowledged before the last report has come") {
  Sending sending;
  sending.cluster.judge = [](const Message& message) {
    return Answer{.after = has(message, 7) ? 3s : 1ms};
  };
  sending.run();
  put(sending.process, 0, 20);
  CHECK(sending.process.run_until([&] { return sending.cluster.arrived.size() == 19; }));
  sending.process.run_for(2s);
  CHECK(!sending.process.channel->drained());
  CHECK(drain(sending.process));
  CHECK(sending.cluster.sent.size() == 20);
  finish(sending.process);
}

TEST_CASE("kafka: what failed is sent again, what was delivered is not") {
  Sending sending;
  std::set<std::string> failed;
  sending.cluster.trouble = "k1:9092: connection refused";
  sending.cluster.judge = [&](const Message& message) {
    const bool third = message.value[6] == '3';  // "event 3"
    const bool first_time = third && failed.insert(message.value).second;
    return first_time ? Answer{Verdict::failed, Error::timed_out} : Answer();
  };
  LogReader log;
  sending.run();
  put(sending.process, 0, 100);
  CHECK(drain(sending.process));
  CHECK(failed.size() == 11);
  CHECK(sending.cluster.sent.size() == 111);
  CHECK(std::set<std::string>(sending.cluster.arrived.begin(), sending.cluster.arrived.end())
            .size() == 100);
  CHECK(sending.cluster.arrived.size() == 100);
  CHECK(sending.counters().sent_events == 100);
  CHECK(sending.counters().retries >= 1);
  CHECK(log.count("topic logs.test: as the test says; k1:9092: connection refused") >= 1);
  finish(sending.process);
}

TEST_CASE("kafka: of a refused batch only what is refused alone becomes a dead letter") {
  Sending sending(Given{{"dead_letter.dir", "/dead"}});
  std::size_t alone = 0;
  LogReader log;
  // A broker refuses all that is with message 5 while others are under way.
  sending.cluster.judge = [&](const Message& message) {
    if (sending.cluster.sent.size() > 20) ++alone;
    const bool together = sending.cluster.sent.size() <= 20;
    const bool refused =
        has(message, 5) || (together && message.value < body(5) && !has(message, 1));
    return refused ? Answer{Verdict::refused_batch, Error::refused} : Answer();
  };
  sending.run();
  put(sending.process, 0, 20);
  CHECK(drain(sending.process));
  CHECK(sending.counters().refused_events == 1);
  CHECK(sending.counters().sent_events == 19);
  CHECK(sending.counters().dead_letter_events == 1);
  CHECK(sending.counters().dead_letter_lost_events == 0);
  CHECK(sending.cluster.arrived.size() == 19);
  CHECK(alone > 1);
  CHECK(log.count("their events go one by one") == 1);
  const auto file = sending.machine.files().text("/dead/test.dead");
  REQUIRE(file.has_value());
  CHECK(file->find(body(5)) != std::string::npos);
  CHECK(file->find(body(4)) == std::string::npos);
  CHECK(file->find("topic logs.test: as the test says") != std::string::npos);
  finish(sending.process);
}

TEST_CASE("kafka: what is refused for its topic or its size is not tried again") {
  Sending sending(Given{{"dead_letter.dir", "/dead"}});
  sending.cluster.value_max = 150;
  sending.cluster.judge = [](const Message& message) {
    return has(message, 3) ? Answer{Verdict::refused, Error::refused} : Answer();
  };
  sending.run();
  put(sending.process, 0, 10);
  put(sending.process, 10, 11, 200);
  CHECK(drain(sending.process));
  CHECK(sending.cluster.sent.size() == 10);
  CHECK(sending.counters().refused_events == 2);
  CHECK(sending.counters().dead_letter_events == 2);
  CHECK(sending.counters().sent_events == 9);
  finish(sending.process);
}

TEST_CASE("kafka: a library without room is waited for") {
  Sending sending;
  sending.cluster.room = 3;
  sending.run();
  put(sending.process, 0, 50);
  CHECK(drain(sending.process));
  CHECK(sending.cluster.values() == bodies(0, 50));
  CHECK(sending.counters().retries == 0);
  finish(sending.process);
}

TEST_CASE("kafka: what is never reported is given up, and late reports mean nothing") {
  Sending sending;
  bool silent = true;
  sending.cluster.judge = [&](const Message& message) {
    return Answer{.never = silent && has(message, 2)};
  };
  sending.run();
  put(sending.process, 0, 5);
  CHECK(sending.process.run_until([&] { return sending.cluster.gave_up == 1; }, 30s));
  CHECK(sending.counters().retries == 0);
  silent = false;
  CHECK(drain(sending.process));
  CHECK(sending.cluster.values(5) == bodies(2, 3));
  CHECK(sending.counters().sent_events == 5);
  finish(sending.process);
}

TEST_CASE("kafka: a producer that can go no further is renewed, and only what is open goes again") {
  Sending sending;
  sending.cluster.judge = [&](const Message& message) {
    if (has(message, 4) && sending.cluster.renewed == 0) {
      sending.cluster.broken = true;
      return Answer{Verdict::failed, Error::refused};
    }
    return Answer();
  };
  sending.run();
  put(sending.process, 0, 8);
  CHECK(drain(sending.process));
  CHECK(sending.cluster.renewed == 1);
  CHECK(sending.cluster.values(5) == bodies(4, 8));
  CHECK(sending.counters().sent_events == 8);
  finish(sending.process);
}

TEST_CASE("kafka: a stop gives up what is under way, and the events stay in the channel") {
  Sending sending(Given{{"reply_timeout", "1h"}});
  sending.cluster.judge = [](const Message&) { return Answer{.never = true}; };
  sending.run();
  put(sending.process, 0, 5);
  CHECK(sending.process.run_until([&] { return sending.cluster.sent.size() == 5; }));
  sending.process.stop();
  CHECK(sending.cluster.gave_up == 1);
  CHECK(!sending.process.channel->drained());
  CHECK(sending.counters().sent_events == 0);
}

TEST_CASE("kafka: a library that does not open, or is not there, is told at the start") {
  Sending sending;
  SUBCASE("refuses") {
    sending.cluster.problem_at_open = "no such file";
    const Started started = sending.sink.start(sending.process);
    REQUIRE(!started.has_value());
    CHECK(started.error().text == "sinks.test: no such file");
  }
  SUBCASE("is not there") {
    sending.process.network.kafka = nullptr;
    const Started started = sending.sink.start(sending.process);
    REQUIRE(!started.has_value());
    CHECK(started.error().text == "sinks.test: there is no kafka library on this platform");
  }
}

TEST_CASE("kafka: what the library takes from the heap is in the plan") {
  Sending sending(Given{{"window", "2000"}});
  Region region = Region::measuring();
  sending.sink.plan->build(region, nullptr);
  net::KafkaSettings settings;
  settings.messages_max = 2000;
  settings.bytes_max = 512 * 1024;
  CHECK(region.used() >= net::kafka_heap_bytes(settings));
  CHECK(region.handles() > 200);
}
