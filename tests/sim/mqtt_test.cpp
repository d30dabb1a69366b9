// Goal: the mqtt sink publishes every event once where nothing fails, and at least once where
// brokers die, hang, refuse and forget, within the window; that it keeps its connection alive and
// says goodbye. Method: the sink under its real runner in the simulated world, against a broker of
// the test's own that counts what a client must not do.
#include "sinks/mqtt/mqtt.hpp"

#include "tests/sim/mqtt_broker.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;
using testing::from_hex;

namespace {

constexpr std::string_view server = "127.0.0.1:1883";

SinkUnderTest mqtt_sink(Given given = {}) {
  const Given standard = {{"address", server},     {"topic", "edge/%{source}"},
                          {"batch.linger", "1ms"}, {"retry.first", "10ms"},
                          {"retry.longest", "1s"}, {"reply_timeout", "2s"}};
  given.insert(given.begin(), standard.begin(), standard.end());
  return SinkUnderTest(sinks::mqtt_type, given);
}
std::vector<std::uint64_t> numbers_of(const Broker& broker) {
  std::string all;
  for (const auto& message : broker.messages) all += message.payload + "\n";
  return numbers_in(all);
}
bool has_each_once(const Broker& broker, std::uint64_t count) {
  const auto numbers = numbers_of(broker);
  return numbers.size() == count && std::is_sorted(numbers.begin(), numbers.end());
}
bool has_all(const Broker& broker, std::uint64_t count) {
  const auto numbers = numbers_of(broker);
  return std::set<std::uint64_t>(numbers.begin(), numbers.end()).size() == count;
}

struct World {
  explicit World(Given given = {})
      : process(disk.machine), broker(process, server), sink(mqtt_sink(std::move(given))) {}
  void start() {
    broker.start();
    sink.run(process);
  }
  void end() {
    finish(process);
    process.run_for(10ms);  // its goodbye is on the way
    CHECK(broker.wrong == 0);
    broker.stop();
  }
  Disk disk;
  PipelineProcess process;
  Broker broker;
  SinkUnderTest sink;
};

}  // namespace

TEST_CASE("mqtt sink: every event is a message, in order, within the window") {
  for (const std::string_view protocol : {"5", "3.1.1"}) {
    for (const bool withholds : {false, true}) {
      CAPTURE(protocol);
      CAPTURE(withholds);
      World world({{"protocol", protocol}, {"window", "50"}});
      if (protocol == "3.1.1") world.broker.connack = from_hex("20 02 00 00");
      world.broker.waiting_max = 50;
      world.broker.withholds = withholds;
      world.start();
      put(world.process, 0, 500);
      REQUIRE(drain(world.process));
      CHECK(has_each_once(world.broker, 500));
      CHECK(world.broker.messages[0].topic == "edge/test");
      CHECK(world.broker.duplicates == 0);
      CHECK(world.broker.connects.size() == 1);
      CHECK(world.process.sink_counters.sent_events == 500);
      world.end();
      CHECK(world.broker.goodbyes == 1);
    }
  }
}

TEST_CASE("mqtt sink: a broker's Receive Maximum counts") {
  World world(Given{{"window", "50"}});
  world.broker.connack = from_hex("20 06 00 00 03 21 00 07");
  world.broker.waiting_max = 7;
  world.broker.withholds = true;
  world.start();
  put(world.process, 0, 70);
  REQUIRE(drain(world.process));
  CHECK(has_each_once(world.broker, 70));
  CHECK(world.broker.waiting_most == 7);
  world.end();
}

TEST_CASE("mqtt sink: what CONNECT says") {
  World world({{"client_id", "gw7"},
               {"user", "u"},
               {"password", "p"},
               {"keep_alive", "30s"},
               {"session_expiry", "10s"},
               {"will.topic", "state/gw7"},
               {"will.payload", "gone"},
               {"will.qos", "1"},
               {"will.retain", "true"}});
  world.start();
  put(world.process, 0, 1);
  REQUIRE(drain(world.process));
  REQUIRE(world.broker.connects.size() == 1);
  CHECK(world.broker.connects[0] ==
        from_hex("00 04 'MQTT' 05 EC 00 1E 0A 11 00 00 00 0A 27 00 00 10 00 00 03 'gw7' 00"
                 "00 09 'state/gw7' 00 04 'gone' 00 01 'u' 00 01 'p'"));
  world.end();
}

TEST_CASE("mqtt sink: a broker that dies gets what it did not acknowledge once more") {
  for (const bool keeps_sessions : {true, false}) {
    CAPTURE(keeps_sessions);
    World world(Given{{"window", "20"}});
    world.broker.keeps_sessions = keeps_sessions;
    world.broker.waiting_max = 20;
    world.broker.dies_after = 33;
    world.start();
    put(world.process, 0, 200);
    REQUIRE(drain(world.process));
    CHECK(has_all(world.broker, 200));
    CHECK(world.broker.connects.size() == 2);
    // Only where it was asked to remember are they the same messages.
    CHECK((world.broker.duplicates > 0) == keeps_sessions);
    CHECK(world.process.sink_counters.retries == 1);
    world.end();
  }
}

TEST_CASE("mqtt sink: a broker that comes and goes loses nothing") {
  World world;
  world.sink.run(world.process);
  put(world.process, 0, 100);
  CHECK_FALSE(drain(world.process, 5s));
  CHECK(world.sink.runner->last_error() == Error::refused);
  world.broker.start();
  REQUIRE(drain(world.process));
  die_often(world.process, world.broker);
  CHECK(has_all(world.broker, 2000));
  world.end();
}

TEST_CASE("mqtt sink: a broker that takes and never answers is left") {
  World world;
  world.broker.silent = true;
  world.start();
  put(world.process, 0, 10);
  CHECK_FALSE(drain(world.process, 10s));
  CHECK(world.sink.runner->last_error() == Error::timed_out);
  CHECK(world.broker.connects.size() >= 3);
  world.broker.silent = false;
  REQUIRE(drain(world.process));
  CHECK(has_each_once(world.broker, 10));
  world.end();
}

TEST_CASE("mqtt sink: answers to pings are no acknowledgements") {
  World world({{"keep_alive", "1s"}, {"reply_timeout", "3s"}});
  world.broker.silent = true;
  world.start();
  put(world.process, 0, 10);
  CHECK_FALSE(drain(world.process, 10s));
  CHECK(world.sink.runner->last_error() == Error::timed_out);
  CHECK(world.broker.connects.size() >= 2);
  world.broker.silent = false;
  REQUIRE(drain(world.process));
  CHECK(has_each_once(world.broker, 10));
  world.end();
}

TEST_CASE("mqtt sink: refused for good, and refused for now") {
  World world;
  int quota = 3;
  world.broker.judge = [&quota](const Broker::Published& message) -> std::uint8_t {
    if (message.payload.starts_with("event 13 ")) return 0x99;
    if (message.payload.starts_with("event 20 ") && quota-- > 0) return 0x97;
    return message.payload.starts_with("event 21 ") ? 0x10 : 0;
  };
  world.start();
  put(world.process, 0, 40);
  REQUIRE(drain(world.process));
  CHECK(has_all(world.broker, 39));
  CHECK(world.process.sink_counters.refused_events == 1);
  CHECK(world.process.sink_counters.retries == 3);
  CHECK(world.broker.connects.size() == 1);
  CHECK(world.broker.taken == 43);  // nothing else was sent twice
  world.broker.judge = [](const auto&) { return std::uint8_t{0x87}; };
  put(world.process, 40, 45);
  REQUIRE(drain(world.process));
  CHECK(world.process.sink_counters.refused_events == 6);
  world.end();
}

TEST_CASE("mqtt sink: messages larger than the broker takes, and than the buffer") {
  for (const std::string_view qos : {"0", "1"}) {
    CAPTURE(qos);
    World world({{"qos", qos}});
    world.broker.connack = from_hex("20 08 00 00 05 27 00 01 00 00");  // 64 KiB
    world.start();
    for (std::uint64_t number = 0; number < 12; ++number)
      world.process.put(body(number, number % 4 == 1 ? 65'600 : number % 4 == 2 ? 50'000 : 20));
    REQUIRE(drain(world.process));
    world.process.run_for(100ms);
    CHECK(numbers_of(world.broker) == std::vector<std::uint64_t>{0, 2, 3, 4, 6, 7, 8, 10, 11});
    CHECK(world.process.sink_counters.refused_events == 3);
    world.end();
  }
}

TEST_CASE("mqtt sink: QoS 0 is delivered when the broker's kernel has it") {
  World world({{"qos", "0"}, {"retain", "true"}, {"protocol", "3.1.1"}});
  world.broker.connack = from_hex("20 02 00 00");
  world.start();
  put(world.process, 0, 100);
  REQUIRE(drain(world.process));
  world.process.run_for(100ms);
  CHECK(has_each_once(world.broker, 100));
  CHECK(world.broker.messages[0].retain);
  world.broker.hang(true);
  for (std::uint64_t number = 100; number < 140; ++number) world.process.put(body(number, 10'000));
  CHECK_FALSE(drain(world.process, 10s));
  world.broker.hang(false);
  REQUIRE(drain(world.process, 2min));
  world.end();
}

TEST_CASE("mqtt sink: pings only when nothing else is sent, and a broker that is gone is noticed") {
  World world(Given{{"keep_alive", "10s"}});
  world.start();
  put(world.process, 0, 1);
  REQUIRE(drain(world.process));
  for (std::uint64_t pings = 0; pings < 3; ++pings) {
    CHECK(world.process.run_until([&] { return world.broker.pings > pings; }, 11s));
    CHECK_FALSE(world.process.run_until([&] { return world.broker.pings > pings + 1; }, 9s));
  }
  for (std::uint64_t number = 1; number < 40; ++number) {
    put(world.process, number, number + 1);
    world.process.run_for(1s);
  }
  CHECK(world.broker.pings == 3);
  world.broker.answers_pings = false;
  CHECK(world.process.run_until([&] { return world.broker.pings > 3; }, 11s));
  world.process.run_for(3s);
  CHECK(world.broker.pings == 4);
  put(world.process, 40, 41);
  REQUIRE(drain(world.process));
  CHECK(world.broker.connects.size() == 2);
  CHECK(has_each_once(world.broker, 41));
  world.end();
}

TEST_CASE("mqtt sink: refused connections, and what does not speak MQTT") {
  struct Case {
    std::string_view connack, qos;
    Error error;
  };
  for (const auto& [connack, qos, error] :
       {Case{"20 03 00 87 00", "1", Error::access}, Case{"20 02 00 01", "1", Error::unsupported},
        Case{"20 03 00 88 00", "1", Error::refused}, Case{"'HTTP/1.1 400'", "1", Error::malformed},
        Case{"20 05 00 00 02 24 00", "1", Error::unsupported}}) {
    CAPTURE(connack);
    World world({{"qos", qos}});
    world.broker.keeps_sessions = false;
    world.broker.connack = from_hex(connack);
    world.start();
    put(world.process, 0, 5);
    CHECK_FALSE(drain(world.process, 5s));
    CHECK(world.sink.runner->last_error() == error);
    world.broker.connack = from_hex("20 03 00 00 00");
    REQUIRE(drain(world.process));
    CHECK(has_each_once(world.broker, 5));
    world.end();
  }
}

TEST_CASE("mqtt sink: cancelled in the middle of anything") {
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    World world(Given{{"window", "8"}, {"keep_alive", "1s"}});
    world.broker.silent = round % 3 == 1;
    world.broker.answers_pings = round % 3 != 2;
    world.start();
    put(world.process, 0, 300);
    world.process.run_for(Duration(round * 137'000));
    world.process.stop();
    CHECK(world.broker.wrong == 0);
    CHECK(world.process.tasks() == 0);
    world.broker.stop();
  }
}

TEST_CASE("mqtt sink: a broker that says goodbye, and one that breaks the protocol") {
  struct Case {
    std::string_view sent;
    Error error;
  };
  // DISCONNECT "server shutting down"; PUBACK of nothing that was sent; a packet of a client's.
  for (const auto& [sent, error] :
       {Case{"E0 01 8B", Error::closed}, Case{"40 02 FF FE", Error::malformed},
        Case{"C0 00", Error::malformed}}) {
    CAPTURE(sent);
    World world;
    world.broker.interrupts = from_hex(sent);
    world.start();
    put(world.process, 0, 5);
    CHECK_FALSE(drain(world.process, 5s));
    CHECK(world.sink.runner->last_error() == error);
    world.broker.interrupts.clear();
    REQUIRE(drain(world.process));
    CHECK(has_each_once(world.broker, 5));
    world.end();
  }
}

TEST_CASE("mqtt sink: options that cannot be are named") {
  const auto problem_of = [](Given given) {
    pipeline::OptionValues values;
    values.set("address", std::string("broker"));
    values.set("topic", std::string("t"));
    for (const auto& [name, text] : given) values.set(name, std::string(text));
    pipeline::fill_standard(sinks::mqtt_type.options, values);
    pipeline::fill_standard(pipeline::connection_options(), values);
    const auto plan = sinks::mqtt_type.plan(values);
    return plan ? std::string() : plan.error().option;
  };
  CHECK(problem_of({}).empty());
  CHECK(problem_of({{"address", "a:b"}}) == "address");
  CHECK(problem_of({{"topic", "a/#"}}) == "topic");
  CHECK(problem_of({{"client_id", "\xff"}}) == "client_id");
  CHECK(problem_of({{"password", "p"}}).empty());
  CHECK(problem_of({{"password", "p"}, {"protocol", "3.1.1"}}) == "user");
  CHECK(problem_of({{"password", "p"}, {"password_file", "/p"}}) == "password_file");
  CHECK(problem_of({{"will.topic", "+"}}) == "will.topic");
  CHECK(problem_of({{"will.payload", "p"}}) == "will.payload");
}
