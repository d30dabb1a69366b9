// Goal: Unix sockets carry what TCP carries, for sources that listen and sinks that connect,
// whatever their peers do; and the file of a socket is there exactly as long as it should be.
// Method: the source and the sink under their real runners in the simulated world, with peers that
// are missing, die, hang and come back; the files of the machine are looked at.
#include "sinks/tcp/tcp_sink.hpp"
#include "sources/syslog/syslog.hpp"
#include "sources/tcp/tcp.hpp"
#include "tests/sim/log_reader.hpp"
#include "tests/sim/receiver.hpp"
#include "tests/sim/sink_world.hpp"
#include "tests/sim/source_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "unix:/run/x.sock";
constexpr const char* path = "/run/x.sock";

struct Machine : Disk {
  explicit Machine(const SimOptions& options = SimOptions::calm()) : Disk(1, options) {
    REQUIRE(machine.files().make_folders("/run").ok());
  }
  bool has_file() { return machine.files().exists(path); }
};

SinkUnderTest tcp_sink() {
  return SinkUnderTest(sinks::tcp_sink_type, {{"address", server},
                                              {"batch.linger", "1ms"},
                                              {"retry.first", "10ms"},
                                              {"reply_timeout", "2s"}});
}

std::string why_not(SourceProcess& process) {
  const auto started = process.start();
  return started ? std::string() : started.error().text;
}

// As a process that was killed leaves it.
void leave_socket(PipelineProcess& process) {
  const PeerAddress at(server);
  const auto listening = process.system.listen(io::Transport::tcp, at.address, at.options());
  REQUIRE(listening.has_value());
  process.reactor.discard(*listening);
}

async::Task<void> send_local_datagrams(PipelineProcess& process, std::vector<std::string> texts) {
  const io::Handle socket = process.system.socket(io::Transport::udp, io::Family::local).value();
  io::Address to{.family = io::Family::local};
  const Status connected = co_await async::connect(socket, to, never, path);
  CHECK(connected.ok());
  for (const std::string& text : texts) {
    const auto sent = co_await async::send(socket, as_bytes(text));
    CHECK(sent.has_value());
  }
  process.reactor.discard(socket);
}

}  // namespace

TEST_CASE("unix source: lines arrive, with their peer, and a stop takes the file away") {
  Machine on;
  SourceProcess process(on.machine, sources::tcp_type, {{"listen", server}});
  LogReader log;
  process.run();
  CHECK(on.has_file());
  process.record();
  Client one(process, server), two(process, server);
  process.spawn(one.deliver(numbered_lines("a", 1000)));
  process.spawn(two.deliver("b-0\nb-1"));
  CHECK(process.run_until([&] { return process.seen.size() == 1002; }));
  CHECK(in_order(process.seen, "a") == 1000);
  CHECK(in_order(process.seen, "b") == 2);
  for (const SeenEvent& event : process.seen) CHECK(event.header("peer") == "unix");
  CHECK(process.source_counters.broken_connections == 0);
  CHECK(log.count("listening on unix:/run/x.sock") == 1);
  process.end();
  CHECK_FALSE(on.has_file());
}

TEST_CASE("unix source: a file that was left is replaced; two agents cannot have one path") {
  Machine on;
  SourceProcess process(on.machine, sources::tcp_type, {{"listen", server}});
  leave_socket(process);
  CHECK(on.has_file());
  process.run();
  process.record();
  SourceProcess other(on.machine, sources::tcp_type, {{"listen", server}});
  CHECK(why_not(other).find("cannot listen on unix:/run/x.sock: another process listens there") !=
        std::string::npos);
  other.stop();
  Client client(process, server);
  process.spawn(client.deliver("still-0\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 1; }));
  process.end();
}

TEST_CASE("unix source: what is no socket is left alone, and the reason is told") {
  Machine on;
  SourceProcess process(on.machine, sources::tcp_type, {{"listen", server}});
  SUBCASE("a file") {
    REQUIRE(on.machine.files().put(path, "precious").ok());
    CHECK(why_not(process).find("there is a file that is no socket; remove it") !=
          std::string::npos);
    CHECK(on.machine.files().text(path) == "precious");
  }
  SUBCASE("no folder") {
    REQUIRE(on.machine.files().remove_folder("/run").ok());
    CHECK(why_not(process).find("its folder is not there; make it") != std::string::npos);
  }
  process.stop();
}

TEST_CASE("unix source: a stop leaves the file that somebody else has put there meanwhile") {
  Machine on;
  SourceProcess process(on.machine, sources::tcp_type, {{"listen", server}});
  process.run();
  REQUIRE(on.machine.files().unlink(path).ok());
  SourceProcess next(on.machine, sources::tcp_type, {{"listen", server}});
  next.run();
  process.end();
  CHECK(on.has_file());
  next.end();
  CHECK_FALSE(on.has_file());
}

TEST_CASE("unix source: a full channel makes senders of datagrams wait, and drops nothing") {
  SimOptions options = SimOptions::calm();
  options.datagram_buffer_bytes = 4096;
  Machine on(options);
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  SourceProcess process(on.machine, sources::syslog_type, {{"listen", "unixgram:/run/x.sock"}},
                        small);
  process.run();
  process.record(false);
  constexpr std::size_t count = 3000;
  std::vector<std::string> texts;
  for (std::size_t number = 0; number < count; ++number)
    texts.push_back("<13>Nov 22 23:59:00 app[7]: m-" + std::to_string(number));
  process.spawn(send_local_datagrams(process, std::move(texts)));
  process.run_for(5s);
  CHECK(process.seen.size() < count);
  for (int round = 0; round < 2000 && process.seen.size() < count; ++round) {
    process.acknowledge_all();
    process.run_for(5ms);
  }
  CHECK(in_order(process.seen, "m") == count);
  CHECK(process.seen.front().header("app") == "app");
  CHECK(process.seen.front().header("peer") == "unix");
  CHECK(process.source_counters.kernel_dropped_events == 0);
  process.acknowledge_all();
  process.end();
  CHECK_FALSE(on.has_file());
}

TEST_CASE("unix sink: everything arrives, in order, over one connection, and is counted") {
  Machine on;
  PipelineProcess process(on.machine);
  Receiver receiver(process, server);
  receiver.start();
  SinkUnderTest sink = tcp_sink();
  CHECK_FALSE(sink.plan->looks_up_names);
  sink.run(process);
  put(process, 0, 500);
  REQUIRE(drain(process));
  REQUIRE(receiver.connections.size() == 1);
  CHECK(numbers_in(receiver.received()).size() == 500);
  CHECK(process.sink_counters.wire_bytes == receiver.received().size());
  finish(process);
  receiver.stop();
}

TEST_CASE("unix sink: a path that is missing or stale is tried again; a peer that dies is found") {
  Machine on;
  PipelineProcess process(on.machine);
  Receiver receiver(process, server);
  LogReader log;
  SinkUnderTest sink = tcp_sink();
  sink.run(process);
  put(process, 0, 100);
  CHECK_FALSE(drain(process, 5s));
  CHECK(sink.runner->last_error() == Error::not_found);
  CHECK(log.count("unix:/run/x.sock", "there is no such socket: is its program running?") > 0);
  leave_socket(process);
  CHECK_FALSE(drain(process, 20s));
  CHECK(sink.runner->last_error() == Error::refused);
  receiver.start();
  REQUIRE(drain(process));
  die_often(process, receiver);
  CHECK(readable_numbers(receiver.received()).size() == 2000);
  finish(process);
  receiver.stop();
}

TEST_CASE("unix sink: what the peer's program has not read is not delivered") {
  Machine on;
  PipelineProcess process(on.machine);
  Receiver receiver(process, server);
  receiver.hang(true);
  receiver.start();
  SinkUnderTest sink = tcp_sink();
  sink.run(process);
  // Little enough to lie in the kernel: over TCP it would count as delivered.
  put(process, 0, 10);
  CHECK_FALSE(drain(process, 10s));
  CHECK(sink.runner->last_error() == Error::timed_out);
  receiver.hang(false);
  REQUIRE(drain(process, 2min));
  CHECK(readable_numbers(receiver.received()).size() == 10);
  finish(process);
  receiver.stop();
}
