// Goal: the http sink delivers each batch once in good weather, and keeps or gives up exactly what
// the status of an answer says it should.
// Method: the sink under its real runner in the simulated world, with a strict server of the test
// that reads requests with the codec of the server's side and answers as it is told.
#include "sinks/http/http_sink.hpp"

#include "codec/http/request.hpp"
#include "sinks/http/http.hpp"
#include "tests/sim/http_server.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "127.0.0.1:8080";

SinkUnderTest http_sink(Given given = {}) {
  given.insert(given.begin(), {{"url", "http://127.0.0.1:8080/in?a=b"},
                               {"batch.linger", "1ms"},
                               {"retry.first", "10ms"},
                               {"reply_timeout", "2s"}});
  return SinkUnderTest(sinks::http_type, given);
}

struct Sending {
  explicit Sending(Given given = {})
      : process(disk.machine), receiver(process, server), sink(http_sink(std::move(given))) {
    receiver.start();
    sink.run(process);
  }
  ~Sending() {
    finish(process);
    receiver.stop();
  }
  Disk disk;
  PipelineProcess process;
  HttpServer receiver;
  SinkUnderTest sink;
};

}  // namespace

TEST_CASE("http sink: batches are requests of one connection, each with its own name") {
  Sending sending({{"batch.max_events", "100"}, {"headers", "X-Scope: edge"}, {"token", "t0k"}});
  put(sending.process, 0, 500);
  REQUIRE(drain(sending.process));
  CHECK(sending.receiver.connections.size() == 1);
  CHECK(numbers_in(sending.receiver.accepted).size() == 500);
  REQUIRE(sending.receiver.requests.size() >= 5);
  std::set<std::string> names;
  for (const auto& request : sending.receiver.requests) {
    codec::http::RequestReader reader;
    codec::http::RequestHead head;
    const auto step = reader.look(as_bytes(request.head), head);
    REQUIRE(step.kind == codec::http::RequestReader::Step::Kind::head);
    CHECK(head.method == codec::http::Method::post);
    CHECK(request.head.starts_with("POST /in?a=b HTTP/1.1\r\n"));
    CHECK(head.fields.find("host") == "127.0.0.1:8080");
    CHECK(head.fields.find("content-type") == "text/plain; charset=utf-8");
    CHECK(head.fields.find("x-scope") == "edge");
    CHECK(head.fields.find("authorization") == "Bearer t0k");
    names.emplace(head.fields.find("x-runnel-batch").value_or(""));
  }
  CHECK(names.size() == sending.receiver.requests.size());
  CHECK(sending.process.sink_counters.sent_events == 500);
}

TEST_CASE("http sink: options at their limits make a head that goes out") {
  const std::string url = "http://127.0.0.1:8080/" + std::string(1000, 'p');
  const std::string header = "X-Long: " + std::string(2000, 'h');
  const std::string password(1000, 's');
  Sending sending({{"url", url}, {"headers", header}, {"user", "edge"}, {"password", password}});
  sending.process.put("event");
  REQUIRE(drain(sending.process));
  CHECK(sending.receiver.requests.front().head.size() > 4096);
}

TEST_CASE("http sink: an array of objects is one JSON document a request") {
  Sending sending({{"encoding", "json"}, {"body", "array"}});
  sending.process.put("one");
  sending.process.put("two");
  REQUIRE(drain(sending.process));
  const std::string& all = sending.receiver.accepted;
  CHECK(all.starts_with("[{\"time\""));
  CHECK(all.ends_with("\"body\":\"two\"}]"));
  CHECK(all.find("\n") == all.npos);
}

TEST_CASE("http sink: what passes is tried again, under the same name; Retry-After is honoured") {
  Sending sending;
  std::uint32_t asked = 0;
  sending.receiver.respond = [&](const HttpServer::Request&) {
    ++asked;
    if (asked == 1) return http_status(503, "Retry-After: 30\r\n");
    if (asked == 2) return http_status(429);
    if (asked == 3) return std::string();  // no answer at all
    if (asked == 4) return std::string("SSH-2.0-OpenSSH\r\n\r\n");
    return http_good;
  };
  sending.process.put("event");
  const Instant begun = sending.process.scheduler->now();
  REQUIRE(drain(sending.process, 5min));
  CHECK(sending.process.scheduler->now() - begun >= 30s);
  CHECK(asked == 5);
  for (const auto& request : sending.receiver.requests) {
    CHECK(request.head == sending.receiver.requests.front().head);
    CHECK(request.body == "event\n");
  }
  CHECK(sending.process.sink_counters.sent_events == 1);
}

TEST_CASE("http sink: a batch that is too large goes in pieces; what is too large alone is lost") {
  bool array = false;
  SUBCASE("lines") {}
  SUBCASE("array") { array = true; }
  Sending sending(array ? Given{{"encoding", "json"}, {"body", "array"}} : Given{});
  sending.receiver.respond = [&](const HttpServer::Request& request) {
    return request.body.size() > 700 ? http_status(413, {}, "limit is 700\n") : http_good;
  };
  for (std::uint64_t number = 0; number < 30; ++number)
    sending.process.put(body(number, number == 7 ? 900 : 50));
  REQUIRE(drain(sending.process));
  CHECK(sending.process.sink_counters.sent_events == 29);
  CHECK(sending.process.sink_counters.refused_events == 1);
  std::size_t found = 0;
  for (std::uint64_t number = 0; number < 30; ++number)
    found += sending.receiver.accepted.find(concat("event ", number, " ")) != std::string::npos;
  CHECK(found == 29);
  if (!array) CHECK(numbers_in(sending.receiver.accepted).size() == 29);
  for (const auto& request : sending.receiver.requests) {
    if (!array) continue;
    CHECK(request.body.starts_with("[{"));
    CHECK(request.body.ends_with("}]"));
    CHECK(request.body.find("][") == std::string::npos);
    CHECK(request.body.find("}]{") == std::string::npos);
  }
}

TEST_CASE("http sink: what is refused for good is counted, told and left behind") {
  Sending sending;
  sending.receiver.respond = [](const HttpServer::Request& request) {
    return request.body == "bad\n" ? http_status(400, {}, "no such field\nmore") : http_good;
  };
  sending.process.put("bad");
  REQUIRE(drain(sending.process));
  sending.process.put("well");
  REQUIRE(drain(sending.process));
  CHECK(sending.receiver.accepted == "well\n");
  CHECK(sending.process.sink_counters.refused_events == 1);
  CHECK(sending.process.sink_counters.sent_events == 1);
}

TEST_CASE("http sink: a server that dies and comes back gets everything") {
  Sending sending(Given{{"batch.max_events", "10"}});
  for (std::uint64_t round = 0; round < 20; ++round) {
    put(sending.process, round * 100, round * 100 + 50);
    (void)sending.process.run_until([] { return false; }, 5ms);
    sending.receiver.stop();
    put(sending.process, round * 100 + 50, round * 100 + 100);
    (void)sending.process.run_until([] { return false; }, 100ms);
    sending.receiver.start();
    REQUIRE(drain(sending.process, 2min));
  }
  CHECK(readable_numbers(sending.receiver.accepted).size() == 2000);
  CHECK(sending.process.sink_counters.refused_events == 0);
}

TEST_CASE("http sink: a verdict for every status") {
  using sinks::Verdict;
  for (const std::uint16_t number : std::initializer_list<std::uint16_t>{200, 201, 204, 299})
    CHECK(sinks::verdict_of(number) == Verdict::delivered);
  for (const std::uint16_t number : std::initializer_list<std::uint16_t>{
           301, 401, 403, 404, 405, 407, 408, 425, 429, 500, 503, 599})
    CHECK(sinks::verdict_of(number) == Verdict::again);
  for (const std::uint16_t number :
       std::initializer_list<std::uint16_t>{400, 402, 406, 409, 410, 415, 422, 499})
    CHECK(sinks::verdict_of(number) == Verdict::refused);
  CHECK(sinks::verdict_of(413) == Verdict::too_large);
}
