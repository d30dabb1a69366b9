// Goal: the nats sink loses nothing and repeats nothing that a stream could not tell apart,
// whatever its server does: dies, hangs, refuses, has no stream, is about to stop. Method: the sink
// under its real runner in the simulated world, with a server that the test has written and plays
// tricks with.
#include "sinks/nats/nats.hpp"

#include <map>

#include "codec/nats.hpp"
#include "pipeline/connection_options.hpp"
#include "tests/sim/log_reader.hpp"
#include "tests/sim/receiver.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view first_server = "127.0.0.1:4222";
constexpr std::string_view second_server = "127.0.0.1:4223";

// What the servers of a cluster keep together.
struct Stream {
  std::map<std::string, std::string> messages;  // by Nats-Msg-Id
  std::vector<std::string> subjects;
  std::uint64_t duplicates = 0;
};

class NatsServer : public Receiver {
 public:
  NatsServer(PipelineProcess& process, std::string_view address, Stream& stream)
      : Receiver(process, address), stream_(stream) {}

  std::string info = R"({"server_id":"N","headers":true,"jetstream":true,"max_payload":1000})";
  bool has_stream = true;
  bool silent = false;                    // takes what is published, never says so
  std::string complaint;                  // instead of an acknowledgement
  std::string refusal;                    // the error in one
  std::uint64_t dies_after = UINT64_MAX;  // so many stored messages, before it acknowledges
  bool holds_pongs = false;               // but for the one that belongs to CONNECT
  bool connect_pending = false;
  std::uint64_t pings = 0, pongs = 0, plain = 0;
  std::string connect;

  async::Task<bool> say(std::size_t connection, std::string text) {
    const bool sent = co_await send(connections[connection], std::move(text));
    co_return sent;
  }

 protected:
  async::Task<bool> greet(Connection& connection) override {
    const bool sent = co_await send(connection, "INFO " + info + " \r\n");
    co_return sent;
  }
  async::Task<bool> answer(Connection& connection) override {
    std::string out;
    const bool lives = take_all(connection.received, out);
    if (!lives) co_return false;
    if (!out.empty()) {
      const bool sent = co_await send(connection, std::move(out));
      if (!sent) co_return false;
    }
    co_return true;
  }

 private:
  bool take_all(std::string& in, std::string& out) {
    for (;;) {
      const auto end = in.find("\r\n");
      if (end == std::string::npos) return true;
      const std::string line = in.substr(0, end);
      std::size_t size = end + 2;
      if (line.starts_with("HPUB ") || line.starts_with("PUB ")) {
        const std::size_t payload = std::stoul(line.substr(line.rfind(' ') + 1));
        size += payload + 2;
        if (in.size() < size) return true;
        if (!published(line, in.substr(end + 2, payload), out)) return false;
      } else if (line == "PING") {
        ++pings;
        if (!holds_pongs || connect_pending) out += "PONG\r\n";
        connect_pending = false;
      } else if (line == "PONG") {
        ++pongs;
      } else if (line.starts_with("CONNECT ")) {
        connect = line.substr(8);
        connect_pending = true;  // its PING is answered in any case
      } else {
        CHECK(line.starts_with("SUB _INBOX."));
      }
      in.erase(0, size);
    }
  }
  // "HPUB subject reply headers bytes" or "PUB subject bytes".
  bool published(const std::string& line, const std::string& content, std::string& out) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    const bool replied = words.size() == 5;
    const std::size_t headers = words[0] == "HPUB" ? std::stoul(words[words.size() - 2]) : 0;
    const std::string reply = replied ? words[2] : "";
    if (!complaint.empty()) {
      out += "-ERR '" + complaint + "'\r\n";
      return true;
    }
    if (!has_stream && replied) {
      out += "HMSG " + reply + " 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n";
      return true;
    }
    if (!refusal.empty()) {
      acknowledge(reply, R"({"error":)" + refusal + R"(,"stream":"LOG","seq":0})", out);
      return true;
    }
    store(words[1], content.substr(0, headers), content.substr(headers), reply, out);
    return dies_after == UINT64_MAX || dies_after-- > 0;
  }
  void store(const std::string& subject, const std::string& headers, const std::string& payload,
             const std::string& reply, std::string& out) {
    constexpr std::string_view key = "Nats-Msg-Id: ";
    const auto at = headers.find(key);
    if (at == std::string::npos) ++plain;
    const std::string id =
        at == std::string::npos ? std::to_string(plain) : headers.substr(at + key.size());
    const bool duplicate = stream_.messages.contains(id);
    if (duplicate) {
      ++stream_.duplicates;
      CHECK(stream_.messages[id] == payload);
    }
    stream_.messages[id] = payload;
    stream_.subjects.push_back(subject);
    if (silent || reply.empty()) return;
    const std::string number = std::to_string(stream_.messages.size());
    acknowledge(
        reply, R"({"stream":"LOG", "seq":)" + number + (duplicate ? R"(,"duplicate": true})" : "}"),
        out);
  }
  static void acknowledge(const std::string& reply, const std::string& json, std::string& out) {
    out += "MSG " + reply + " 1  " + std::to_string(json.size()) + "\r\n" + json + "\r\n";
  }

  Stream& stream_;
};

SinkUnderTest nats_sink(Given given = {}) {
  const auto add = [&](std::string_view name, std::string_view text) {
    const bool there = std::any_of(given.begin(), given.end(),
                                   [&](const auto& each) { return each.first == name; });
    if (!there) given.emplace_back(name, text);
  };
  add("servers", first_server);
  add("subject", "logs.%{source}.%{host}");
  add("batch.linger", "1ms");
  add("retry.first", "10ms");
  add("retry.longest", "100ms");
  add("reply_timeout", "2s");
  return SinkUnderTest(sinks::nats_type, given);
}

std::vector<std::uint64_t> numbers_of(const Stream& stream) {
  std::string all;
  for (const auto& [id, payload] : stream.messages) all += payload + "\n";
  std::vector<std::uint64_t> numbers = numbers_in(all);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}
bool has_all(const Stream& stream, std::uint64_t count) {
  const auto numbers = numbers_of(stream);
  if (numbers.size() != count) return false;
  for (std::uint64_t number = 0; number < count; ++number)
    if (numbers[static_cast<std::size_t>(number)] != number) return false;
  return true;
}

}  // namespace

TEST_CASE("nats sink: every event is a message of the stream, once") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer server(process, first_server, stream);
  server.start();
  SinkUnderTest sink = nats_sink({{"window", "7"}, {"user", "u"}, {"password", "p\""}});
  sink.run(process);
  put(process, 0, 500);
  REQUIRE(drain(process));
  CHECK(has_all(stream, 500));
  CHECK(stream.duplicates == 0);
  CHECK(stream.subjects.front() == "logs.test.unknown");
  CHECK(server.connections.size() == 1);
  CHECK(server.connect.find(R"("user":"u","pass":"p\"")") != std::string::npos);
  CHECK(process.sink_counters.sent_events == 500);
  CHECK(stream.messages.begin()->first.starts_with("a1"));
  finish(process);
  server.stop();
}

TEST_CASE("nats sink: a ping is answered while there is nothing to deliver") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer server(process, first_server, stream);
  server.start();
  SinkUnderTest sink = nats_sink();
  sink.run(process);
  put(process, 0, 1);
  REQUIRE(drain(process));
  CHECK(process.complete(server.say(0, "PING\r\n")));
  REQUIRE(process.run_until([&] { return server.pongs == 1; }));
  process.run_for(60s);
  put(process, 1, 2);
  REQUIRE(drain(process));
  CHECK(server.connections.size() == 1);
  finish(process);
  server.stop();
}

TEST_CASE("nats sink: a server that dies before it acknowledges; the next one tells repetitions") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer first(process, first_server, stream), second(process, second_server, stream);
  first.start();
  second.start();
  SinkUnderTest sink = nats_sink({{"servers", "127.0.0.1:4222, 127.0.0.1:4223"}});
  sink.run(process);
  for (std::uint64_t round = 0; round < 20; ++round) {
    first.dies_after = round % 2 == 0 ? 13 : UINT64_MAX;
    second.dies_after = round % 2 == 0 ? UINT64_MAX : 29;
    put(process, round * 100, round * 100 + 100);
    REQUIRE(drain(process, 2min));
  }
  CHECK(has_all(stream, 2000));
  CHECK(stream.duplicates > 0);
  CHECK(process.sink_counters.sent_events == 2000);
  finish(process);
  first.stop();
  second.stop();
}

TEST_CASE("nats sink: other servers are learnt from the first one") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer first(process, first_server, stream), second(process, second_server, stream);
  first.info = R"({"headers":true,"connect_urls":["127.0.0.1:4223","x y:1","a:0","nonsense"]})";
  first.start();
  second.start();
  SinkUnderTest sink = nats_sink();
  sink.run(process);
  put(process, 0, 10);
  REQUIRE(drain(process));
  first.stop();
  put(process, 10, 20);
  REQUIRE(drain(process));
  CHECK(has_all(stream, 20));
  CHECK(second.connections.size() == 1);
  // It says that it is about to stop: the sink goes before it does.
  first.start();
  CHECK(process.complete(second.say(0, "INFO {\"headers\":true,\"ldm\":true}\r\n")));
  process.run_for(100ms);
  put(process, 20, 30);
  REQUIRE(drain(process));
  CHECK(has_all(stream, 30));
  CHECK(second.connections.front().ended);
  finish(process);
  first.stop();
  second.stop();
}

TEST_CASE("nats sink: without a stream events wait, and it is said why") {
  LogReader log;
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer server(process, first_server, stream);
  server.has_stream = false;
  server.start();
  SinkUnderTest sink = nats_sink();
  sink.run(process);
  put(process, 0, 50);
  CHECK_FALSE(drain(process, 10s));
  CHECK(sink.runner->last_error() == Error::not_found);
  CHECK(log.count("no stream takes subject logs.test.unknown") > 0);
  server.has_stream = true;
  REQUIRE(drain(process));
  CHECK(has_all(stream, 50));
  finish(process);
  server.stop();
}

TEST_CASE("nats sink: a stream that is full is waited for; what is too large is left behind") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer server(process, first_server, stream);
  server.start();
  server.refusal = R"({"code":503,"err_code":10077,"description":"maximum bytes exceeded"})";
  SinkUnderTest sink = nats_sink();
  sink.run(process);
  put(process, 0, 20);
  CHECK_FALSE(drain(process, 10s));
  server.refusal.clear();
  REQUIRE(drain(process));
  CHECK(has_all(stream, 20));
  // max_payload is 1000, headers included.
  process.put(body(20, 5000));
  process.put(body(20, 100));
  REQUIRE(drain(process));
  CHECK(has_all(stream, 21));
  CHECK(process.sink_counters.refused_events == 1);
  server.refusal = R"({"code":400,"err_code":10054,"description":"message size exceeds"})";
  process.put(body(21, 100));
  REQUIRE(drain(process));
  CHECK(has_all(stream, 21));
  CHECK(process.sink_counters.refused_events == 2);
  CHECK(process.sink_counters.sent_events == 21);
  finish(process);
  server.stop();
}

TEST_CASE("nats sink: a server that never acknowledges, and one that complains, are left") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer server(process, first_server, stream);
  server.start();
  SinkUnderTest sink = nats_sink();
  sink.run(process);
  server.silent = true;
  put(process, 0, 20);
  CHECK_FALSE(drain(process, 5s));
  CHECK(sink.runner->last_error() == Error::timed_out);
  CHECK(server.connections.size() > 1);
  server.silent = false;
  REQUIRE(drain(process));
  server.complaint = "Permissions Violation for Publish to \"logs.test.unknown\"";
  put(process, 20, 40);
  CHECK_FALSE(drain(process, 5s));
  CHECK(sink.runner->last_error() == Error::refused);
  server.complaint.clear();
  REQUIRE(drain(process));
  CHECK(has_all(stream, 40));
  finish(process);
  server.stop();
}

TEST_CASE("nats sink: servers that cannot be used are told apart") {
  for (const auto& [info, error] : std::vector<std::pair<std::string, Error>>{
           {R"({"headers":true,"tls_required":true})", Error::unsupported},
           {R"({"headers":true,"auth_required":true,"nonce":"x"})", Error::unsupported},
           {R"({"headers":false})", Error::unsupported},
           {R"({"headers":1})", Error::malformed}}) {
    Disk disk;
    PipelineProcess process(disk.machine);
    Stream stream;
    NatsServer server(process, first_server, stream);
    server.info = info;
    server.start();
    SinkUnderTest sink = nats_sink();
    sink.run(process);
    put(process, 0, 1);
    CHECK_FALSE(drain(process, 2s));
    CHECK(sink.runner->last_error() == error);
    CHECK(stream.messages.empty());
    process.stop();
    server.stop();
  }
}

TEST_CASE("nats sink: without JetStream a PONG says that the server has read everything") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer server(process, first_server, stream);
  server.has_stream = false;
  server.info = R"({"max_payload":1048576})";
  server.start();
  SinkUnderTest sink = nats_sink({{"jetstream", "false"}, {"encoding", "json"}});
  sink.run(process);
  put(process, 0, 100);
  process.put(std::string(40'000, 'x'));  // larger than the buffer
  REQUIRE(drain(process));
  CHECK(server.plain == 101);
  CHECK(server.pings >= 2);
  CHECK(stream.messages.begin()->second.starts_with("{\"time\":\""));
  finish(process);
  server.stop();
}

TEST_CASE("nats sink: without JetStream a PONG that is late answers for no other batch") {
  Disk disk;
  PipelineProcess process(disk.machine);
  Stream stream;
  NatsServer server(process, first_server, stream);
  server.start();
  SinkUnderTest sink = nats_sink({{"jetstream", "false"}, {"reply_timeout", "500ms"}});
  sink.run(process);
  server.holds_pongs = true;
  put(process, 0, 10);
  CHECK_FALSE(drain(process, 800ms));
  CHECK(sink.runner->last_error() == Error::timed_out);
  CHECK(server.connections.size() >= 2);  // nobody waits on for an answer to another question
  server.holds_pongs = false;
  REQUIRE(drain(process));
  CHECK(process.sink_counters.sent_events == 10);
  finish(process);
  server.stop();
}

TEST_CASE("nats sink: what is configured is checked") {
  const auto problem_of = [](Given given) {
    pipeline::OptionValues values;
    values.set("servers", std::vector<std::string>{"n1"});
    values.set("subject", std::string("logs.%{source}"));
    for (const auto& [name, text] : given) {
      if (name == "servers") {
        values.set(name, std::vector<std::string>{std::string(text)});
      } else {
        values.set(name, std::string(text));
      }
    }
    pipeline::fill_standard(sinks::nats_type.options, values);
    pipeline::fill_standard(pipeline::connection_options(), values);
    const auto plan = sinks::nats_type.plan(values);
    return plan ? std::string() : plan.error().option + ": " + plan.error().text;
  };
  CHECK(problem_of({}).empty());
  CHECK(problem_of({{"servers", "n1:0"}}) ==
        "servers: \"0\" is not a port: a number from 1 to 65535");
  CHECK(problem_of({{"subject", "logs.*"}}).starts_with("subject: is no subject to publish to"));
  CHECK(problem_of({{"subject", "logs.%x"}}).starts_with("subject: has a % that is neither"));
  CHECK(problem_of({{"user", "u"}, {"token", "t"}}).starts_with("token: is set, and so is user"));
  CHECK(problem_of({{"password", "p"}}) == "password: is set, but there is no user");
}
