// Goal: the tcp sink delivers everything to a peer that dies, hangs, or is not there at first, and
// knows what the peer's kernel has not acknowledged.
// Method: the sink under its real runner in the simulated world, with a receiver that the test
// kills and starts again; what has arrived is compared with what was put.
#include "sinks/tcp/tcp_sink.hpp"

#include "pipeline/connection_options.hpp"
#include "tests/sim/receiver.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "127.0.0.1:5170";

SinkUnderTest tcp_sink(Given given = {}) {
  given.insert(given.begin(), {{"address", server},
                               {"batch.linger", "1ms"},
                               {"retry.first", "10ms"},
                               {"reply_timeout", "2s"}});
  return SinkUnderTest(sinks::tcp_sink_type, given);
}

}  // namespace

TEST_CASE("tcp sink: everything arrives, in order, over one connection") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Receiver receiver(process, server);
  receiver.start();
  SinkUnderTest sink = tcp_sink();
  sink.run(process);
  put(process, 0, 500);
  REQUIRE(drain(process));
  REQUIRE(receiver.connections.size() == 1);
  const auto numbers = numbers_in(receiver.received());
  REQUIRE(numbers.size() == 500);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  CHECK(process.sink_counters.sent_events == 500);
  CHECK(process.sink_counters.connections == 1);
  CHECK(process.sink_counters.wire_bytes == receiver.received().size());
  finish(process);
  receiver.stop();
}

TEST_CASE("tcp sink: octet-counted frames carry lines of any kind") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Receiver receiver(process, server);
  receiver.start();
  SinkUnderTest sink = tcp_sink({{"framing", "octet_counted"}});
  sink.run(process);
  process.put("one\ntwo");
  process.put("");
  process.put("three");
  REQUIRE(drain(process));
  CHECK(receiver.received() == "7 one\ntwo0 5 three");
  finish(process);
  receiver.stop();
}

TEST_CASE("tcp sink: a peer that is not there yet is waited for; one that dies is found again") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Receiver receiver(process, server);
  SinkUnderTest sink = tcp_sink();
  sink.run(process);
  put(process, 0, 100);
  CHECK_FALSE(drain(process, 5s));
  CHECK(sink.runner->last_error() == Error::refused);
  receiver.start();
  REQUIRE(drain(process));
  die_often(process, receiver);
  CHECK(readable_numbers(receiver.received()).size() == 2000);
  CHECK(process.sink_counters.connections >= 20);
  finish(process);
  receiver.stop();
}

TEST_CASE("tcp sink: what a peer that hangs has not acknowledged is not delivered") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Receiver receiver(process, server);
  receiver.hang(true);
  receiver.start();
  SinkUnderTest sink = tcp_sink();
  sink.run(process);
  for (std::uint64_t number = 0; number < 40; ++number) process.put(body(number, 10'000));
  CHECK_FALSE(drain(process, 10s));
  CHECK(sink.runner->last_error() == Error::timed_out);
  receiver.hang(false);
  REQUIRE(drain(process, 2min));
  CHECK(readable_numbers(receiver.received()).size() == 40);
  finish(process);
  receiver.stop();
}

TEST_CASE("tcp sink: who waits for a silent peer looks seldom, and soon enough") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Receiver receiver(process, server);
  receiver.hang(true);
  receiver.start();
  SinkUnderTest sink = tcp_sink({{"reply_timeout", "1m"}});
  sink.run(process);
  for (std::uint64_t number = 0; number < 40; ++number) process.put(body(number, 10'000));
  process.run_for(1s);
  const std::uint64_t before = process.scheduler->turns();
  process.run_for(20s);
  CHECK(process.scheduler->turns() - before < 100);
  receiver.hang(false);
  REQUIRE(drain(process, 5s));
  CHECK(process.sink_counters.retries == 0);
  finish(process);
  receiver.stop();
}

TEST_CASE("tcp sink: addresses that cannot be are named") {
  const auto problem_of = [](std::string_view address) {
    pipeline::OptionValues values;
    values.set("address", std::string(address));
    pipeline::fill_standard(sinks::tcp_sink_type.options, values);
    pipeline::fill_standard(pipeline::connection_options(), values);
    const auto plan = sinks::tcp_sink_type.plan(values);
    return plan ? std::string() : plan.error().text;
  };
  CHECK(problem_of("192.0.2.1:5170").empty());
  CHECK(problem_of("logs.example.org:5170").empty());
  CHECK(problem_of("tcp://192.0.2.1:5170").empty());
  CHECK(problem_of("tls://logs.example.org:6514").empty());
  CHECK(problem_of("[::1]:5170").empty());
  CHECK(problem_of("logs") == "\"logs\" has no port: write for example \"logs:5170\"");
  CHECK(problem_of("logs:0") == "\"0\" is not a port: a number from 1 to 65535");
  CHECK(problem_of("a b:1") == "\"a b\" is not a host: a name or an address");
  CHECK(problem_of("::1:5170") ==
        "\"::1:5170\": an IPv6 address stands in brackets, as in \"[::1]:5170\"");
  CHECK(problem_of("[zz]:1") == "\"zz\" is not an IPv6 address");
}
