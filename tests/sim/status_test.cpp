// Goal: an agent with `[agent] listen` says over HTTP what it does, from before its components
// start until they have stopped, in the formats it promises; and without the option it does nothing
// of it. Method: the whole agent in the simulated world, a client as another process of the
// machine; the pages are read by strict little readers of their own and compared with the counters.
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/agent.hpp"
#include "agent/status/status_service.hpp"
#include "codec/http/response.hpp"
#include "tests/sim/harness.hpp"
#include "tests/sim/log_reader.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view address = "127.0.0.1:9190";

constexpr std::string_view components = R"(
[sources.logs]
type = "tail"
paths = ["/var/log/*.log"]
channels = ["main"]
event_bytes_max = "4KiB"
[sources.more]
type = "tcp"
listen = ["127.0.0.1:5170"]
channels = ["main", "other"]
event_bytes_max = "4KiB"
[channels.main]
type = "memory"
capacity = "256KiB"
[channels.other]
type = "memory"
capacity = "128KiB"
[sinks.archive]
type = "file"
channel = "main"
path = "/data/out.log"
batch = { linger = "50ms" }
[sinks.nowhere]
type = "null"
channel = "other"
)";

std::string agent_table(std::string_view more) {
  return concat("[agent]\nname = \"edge\"\nstate_dir = \"/state\"\n", more, "\n");
}

struct Page {
  std::uint16_t status = 0;
  std::string type, head, body;
};

// An agent, and a client beside it.
struct Scene {
  explicit Scene(std::string_view listen = "listen = \"127.0.0.1:9190\"",
                 std::string_view parts = components)
      : world(1),
        client(world.machine()),
        reactor(world.machine()),
        system(world.machine()),
        settings(read(agent_table(listen) + std::string(parts))),
        measured(agent::measure(settings, system.facts().page_bytes)) {
    SimFiles& files = world.machine().files();
    REQUIRE(files.make_folders("/var/log").ok());
    REQUIRE(files.append("/var/log/a.log", "one\ntwo\nthree\n").ok());
    agent.emplace(settings, measured, reactor, system, agent::RunOptions{});
    REQUIRE(agent->prepare());
  }

  static agent::Settings read(const std::string& text) {
    auto settings =
        agent::read_settings(text, "test.toml", agent::components(),
                             [](const std::string&) { return std::optional<std::string>(); });
    if (!settings) FAIL(settings.error().text);
    return std::move(*settings);
  }

  void begin() { agent->begin(12'345'678, nullptr); }
  void turn() {
    agent->turn(after(world.now(), 1ms));
    client.turn(world.now());
  }
  void run_for(Duration duration) {
    const Instant end = after(world.now(), duration);
    while (world.now() < end && agent->running()) turn();
  }
  bool finish(Request& request) {
    client.submit(request);
    for (int turns = 0; !request.done() && turns < 100'000; ++turns) turn();
    return request.done() && request.error == Error::none;
  }

  Page get(std::string_view path, std::string_view method = "GET") {
    Page page;
    io::Address server = io::parse_address(address).value();
    const io::Handle socket = client.system.socket(io::Transport::tcp, server.family).value();
    Request connect;
    connect.verb = Verb::connect;
    connect.handle = socket;
    connect.peer = &server;
    if (finish(connect)) {
      send(socket, concat(method, " ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
      page = take(receive(socket));
    }
    client.reactor.discard(socket);
    return page;
  }

  // Stops as a person would; true when it has ended by itself.
  bool stop() {
    world.raise(io::Signal::stop);
    run_for(30s);
    return !agent->running();
  }

  SimWorld world;
  Process client;
  SimReactor reactor;
  SimSystem system;
  agent::Settings settings;
  agent::MeasuredParts measured;
  std::optional<agent::Agent> agent;

 private:
  void send(io::Handle socket, std::string text) {
    Request request;
    Process::ask_write(request, socket, text, 0);
    request.verb = Verb::send;
    REQUIRE(finish(request));
    REQUIRE(request.result == static_cast<std::int32_t>(text.size()));
  }
  std::string receive(io::Handle socket) {
    std::string text;
    while (true) {
      std::byte buffer[1000];
      Request request;
      request.verb = Verb::recv;
      request.handle = socket;
      request.data = buffer;
      request.size = sizeof(buffer);
      if (!finish(request) || request.result == 0) return text;
      text += as_text({buffer, static_cast<std::size_t>(request.result)});
    }
  }
  static Page take(const std::string& text) {
    codec::http::ResponseReader reader(codec::http::Asked::ordinary);
    codec::http::ResponseHead head;
    const auto step = reader.look(as_bytes(text), head);
    REQUIRE(step.kind == codec::http::ResponseReader::Step::Kind::head);
    Page page;
    page.status = head.status;
    page.type = head.fields.find("content-type").value_or("");
    page.head = text.substr(0, step.consumed);
    codec::http::BodyReader body(head.body);
    Bytes rest = as_bytes(text).subspan(step.consumed);
    for (bool more = true; more;) {
      const auto part = body.next(rest);
      more = part.kind == codec::http::BodyReader::Step::Kind::data;
      page.body += as_text(part.data);
      rest = rest.subspan(part.consumed);
    }
    REQUIRE(body.ended());
    return page;
  }
};

// Samples by their names with labels; every metric has its HELP and TYPE in front and stands
// together.
std::map<std::string, std::string> samples_of(const std::string& page) {
  std::map<std::string, std::string> samples;
  std::set<std::string> described;
  std::string metric;
  std::string_view rest = page;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    REQUIRE(end != rest.npos);
    const std::string line(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    INFO(line);
    if (line.starts_with("# HELP ")) {
      metric = line.substr(7, line.find(' ', 7) - 7);
      REQUIRE(described.insert(metric).second);
      REQUIRE(rest.starts_with("# TYPE " + metric + " "));
      const std::string_view type = rest.substr(8 + metric.size());
      REQUIRE((type.starts_with("counter\n") || type.starts_with("gauge\n")));
      REQUIRE(type.starts_with("counter\n") == metric.ends_with("_total"));
      rest.remove_prefix(rest.find('\n') + 1);
      continue;
    }
    const std::size_t space = line.rfind(' ');
    const std::string name = line.substr(0, space);
    REQUIRE((name == metric || name.starts_with(metric + "{")));
    REQUIRE(line.substr(space + 1).find_first_not_of("0123456789.") == line.npos);
    REQUIRE(samples.emplace(name, line.substr(space + 1)).second);
  }
  return samples;
}

// Brackets match and strings end: JSON, as far as a comma in the wrong place goes.
void check_json(const std::string& text) {
  std::string open;
  bool value_due = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      for (++at; text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
      value_due = false;
    } else if (c == '{' || c == '[') {
      open += c;
      value_due = false;
    } else if (c == '}' || c == ']') {
      REQUIRE(!value_due);
      REQUIRE(!open.empty());
      REQUIRE(open.back() == (c == '}' ? '{' : '['));
      open.pop_back();
      if (at + 1 < text.size() && !open.empty())
        REQUIRE((text[at + 1] == ',' || text[at + 1] == '}' || text[at + 1] == ']'));
    } else if (c == ',' || c == ':') {
      REQUIRE(!value_due);
      value_due = true;
    } else if (c != '\n') {
      value_due = false;
    }
  }
  CHECK(open.empty());
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("status: metrics are those of the counters, in Prometheus' format") {
  Scene scene;
  scene.begin();
  scene.run_for(5s);
  const Page page = scene.get("/metrics");
  CHECK(page.status == 200);
  CHECK(page.type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(page.body.size() > 4096);
  auto samples = samples_of(page.body);
  const auto sample = [&](const char* name) { return samples[name]; };
  CHECK(
      sample("runnel_component_received_events_total{component=\"sources.logs\",type=\"tail\"}") ==
      "3");
  CHECK(sample("runnel_component_received_bytes_total{component=\"sources.logs\",type=\"tail\"}") ==
        "11");
  CHECK(sample("runnel_component_received_events_total{component=\"sources.more\",type=\"tcp\"}") ==
        "0");
  CHECK(sample("runnel_component_put_events_total{component=\"channels.main\",type=\"memory\"}") ==
        "3");
  CHECK(sample("runnel_component_sent_events_total{component=\"sinks.archive\",type=\"file\"}") ==
        "3");
  // One metric of all that have such a counter.
  for (const char* const who :
       {"\"sources.logs\",type=\"tail\"", "\"channels.main\",type=\"memory\"",
        "\"sinks.archive\",type=\"file\""})
    CHECK(samples.contains(concat("runnel_component_written_bytes_total{component=", who, "}")));
  CHECK(sample("runnel_channel_capacity_bytes{component=\"channels.main\",type=\"memory\"}") ==
        "262144");
  CHECK(sample("runnel_sink_failing{component=\"sinks.archive\",type=\"file\","
               "channel=\"channels.main\"}") == "0");
  CHECK(sample("runnel_memory_ceiling_bytes") == "12345678");
  CHECK(sample("runnel_memory_limit_bytes") == "67108864");
  CHECK(samples.contains("runnel_loop_turns_total"));
  const std::int64_t running = scene.world.wall_now().time_since_epoch() / 1s -
                               std::stoll(sample("process_start_time_seconds"));
  CHECK(running >= 4);
  CHECK(running <= 7);
  std::size_t infos = 0;
  for (const auto& [name, value] : samples)
    if (name.starts_with("runnel_build_info{version=\"") && holds(name, ",agent=\"edge\"")) ++infos;
  CHECK(infos == 1);
  // Every counter of every component is there.
  std::size_t counters = 0;
  for (const auto& [name, value] : samples)
    if (name.starts_with("runnel_component_")) ++counters;
  CHECK(counters ==
        2 * (std::size(pipeline::source_counter_names) +
             std::size(pipeline::channel_counter_names) + std::size(pipeline::sink_counter_names)));
  CHECK(scene.stop());
}

TEST_CASE("status: the pipeline as JSON, with what went through it and what went wrong") {
  LogReader log;
  Scene scene;
  scene.begin();
  scene.run_for(3s);
  for (int number = 0; number < 10; ++number)
    REQUIRE(scene.world.machine().files().append("/var/log/a.log", "1234567\n").ok());
  scene.run_for(4s);
  log_warn("sinks.archive", "a \"test\" of\nnothing \xff");
  const Page page = scene.get("/api/v1/pipeline");
  CHECK(page.status == 200);
  CHECK(page.type == "application/json");
  check_json(page.body);
  INFO(page.body);
  CHECK(holds(page.body, "{\"agent\":{\"name\":\"edge\",\"version\":\""));
  CHECK(holds(page.body, "\"state\":\"ready\""));
  CHECK(holds(page.body,
              "\"sources\":[{\"name\":\"logs\",\"type\":\"tail\",\"channels\":[\"main\"]"));
  CHECK(holds(page.body, "{\"name\":\"more\",\"type\":\"tcp\",\"channels\":[\"main\",\"other\"]"));
  CHECK(holds(page.body, "\"counters\":{\"received_events\":13,\"received_bytes\":81,"));
  CHECK(holds(page.body, "\"channels\":[{\"name\":\"main\",\"type\":\"memory\","));
  CHECK(
      holds(page.body, "\"sinks\":[{\"name\":\"archive\",\"type\":\"file\",\"channel\":\"main\","));
  CHECK(
      holds(page.body, "\"level\":\"warn\",\"text\":\"a \\\"test\\\" of\\nnothing \xef\xbf\xbd\""));
  CHECK(holds(page.body, "\"last_complaint\":null"));
  // The log has it, too.
  CHECK(log.count("warn sinks.archive: a \"test\" of") == 1);
  CHECK(scene.stop());
  // Afterwards the log is what it was.
  CHECK(log_output == &log);
}

TEST_CASE("status: what went through is that of the last ten seconds") {
  Scene scene;
  scene.begin();
  scene.run_for(1s);
  scene.run_for(20s);
  CHECK(holds(scene.get("/api/v1/pipeline").body, "\"events\":0,\"bytes\":0}"));
  for (int number = 0; number < 10; ++number)
    REQUIRE(scene.world.machine().files().append("/var/log/a.log", "1234567\n").ok());
  scene.run_for(8s);
  CHECK(holds(scene.get("/api/v1/pipeline").body, "\"events\":10,\"bytes\":70}"));
  scene.run_for(8s);
  CHECK_FALSE(holds(scene.get("/api/v1/pipeline").body, "\"events\":10,\"bytes\":70}"));
  CHECK(scene.stop());
}

TEST_CASE("status: alive and ready, and what else is asked") {
  Scene scene;
  scene.begin();
  scene.run_for(1s);
  CHECK(scene.get("/livez").body == "alive\n");
  CHECK(scene.get("/readyz").body == "ready\n");
  CHECK(holds(scene.get("/").body, "/metrics\n"));
  CHECK(scene.get("/metrics/").status == 404);
  const Page refused = scene.get("/metrics", "DELETE");
  CHECK(refused.status == 405);
  CHECK(holds(refused.head, "Allow: GET, HEAD\r\n"));
  CHECK(scene.stop());
}

TEST_CASE("status: while it stops it is alive and not ready") {
  constexpr std::string_view stuck = R"(
[sources.logs]
type = "tail"
paths = ["/var/log/*.log"]
channels = ["main"]
event_bytes_max = "4KiB"
[channels.main]
type = "memory"
capacity = "256KiB"
[sinks.away]
type = "tcp"
channel = "main"
address = "127.0.0.1:4"
)";
  Scene scene("listen = \"127.0.0.1:9190\"\ndrain_timeout = \"5s\"", stuck);
  scene.begin();
  scene.run_for(3s);
  CHECK(scene.get("/readyz").status == 200);
  CHECK(holds(scene.get("/metrics").body,
              "runnel_sink_failing{component=\"sinks.away\",type=\"tcp\","
              "channel=\"channels.main\"} 1\n"));
  CHECK(holds(scene.get("/api/v1/pipeline").body, "\"failing\":\"refused\""));
  scene.world.raise(io::Signal::stop);
  scene.run_for(1s);
  const Page page = scene.get("/readyz");
  CHECK(page.status == 503);
  CHECK(page.body == "stopping\n");
  CHECK(scene.get("/livez").status == 200);
  scene.run_for(30s);
  CHECK_FALSE(scene.agent->running());
}

TEST_CASE("status: an address that cannot be had is one line, and there is no start") {
  LogReader log;
  Scene scene;
  const auto taken =
      scene.client.system.listen(io::Transport::tcp, io::parse_address(address).value(), {});
  REQUIRE(taken.has_value());
  scene.begin();
  scene.run_for(1s);
  CHECK_FALSE(scene.agent->running());
  CHECK(scene.agent->exit_code() == 69);
  CHECK(log.count("error agent: agent.listen: cannot listen on tcp://127.0.0.1:9190: another") ==
        1);
}

TEST_CASE("status: an address of the network is warned of; without one nothing is planned") {
  LogReader log;
  Scene open("listen = \"0.0.0.0:9190\"");
  open.begin();
  open.run_for(1s);
  CHECK(log.count("warn agent.listen: agent.listen is 0.0.0.0:9190: whoever reaches") == 1);
  CHECK(open.get("/livez").status == 200);
  CHECK(open.stop());
  const auto planned = [](const agent::MeasuredParts& parts) {
    std::size_t entries = 0;
    for (const auto& entry : parts.entries)
      if (entry.name == "agent.listen") ++entries;
    return entries;
  };
  CHECK(planned(open.measured) == 1);
  Scene without("");
  CHECK(planned(without.measured) == 0);
  without.begin();
  without.run_for(1s);
  CHECK(without.get("/livez").status == 0);
  CHECK(without.stop());
}
