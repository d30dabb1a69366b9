// Goal: the udp source makes events of what arrives, waits when the channel is full, and accounts
// for what the kernel had to drop, without waking up when nothing comes.
// Method: the source in the simulated world, whose kernel buffer is small and counts its drops.
#include "sources/udp/udp.hpp"

#include "tests/sim/source_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "127.0.0.1:5171";
const io::Address server_address = io::parse_address(server).value();

std::vector<std::string> numbered(int count, std::size_t size = 0) {
  std::vector<std::string> all;
  for (int number = 0; number < count; ++number) {
    all.push_back("d-" + std::to_string(number));
    if (size > all.back().size()) all.back().resize(size, '.');
  }
  return all;
}

}  // namespace

TEST_CASE("udp: each datagram is an event, with its sender") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::udp_type, {{"listen", server}});
  process.run();
  process.record();
  process.spawn(send_datagrams(process, server_address, {"one", "two\nlines\n", "", "three"}));
  CHECK(process.run_until([&] { return process.seen.size() == 3; }));
  CHECK(process.bodies() == std::vector<std::string>{"one", "two\nlines\n", "three"});
  for (const SeenEvent& event : process.seen) CHECK(event.header("peer") == "127.0.0.1");
  process.end();
}

TEST_CASE("udp: with framing newline each line is an event") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::udp_type,
                        {{"listen", server}, {"framing", "newline"}});
  process.run();
  process.record();
  process.spawn(send_datagrams(process, server_address, {"one\ntwo\r\n\nthree", "four\n"}));
  CHECK(process.run_until([&] { return process.seen.size() == 4; }));
  CHECK(process.bodies() == std::vector<std::string>{"one", "two", "three", "four"});
  process.end();
}

TEST_CASE("udp: longer datagrams are cut, marked and counted; only their last line is") {
  SimWorld world(1);
  SourceProcess process(
      world.machine(), sources::udp_type,
      {{"listen", server}, {"framing", "newline"}, {"datagram_bytes_max", "100B"}});
  process.run();
  process.record();
  process.spawn(send_datagrams(process, server_address,
                               {"short\n" + std::string(200, 'x'), std::string(100, 'y')}));
  CHECK(process.run_until([&] { return process.seen.size() == 3; }));
  CHECK(process.seen[0].header("truncated").empty());
  CHECK(process.seen[1].body == std::string(94, 'x'));
  CHECK(process.seen[1].header("truncated") == "true");
  CHECK(process.seen[2].body == std::string(100, 'y'));
  CHECK(process.seen[2].header("truncated").empty());
  CHECK(process.source_counters.cut_events == 1);
  process.end();
}

TEST_CASE("udp: a full channel leaves the rest to the kernel; every datagram is accounted for") {
  SimWorld world(1);
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  SourceProcess process(world.machine(), sources::udp_type,
                        {{"listen", server}, {"receive_buffer", "0"}}, small);
  process.run();
  process.record(false);
  constexpr int count = 2000;
  process.spawn(send_datagrams(process, server_address, numbered(count, 500)));
  process.run_for(1s);
  const std::size_t when_full = process.seen.size();
  CHECK(when_full > 50);
  CHECK(when_full < count);
  for (int round = 0; round < 500; ++round) {
    process.acknowledge_all();
    process.run_for(5ms);
  }
  // The kernel is asked once more after the last datagram, then no more.
  process.run_for(10s);
  CHECK(process.source_counters.kernel_dropped_events > 0);
  CHECK(process.seen.size() + process.source_counters.kernel_dropped_events == count);
  process.acknowledge_all();
  process.run_for(1s);
  const std::uint64_t turns = process.scheduler->turns();
  process.run_for(1h);
  CHECK(process.scheduler->turns() - turns <= 2);
  process.end();
}

TEST_CASE("udp: a stop reads what has arrived and is bounded, also with a channel full for good") {
  SimWorld world(1);
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  SourceProcess process(world.machine(), sources::udp_type, {{"listen", server}}, small);
  bool full = false;
  SUBCASE("room") {}
  SUBCASE("full") { full = true; }
  process.run();
  process.record(!full);
  process.complete(send_datagrams(process, server_address, numbered(200, 1000)));
  CHECK(process.stop_source(1500ms));
  process.run_for(10ms);
  if (!full) CHECK(process.seen.size() == 200);
  process.stop();
}

TEST_CASE("udp: an error of the socket is counted, and it goes on") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::udp_type, {{"listen", server}});
  process.reactor.fail_next(io::Verb::recv_from_stream, Error::unreachable, 2);
  process.run();
  process.record();
  process.run_for(1s);
  CHECK(process.source_counters.errors == 2);
  process.spawn(send_datagrams(process, server_address, {"still here"}));
  CHECK(process.run_until([&] { return process.seen.size() == 1; }));
  process.end();
}
