// Goal: the tcp source loses nothing and disconnects nobody whatever channel and clients do, within
// its limits, and ends in bounded time.
// Method: the source in the simulated world, with clients that send in pieces, too much, too long,
// nothing, or nonsense; every event that arrives is compared with what was sent.
#include "sources/tcp/tcp.hpp"

#include <algorithm>
#include <deque>

#include "sources/listening/stream_service.hpp"
#include "tests/sim/log_reader.hpp"
#include "tests/sim/source_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "127.0.0.1:5170";
const OptionTexts plain = {{"listen", server}};

OptionTexts with(std::initializer_list<std::pair<std::string_view, std::string_view>> more) {
  OptionTexts texts = plain;
  texts.insert(texts.end(), more);
  return texts;
}

constexpr std::string_view all_rooms_in_use =
    "warn sources.test: all 8 rooms for frames above 2.0 KiB that come in parts are in use: the "
    "next "
    "ones wait";

SimWorld& world_of(std::optional<SimWorld>& world, const SimOptions& options = SimOptions::calm(),
                   std::uint64_t seed = 1) {
  return world.emplace(seed, options);
}

}  // namespace

TEST_CASE("tcp: lines of several clients arrive, with their peer, the last one without newline") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type, plain);
  process.run();
  process.record();
  Client one(process, server), two(process, server);
  process.spawn(one.deliver("a-0\na-1\r\na-2"));
  process.spawn(two.deliver("b-0\n\nb-1\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 5; }));
  CHECK(in_order(process.seen, "a") == 3);
  CHECK(in_order(process.seen, "b") == 2);
  for (const SeenEvent& event : process.seen) {
    CHECK(event.header("peer") == "127.0.0.1");
    CHECK(event.headers.size() == 1);
    CHECK(event.time.since_boot);
  }
  CHECK(process.source_counters.accepted_connections == 2);
  CHECK(process.source_counters.broken_connections == 0);
  CHECK(process.source_counters.received_events == 5);
  process.end();
}

TEST_CASE("tcp: a full channel stops reading; nothing is lost and nobody is disconnected") {
  std::optional<SimWorld> world;
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  SourceProcess process(world_of(world).machine(), sources::tcp_type, with({{"buffers", "4"}}),
                        small);
  process.run();
  process.record(false);
  std::deque<Client> clients;
  constexpr int lines = 20'000;
  for (const std::string_view name : {"a", "b", "c"}) {
    Client& client = clients.emplace_back(process, server);
    process.spawn(client.deliver(numbered_lines(name, lines)));
  }
  // Nobody acknowledges: the ring is full, the clients stand.
  process.run_for(5s);
  const std::size_t seen_when_full = process.seen.size();
  CHECK(seen_when_full > 100);
  process.run_for(60s);
  CHECK(process.seen.size() == seen_when_full);
  for (int round = 0; round < 2000 && process.seen.size() < 3 * lines; ++round) {
    process.acknowledge_all();
    process.run_for(5ms);
  }
  for (const std::string_view name : {"a", "b", "c"}) CHECK(in_order(process.seen, name) == lines);
  for (const Client& client : clients) CHECK_FALSE(client.failed);
  CHECK(process.source_counters.broken_connections == 0);
  process.acknowledge_all();
  process.end();
}

TEST_CASE("tcp: who cannot be read because the channel is full is not idle") {
  std::optional<SimWorld> world;
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  SourceProcess process(world_of(world).machine(), sources::tcp_type,
                        with({{"buffers", "4"}, {"idle_timeout", "2s"}}), small);
  process.run();
  process.record(false);
  Client flood(process, server), quiet(process, server);
  process.spawn(flood.deliver(numbered_lines("flood", 20'000)));
  process.run_for(1s);
  process.spawn(quiet.connect_and_send(numbered_lines("quiet", 3)));
  process.run_for(10s);
  CHECK(process.source_counters.accepted_connections == 2);
  CHECK(in_order(process.seen, "quiet") == 0);
  for (int round = 0; round < 200; ++round) {
    process.acknowledge_all();
    process.run_for(5ms);
  }
  CHECK(in_order(process.seen, "quiet") == 3);
  // Once there is room, silence is silence again.
  process.spawn(quiet.wait_for_end());
  CHECK(process.run_until(
      [&] {
        process.acknowledge_all();
        return quiet.saw_end;
      },
      60s));
  process.end();
}

TEST_CASE("tcp: at connections_max nobody is accepted until a connection ends") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type,
                        with({{"connections_max", "2"}}));
  process.run();
  process.record();
  Client one(process, server), two(process, server), three(process, server);
  process.spawn(one.connect_and_send("one-0\n"));
  process.spawn(two.connect_and_send("two-0\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 2; }));
  process.spawn(three.connect_and_send("three-0\n"));
  process.run_for(5s);
  CHECK(process.seen.size() == 2);
  CHECK(process.source_counters.accepted_connections == 2);
  one.close();
  CHECK(process.run_until([&] { return process.seen.size() == 3; }));
  CHECK(in_order(process.seen, "three") == 1);
  CHECK(process.source_counters.refused_connections == 0);
  process.end();
}

TEST_CASE("tcp: two listeners share the connections, and the slots come back") {
  std::optional<SimWorld> world;
  SourceProcess process(
      world_of(world).machine(), sources::tcp_type,
      {{"listen", "127.0.0.1:5170, tcp://127.0.0.1:5171"}, {"connections_max", "1"}});
  process.run();
  process.record();
  std::deque<Client> clients;
  for (int number = 0; number < 20; ++number) {
    Client& client =
        clients.emplace_back(process, number % 2 == 0 ? "127.0.0.1:5170" : "127.0.0.1:5171");
    process.spawn(client.deliver("x" + std::to_string(number) + "-0\n"));
  }
  CHECK(process.run_until([&] { return process.seen.size() == 20; }));
  CHECK(process.source_counters.accepted_connections == 20);
  process.end();
}

TEST_CASE("tcp: more connections than buffers, each with half a line, all make progress") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type, with({{"buffers", "4"}}));
  process.run();
  process.record();
  std::deque<Client> clients;
  for (int number = 0; number < 16; ++number) {
    Client& client = clients.emplace_back(process, server);
    process.spawn(client.connect_and_send("half of " + std::to_string(number)));
  }
  process.run_for(1s);
  CHECK(process.seen.empty());
  for (Client& client : clients) process.spawn(client.send(" and the rest\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 16; }));
  for (const SeenEvent& event : process.seen) CHECK(event.body.ends_with(" and the rest"));
  process.end();
}

TEST_CASE("tcp: broken framing ends its own connection only, and is counted") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type,
                        with({{"framing", "length32"}}));
  process.run();
  process.record();
  Client good(process, server), bad(process, server);
  process.spawn(good.connect_and_send(std::string("\0\0\0\2hi", 6)));
  process.spawn(bad.connect_and_send("GET / HTTP/1.1\r\n\r\n"));
  CHECK(process.run_until([&] { return process.source_counters.broken_connections == 1; }));
  process.spawn(bad.wait_for_end());
  CHECK(process.run_until([&] { return bad.saw_end; }));
  process.spawn(good.send(std::string("\0\0\0\3you", 7)));
  CHECK(process.run_until([&] { return process.seen.size() == 2; }));
  CHECK(process.bodies() == std::vector<std::string>{"hi", "you"});
  CHECK(process.stop_source(2s));
  CHECK(process.source_counters.broken_connections == 1);
  process.stop();
}

TEST_CASE("tcp: long lines are cut, marked and counted, however long they are") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type,
                        with({{"event_bytes_max", "100B"}}));
  process.run();
  process.record();
  Client client(process, server);
  process.spawn(client.deliver(std::string(100, 'f') + "\n" + std::string(101, 'o') + "\n" +
                               std::string(1'000'000, 'x') + "\nend\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 4; }));
  CHECK(process.seen[0].body == std::string(100, 'f'));
  CHECK(process.seen[0].header("cut_bytes").empty());
  CHECK(process.seen[1].body == std::string(100, 'o'));
  CHECK(process.seen[1].header("cut_bytes") == "1");
  CHECK(process.seen[2].body == std::string(100, 'x'));
  CHECK(process.seen[2].header("cut_bytes") == "999900");
  CHECK(process.seen[3].body == "end");
  CHECK(process.source_counters.cut_events == 2);
  process.end();
}

TEST_CASE("tcp: a silent connection is closed after idle_timeout, its open line kept") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type,
                        with({{"idle_timeout", "30s"}, {"peer_header", ""}}));
  process.run();
  process.record();
  Client client(process, server);
  process.spawn(client.connect_and_send("open"));
  process.run_for(20s);
  process.spawn(client.send(" line"));
  process.run_for(29s);
  CHECK(process.seen.empty());
  process.spawn(client.wait_for_end());
  CHECK(process.run_until([&] { return client.saw_end; }, 5s));
  CHECK(process.run_until([&] { return process.seen.size() == 1; }, 1s));
  CHECK(process.seen[0].body == "open line");
  CHECK(process.seen[0].headers.empty());
  CHECK(process.source_counters.broken_connections == 0);
  process.end();
}

TEST_CASE("tcp: a stop reads what has arrived, keeps the open line, and is bounded") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type, plain);
  process.run();
  process.record();
  Client one(process, server), silent(process, server);
  process.spawn(silent.connect());
  process.spawn(one.connect_and_send(numbered_lines("a", 1000) + "last"));
  CHECK(process.run_until([&] { return one.sends_done == 1; }));
  const Instant asked = process.scheduler->now();
  CHECK(process.stop_source(2s));
  CHECK(process.scheduler->now() - asked < 1100ms);
  process.run_for(100ms);
  CHECK(in_order(process.seen, "a") == 1000);
  CHECK(process.seen.back().body == "last");
  process.spawn(silent.wait_for_end());
  CHECK(process.run_until([&] { return silent.saw_end; }));
  process.stop();
}

TEST_CASE("tcp: a stop ends though the channel is full for good, or a client never ends") {
  std::optional<SimWorld> world;
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  SourceProcess process(world_of(world).machine(), sources::tcp_type, plain, small);
  bool full = false;
  SUBCASE("full") { full = true; }
  SUBCASE("endless") {}
  process.run();
  process.record(!full);
  Client client(process, server);
  process.spawn(client.connect_and_send(numbered_lines("a", 2'000'000)));
  CHECK(process.run_until([&] { return process.seen.size() > 100; }));
  CHECK(process.stop_source(1500ms));
  CHECK(in_order(process.seen, "a") == static_cast<int>(process.seen.size()));
  process.stop();
}

TEST_CASE("tcp: a failing accept is tried again") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type, plain);
  process.reactor.fail_next(io::Verb::accept, Error::too_many_handles, 3);
  process.run();
  process.record();
  Client client(process, server);
  process.spawn(client.deliver("a-0\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 1; }, 5s));
  CHECK(process.source_counters.errors == 3);
  process.end();
}

TEST_CASE("tcp: a start that fails names the address, why, and what to do") {
  std::optional<SimWorld> world;
  SimOptions options;
  options.may_bind_low_ports = false;
  SimMachine& machine = world_of(world, options).machine();
  const auto complaint = [&](std::string_view listen) {
    SourceProcess process(machine, sources::tcp_type, {{"listen", listen}});
    const auto taken =
        process.system.listen(io::Transport::tcp, io::parse_address("127.0.0.1:5199").value(), {});
    const auto started = process.start();
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().exit_code == 69);
    if (taken) process.reactor.discard(*taken);
    process.stop();
    return started.error().text;
  };
  CHECK(complaint("127.0.0.1:5199").find("tcp://127.0.0.1:5199: another process") !=
        std::string::npos);
  CHECK(complaint("127.0.0.1:514").find("cap_net_bind_service=+ep") != std::string::npos);
  CHECK(complaint("203.0.113.7:5170").find("not on this machine") != std::string::npos);
  // What was opened before the one that fails is closed again.
  CHECK(complaint("127.0.0.1:5198, 127.0.0.1:5199").find("5199") != std::string::npos);
  SourceProcess process(machine, sources::tcp_type, {{"listen", "127.0.0.1:5198"}});
  CHECK(process.start().has_value());
  process.stop();
}

TEST_CASE("tcp: the planned frames are enough when every connection waits for room") {
  std::optional<SimWorld> world;
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  SourceProcess process(world_of(world).machine(), sources::tcp_type,
                        with({{"connections_max", "16"}}), small);
  REQUIRE(process.start().has_value());
  process.record(false);
  std::deque<Client> clients;
  for (int number = 0; number < 16; ++number) {
    Client& client = clients.emplace_back(process, server);
    process.spawn(client.connect_and_send(numbered_lines("c" + std::to_string(number), 5000)));
  }
  process.run_for(1s);
  const std::size_t before = async::FrameArena::in_use().carved_bytes();
  process.spawn(process.source->run());
  process.run_for(1s);
  CHECK(process.source_counters.accepted_connections == 16);
  // Then there is room, and none again while each has the end of its client's line in hand.
  for (Client& client : clients) client.close();
  process.acknowledge_all();
  process.run_for(1s);
  for (int number = 0; number < 16; ++number)
    process.spawn(clients.emplace_back(process, server).connect_and_send("half a line"));
  process.run_for(1s);
  while (process.try_put("filler")) continue;
  for (Client& client : clients) client.close();
  process.run_for(1s);
  const std::size_t used = async::FrameArena::in_use().carved_bytes() - before;
  INFO("frames use ", used, " of ", process.planned_frame_bytes());
  CHECK(used <= process.planned_frame_bytes() * async::FrameArena::build_factor);
  process.stop();
}

TEST_CASE("tcp: in a rough world every client's lines arrive once and in order") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::optional<SimWorld> world;
    pipeline::ChannelSettings small;
    small.capacity_bytes = pipeline::channel_capacity_min;
    SourceProcess process(world_of(world, SimOptions::rough(), seed).machine(), sources::tcp_type,
                          with({{"buffers", "8"}, {"connections_max", "3"}}), small);
    process.run();
    process.record();
    std::deque<Client> clients;
    for (int number = 0; number < 6; ++number) {
      Client& client = clients.emplace_back(process, server);
      process.spawn(client.deliver(numbered_lines("c" + std::to_string(number), 1500)));
    }
    CHECK(process.run_until([&] { return process.seen.size() == 6 * 1500; }, 600s));
    for (int number = 0; number < 6; ++number)
      CHECK(in_order(process.seen, "c" + std::to_string(number)) == 1500);
    CHECK(process.source_counters.broken_connections == 0);
    process.end();
  }
}

TEST_CASE("tcp: long lines of more clients than there are rooms for open frames all arrive") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const LogReader log;
    std::optional<SimWorld> world;
    SourceProcess process(world_of(world, SimOptions::rough(), seed).machine(), sources::tcp_type,
                          with({{"event_bytes_max", "6KiB"}}));
    process.run();
    process.record();
    std::deque<Client> clients;
    constexpr std::size_t senders = 2 * sources::StreamService::long_carries_max;
    constexpr std::size_t lines = 6;
    std::string text;
    for (std::size_t line = 0; line < lines; ++line)
      text += std::string(5000 + 300 * line, 'x') + "\n";
    for (std::size_t number = 0; number < senders; ++number) {
      Client& client = clients.emplace_back(process, server);
      process.spawn(client.connect_and_send(text.substr(0, 3000)));
    }
    // Every frame is open now; who has a room goes on, then the others get one.
    process.run_for(1s);
    CHECK(process.seen.empty());
    for (Client& client : clients) process.spawn(client.send(text.substr(3000)));
    CHECK(process.run_until([&] { return process.seen.size() == senders * lines; }, 600s));
    const auto cut = std::count_if(process.seen.begin(), process.seen.end(), [](const auto& each) {
      return each.body.size() == 6 * 1024 && each.headers.size() == 2;
    });
    CHECK(cut == 2 * senders);  // the two longest lines of each
    CHECK(process.source_counters.broken_connections == 0);
    process.end();
    // Somebody had to wait, and nobody was told to go.
    CHECK(log.count(all_rooms_in_use) == 1);
    CHECK(log.count("closed the connection") == 0);
  }
}

TEST_CASE("tcp: who keeps a room for a long frame while others wait is let go after a while") {
  std::optional<SimWorld> world;
  SourceProcess process(world_of(world).machine(), sources::tcp_type, plain);
  const LogReader log;
  process.run();
  process.record();
  std::deque<Client> slow;
  for (std::uint32_t number = 0; number < sources::StreamService::long_carries_max; ++number) {
    Client& client = slow.emplace_back(process, server);
    process.spawn(client.connect_and_send(std::string(3000, 's')));
  }
  // Alone they may take their time.
  process.run_for(5 * 60s);
  CHECK(process.source_counters.broken_connections == 0);
  CHECK(log.count("warn") == 0);
  Client waiting(process, server), brief(process, server);
  process.spawn(waiting.connect_and_send(std::string(3000, 'w')));
  process.run_for(1s);
  process.spawn(waiting.send(std::string(3000, 'w') + "\n"));
  // Short frames need no such room.
  process.spawn(brief.deliver("brief-0\n"));
  process.run_for(10s);
  CHECK(log.count(all_rooms_in_use) == 1);
  CHECK(in_order(process.seen, "brief") == 1);
  CHECK(process.seen.size() == 1);
  CHECK(process.run_until(
      [&] {
        return std::any_of(process.seen.begin(), process.seen.end(),
                           [](const SeenEvent& each) { return each.body.size() == 6000; });
      },
      60s));
  CHECK(process.source_counters.broken_connections > 0);
  // Who it was, once for all of them.
  CHECK(log.count("warn sources.test: closed the connection from 127.0.0.1:",
                  ": its open frame, longer than 2.0 KiB, did not end while others waited") == 1);
  process.end();
}
