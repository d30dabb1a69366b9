// Goal: syslog arrives over UDP and TCP in both formats and both framings, with its headers; what
// is no syslog is kept.
// Method: the source in the simulated world, messages as real senders write them.
#include "sources/syslog/syslog.hpp"

#include "tests/sim/source_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "127.0.0.1:5514";
const io::Address server_address = io::parse_address(server).value();
constexpr std::string_view both = "udp://127.0.0.1:5514, tcp://127.0.0.1:5514";

constexpr std::string_view modern =
    "<165>1 2026-11-22T11:42:18.003Z gw-17 app 4711 ID47 [x@1 k=\"v\"] started";
constexpr std::string_view old = "<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed";

std::string counted(std::string_view text) {
  return std::to_string(text.size()) + " " + std::string(text);
}
std::string line(std::string_view text) { return std::string(text) + "\n"; }

}  // namespace

TEST_CASE("syslog: both formats over both transports and framings") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::syslog_type, {{"listen", both}});
  process.run();
  process.record();
  Client client(process, server);
  process.spawn(client.deliver(counted(modern) + line(old) + line(modern) + counted(old)));
  CHECK(process.run_until([&] { return process.seen.size() == 4; }));
  process.spawn(send_datagrams(process, server_address, {std::string(modern), line(old)}));
  CHECK(process.run_until([&] { return process.seen.size() == 6; }));
  int modern_ones = 0;
  for (const SeenEvent& event : process.seen) {
    CHECK(event.header("peer") == "127.0.0.1");
    CHECK(event.header("malformed").empty());
    if (event.header("app") == "app") {
      ++modern_ones;
      CHECK(event.body == "started");
      CHECK(event.severity == pipeline::Severity::notice);
      CHECK(event.header("facility") == "local4");
      CHECK(event.header("severity") == "notice");
      CHECK(event.header("timestamp") == "2026-11-22T11:42:18.003000Z");
      CHECK(event.header("host") == "gw-17");
      CHECK(event.header("procid") == "4711");
      CHECK(event.header("msgid") == "ID47");
      CHECK(event.header("structured_data") == "[x@1 k=\"v\"]");
      CHECK_FALSE(event.time.since_boot);
      CHECK(event.time.ns == 1'795'347'738'003'000'000);
    } else {
      CHECK(event.body == "'su root' failed");
      CHECK(event.header("app") == "su");
      CHECK(event.header("procid") == "77");
      CHECK(event.header("host") == "mymachine");
      CHECK(event.severity == pipeline::Severity::critical);
      CHECK(event.header("facility") == "auth");
    }
  }
  CHECK(modern_ones == 3);
  CHECK(process.source_counters.malformed_events == 0);
  process.end();
}

TEST_CASE("syslog: what is no syslog is kept whole, marked and counted") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::syslog_type, {{"listen", both}});
  process.run();
  process.record();
  process.spawn(send_datagrams(process, server_address, {"<999>what is this\n", "hello"}));
  CHECK(process.run_until([&] { return process.seen.size() == 2; }));
  CHECK(process.bodies() == std::vector<std::string>{"<999>what is this", "hello"});
  for (const SeenEvent& event : process.seen) {
    CHECK(event.header("malformed") == "true");
    CHECK(event.severity == pipeline::Severity::none);
    CHECK(event.time.since_boot);
  }
  CHECK(process.source_counters.malformed_events == 2);
  process.end();
}

TEST_CASE("syslog: absurd lengths are cut over both transports") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::syslog_type,
                        {{"listen", both}, {"event_bytes_max", "100B"}});
  process.run();
  process.record();
  const std::string message = "<13>" + std::string(5000, 'x');
  Client client(process, server);
  process.spawn(client.deliver(counted(message) + line(message) + "999999999999 what"));
  CHECK(process.run_until([&] { return process.seen.size() == 2; }));
  process.spawn(send_datagrams(process, server_address, {message}));
  CHECK(process.run_until([&] { return process.seen.size() == 3; }));
  CHECK(process.seen[0].header("cut_bytes") == "4904");
  CHECK(process.seen[1].header("cut_bytes") == "4904");
  CHECK(process.seen[2].header("truncated") == "true");
  for (const SeenEvent& event : process.seen) CHECK(event.body == std::string(96, 'x'));
  CHECK(process.source_counters.cut_events == 3);
  CHECK(process.source_counters.broken_connections == 1);
  process.end();
}

TEST_CASE("syslog: body = raw keeps everything, headers = false leaves only what an event has") {
  SimWorld world(1);
  SourceProcess process(world.machine(), sources::syslog_type,
                        {{"listen", both}, {"body", "raw"}, {"headers", "false"}});
  process.run();
  process.record();
  process.spawn(send_datagrams(process, server_address, {line(modern)}));
  CHECK(process.run_until([&] { return process.seen.size() == 1; }));
  CHECK(process.seen[0].body == modern);
  CHECK(process.seen[0].headers.empty());
  CHECK(process.seen[0].severity == pipeline::Severity::notice);
  process.end();
}

TEST_CASE("syslog: the local time of old messages follows the machine's zone") {
  SimWorld world(1);
  world.machine().utc_offset_seconds = 3600;
  world.set_wall_clock(wall_from_ns(1'795'347'738'000'000'000));  // 2026-11-22T11:42:18Z
  SourceProcess process(world.machine(), sources::syslog_type, {{"listen", both}});
  process.run();
  process.record();
  process.spawn(send_datagrams(process, server_address, {"<13>Nov 22 12:00:00 h t: x"}));
  CHECK(process.run_until([&] { return process.seen.size() == 1; }));
  CHECK(process.seen[0].header("timestamp") == "2026-11-22T11:00:00.000000Z");
  world.machine().utc_offset_seconds = 7200;
  process.run_for(61s);
  process.spawn(send_datagrams(process, server_address, {"<13>Nov 22 12:00:00 h t: x"}));
  CHECK(process.run_until([&] { return process.seen.size() == 2; }));
  CHECK(process.seen[1].header("timestamp") == "2026-11-22T10:00:00.000000Z");
  process.end();
}
