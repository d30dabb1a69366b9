// Goal: the syslog sink delivers over TCP what a receiver can count, octet by octet, also one that
// dies and comes back; over UDP each event is a datagram, and a receiver that refuses them gets
// them again. Method: the sink under its real runner in the simulated world, with a receiver of
// each kind that the test kills and starts again.
#include "sinks/syslog/syslog_sink.hpp"

#include "codec/syslog.hpp"
#include "pipeline/shared_link.hpp"
#include "tests/sim/receiver.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "127.0.0.1:601";

SinkUnderTest syslog_sink(std::string_view address, Given given = {}) {
  given.insert(given.begin(), {{"address", address},
                               {"batch.linger", "1ms"},
                               {"retry.first", "10ms"},
                               {"reply_timeout", "2s"}});
  return SinkUnderTest(sinks::syslog_sink_type, given);
}

std::string body_of(std::string_view message) {
  const auto parsed = codec::parse_syslog(as_bytes(message), {});
  REQUIRE_MESSAGE(parsed.parsed, message);
  CHECK(parsed.app == "test");
  return std::string(as_text(parsed.message));
}

// The bodies of octet-counted messages, a line each; of a connection that broke as far as they go.
std::string bodies_in(std::string_view stream) {
  std::string lines;
  while (!stream.empty()) {
    const auto space = stream.find(' ');
    if (space == std::string_view::npos) break;
    const auto count = parse_number(stream.substr(0, space));
    REQUIRE(count.has_value());
    stream.remove_prefix(space + 1);
    if (stream.size() < *count) break;
    lines += body_of(stream.substr(0, static_cast<std::size_t>(*count))) + '\n';
    stream.remove_prefix(static_cast<std::size_t>(*count));
  }
  return lines;
}

std::string bodies_of(const Receiver& receiver) {
  std::string lines;
  for (const auto& each : receiver.connections) lines += bodies_in(each.received);
  return lines;
}

// Takes datagrams, and stops and starts.
class DatagramReceiver {
 public:
  explicit DatagramReceiver(PipelineProcess& process) : process_(process) {}
  void start() {
    const auto address = *io::parse_address("127.0.0.1:514");
    const auto listening = process_.system.listen(io::Transport::udp, address, {});
    REQUIRE(listening.has_value());
    socket_ = *listening;
    scope_.emplace(*process_.scheduler, "receiver");
    scope_->spawn(receive());
  }
  void stop() {
    scope_->cancel();
    REQUIRE(process_.run_until([&] { return scope_->tasks() == 0; }));
    scope_.reset();
    process_.reactor.discard(std::exchange(socket_, io::Handle::none));
  }
  std::string bodies() const {
    std::string lines;
    for (const std::string& each : datagrams) lines += body_of(each) + '\n';
    return lines;
  }
  std::vector<std::string> datagrams;

 private:
  async::Task<void> receive() {
    std::byte buffer[4096];
    for (;;) {
      const auto received = co_await async::recv(socket_, buffer);
      if (!received) co_return;
      datagrams.emplace_back(as_text(Bytes(buffer).first(*received)));
    }
  }

  PipelineProcess& process_;
  io::Handle socket_ = io::Handle::none;
  std::optional<async::Scope> scope_;
};

}  // namespace

TEST_CASE("syslog sink: over TCP messages are counted, in order, and none is missing") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Receiver receiver(process, server);
  receiver.start();
  SinkUnderTest sink = syslog_sink("tcp://127.0.0.1");
  sink.run(process);
  process.put("one\ntwo");
  process.put("");
  REQUIRE(drain(process));
  CHECK(bodies_of(receiver) == "one\ntwo\n\n");
  put(process, 0, 500);
  REQUIRE(drain(process));
  const std::string all = bodies_of(receiver);
  const auto numbers = numbers_in(std::string_view(all).substr(all.find("event")));
  CHECK(numbers.size() == 500);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  CHECK(process.sink_counters.wire_bytes == receiver.received().size());
  finish(process);
  receiver.stop();
}

TEST_CASE("syslog sink: newline framing has a line for a message") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Receiver receiver(process, server);
  receiver.start();
  SinkUnderTest sink = syslog_sink("tcp://127.0.0.1", {{"framing", "newline"}});
  sink.run(process);
  process.put("one\ntwo");
  process.put("three");
  REQUIRE(drain(process));
  const std::string all = receiver.received();
  CHECK(std::count(all.begin(), all.end(), '\n') == 2);
  CHECK(body_of(all.substr(0, all.find('\n'))) == "one two");
  finish(process);
  receiver.stop();
}

TEST_CASE("syslog sink: a TCP receiver that dies is found again") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Receiver receiver(process, server);
  SinkUnderTest sink = syslog_sink("tcp://127.0.0.1:601");
  sink.run(process);
  put(process, 0, 100);
  CHECK_FALSE(drain(process, 5s));
  CHECK(sink.runner->last_error() == Error::refused);
  receiver.start();
  REQUIRE(drain(process));
  die_often(process, receiver);
  CHECK(readable_numbers(bodies_of(receiver)).size() == 2000);
  CHECK(process.sink_counters.connections >= 20);
  finish(process);
  receiver.stop();
}

TEST_CASE("syslog sink: over UDP each event is a datagram, and long ones are cut and counted") {
  Disk disk;
  PipelineProcess process(disk.machine);
  DatagramReceiver receiver(process);
  receiver.start();
  SinkUnderTest sink = syslog_sink("udp://127.0.0.1");
  sink.run(process);
  put(process, 0, 200);
  REQUIRE(drain(process));
  REQUIRE(process.run_until([&] { return receiver.datagrams.size() >= 200; }));
  const auto numbers = readable_numbers(receiver.bodies());
  CHECK(numbers.size() == 200);
  CHECK(receiver.datagrams.size() == 200);
  CHECK(process.sink_counters.connections == 1);
  CHECK(process.sink_counters.cut_events == 0);
  process.put(std::string(3000, 'x'));
  REQUIRE(drain(process));
  REQUIRE(process.run_until([&] { return receiver.datagrams.size() >= 201; }));
  CHECK(receiver.datagrams.back().size() == 2048);
  CHECK(process.sink_counters.cut_events == 1);
  std::size_t bytes = 0;
  for (const std::string& each : receiver.datagrams) bytes += each.size();
  CHECK(process.sink_counters.wire_bytes == bytes);
  finish(process);
  receiver.stop();
}

TEST_CASE("syslog sink: datagrams keep to the rate of a link") {
  Disk disk;
  PipelineProcess process(disk.machine);
  DatagramReceiver receiver(process);
  receiver.start();
  constexpr std::size_t rate = 10'000;
  SharedLink link({.bytes_per_second = rate}, *process.scheduler, *process.clock);
  process.sink_context->link = &link;
  SinkUnderTest sink = syslog_sink("udp://127.0.0.1");
  sink.run(process);
  const Instant began = process.scheduler->now();
  put(process, 0, 300);
  REQUIRE(drain(process));
  const double seconds = std::chrono::duration<double>(process.scheduler->now() - began).count();
  const auto bytes = static_cast<double>(process.sink_counters.wire_bytes);
  CHECK(bytes > 4 * rate);
  // A second's worth is free, and the last one is not waited for.
  CHECK(bytes <= rate * (seconds + 1) + 200);
  REQUIRE(process.run_until([&] { return receiver.datagrams.size() >= 300; }));
  CHECK(readable_numbers(receiver.bodies()).size() == 300);
  finish(process);
  receiver.stop();
}

TEST_CASE("syslog sink: a UDP receiver that refuses is waited for, and gets the batch whole") {
  Disk disk;
  PipelineProcess process(disk.machine);
  DatagramReceiver receiver(process);
  SinkUnderTest sink = syslog_sink("udp://127.0.0.1");
  sink.run(process);
  // One alone: the refusal comes when everything has been sent.
  put(process, 0, 1);
  CHECK_FALSE(drain(process, 5s));
  CHECK(sink.runner->last_error() == Error::refused);
  put(process, 1, 100);
  CHECK_FALSE(drain(process, 5s));
  receiver.start();
  REQUIRE(drain(process, 2min));
  for (std::uint64_t round = 1; round < 10; ++round) {
    receiver.stop();
    put(process, round * 100, round * 100 + 50);
    CHECK_FALSE(drain(process, 1s));
    receiver.start();
    put(process, round * 100 + 50, round * 100 + 100);
    REQUIRE(drain(process, 2min));
  }
  (void)process.run_until([] { return false; }, 100ms);
  CHECK(readable_numbers(receiver.bodies()).size() == 1000);
  finish(process);
  receiver.stop();
}
