// Goal: the sinks that know their destination write the bodies that its documentation asks for, and
// do what its answers say, item by item. Method: golden bodies, and a strict server of the test in
// the simulated world that answers as the protocol says.
#include "sinks/clickhouse/clickhouse.hpp"
#include "sinks/elasticsearch/elasticsearch.hpp"
#include "sinks/influx/influx.hpp"
#include "sinks/loki/loki.hpp"
#include "sinks/otlp/otlp.hpp"
#include "sinks/victorialogs/victorialogs.hpp"
#include "tests/sim/http_server.hpp"
#include "tests/sim/sink_world.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view http_server = "127.0.0.1:8080";

struct Preset {
  Preset(const SinkType& type, Given given)
      : process(disk.machine), receiver(process, http_server) {
    given.insert(given.begin(), {{"url", "http://127.0.0.1:8080/base/"},
                                 {"batch.linger", "1ms"},
                                 {"retry.first", "10ms"},
                                 {"reply_timeout", "2s"}});
    sink.emplace(type, given);
    receiver.start();
    sink->run(process);
  }
  ~Preset() {
    finish(process);
    receiver.stop();
  }
  const HttpServer::Request& first() const { return receiver.requests.at(0); }
  Disk disk;
  PipelineProcess process;
  HttpServer receiver;
  std::optional<SinkUnderTest> sink;
};

// How often `part` stands in `text`.
std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}
std::string between(const std::string& text, std::string_view from, std::string_view to) {
  const std::size_t begin = text.find(from);
  REQUIRE(begin != text.npos);
  const std::size_t end = text.find(to, begin + from.size());
  REQUIRE(end != text.npos);
  return text.substr(begin + from.size(), end - begin - from.size());
}

}  // namespace

TEST_CASE("preset sinks: paths, and bodies that are not UTF-8 are JSON all the same") {
  struct Case {
    const SinkType* type;
    Given given;
    std::string_view request, begin, end;
  };
  const Case cases[] = {
      {&sinks::elasticsearch_type,
       {{"index", "logs-edge"}},
       "POST /base/logs-edge/_bulk?filter_path=",
       "{\"create\":{\"_id\":\"",
       "\",\"source\":\"test\",\"message\":\"a \\\"b\\\" \xef\xbf\xbd\"}\n"},
      {&sinks::loki_type,
       {{"labels", "job=edge"}},
       "POST /base/loki/api/v1/push HTTP/1.1\r\n",
       "{\"streams\":[{\"stream\":{\"job\":\"edge\",\"source\":\"test\"},\"values\":[[\"17953919",
       "\",\"a \\\"b\\\" \xef\xbf\xbd\"]]}]}"},
      {&sinks::otlp_type,
       {{"service", "gw"}},
       "POST /base/v1/logs HTTP/1.1\r\n",
       "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
       "\"stringValue\":\"gw\"}}]},\"scopeLogs\":[{\"scope\":{\"name\":\"runnel\"},\"logRecords\":["
       "{"
       "\"timeUnixNano\":\"17953919",
       "\",\"body\":{\"stringValue\":\"a \\\"b\\\" "
       "\xef\xbf\xbd\"},\"attributes\":[{\"key\":\"source\","
       "\"value\":{\"stringValue\":\"test\"}}]}]}]}]}"},
      {&sinks::victorialogs_type,
       {},
       "POST /base/insert/jsonline?_stream_fields=source&_time_field=_time&_msg_field=_msg ",
       "{\"_time\":\"2026-11-22T23:59:",
       "\",\"source\":\"test\",\"_msg\":\"a \\\"b\\\" \xef\xbf\xbd\"}\n"},
      {&sinks::clickhouse_type,
       {{"table", "edge.logs"}},
       "POST /base/?query=INSERT%20INTO%20%60edge%60.%60logs%60%20FORMAT%20JSONEachRow&",
       "{\"time\":\"2026-11-22T23:59:",
       "\",\"source\":\"test\",\"body\":\"a \\\"b\\\" \xef\xbf\xbd\"}\n"},
      {&sinks::influx_type,
       {{"bucket", "logs"}, {"organization", "a b"}, {"tags", "site=x y"}},
       "POST /base/api/v2/write?org=a%20b&bucket=logs&precision=ns ",
       "logs,site=x\\ y,source=test message=\"a \\\"b\\\" \xef\xbf\xbd\" 17953919",
       "\n"},
  };
  for (const Case& each : cases) {
    Preset preset(*each.type, each.given);
    if (each.type == &sinks::elasticsearch_type)
      preset.receiver.respond = [](const HttpServer::Request&) {
        return http_status(200, {}, "{\"errors\":false}");
      };
    preset.process.put("a \"b\" \xff");
    REQUIRE(drain(preset.process));
    REQUIRE(preset.receiver.requests.size() == 1);
    CHECK_MESSAGE(preset.first().head.starts_with(each.request), preset.first().head);
    CHECK_MESSAGE(preset.first().body.starts_with(each.begin), preset.first().body);
    CHECK_MESSAGE(preset.first().body.ends_with(each.end), preset.first().body);
    CHECK(preset.process.sink_counters.sent_events == 1);
    CHECK(preset.process.sink_counters.replaced_characters == 1);
  }
}

TEST_CASE("elasticsearch: items are judged one by one; what is there already is delivered") {
  Preset preset(sinks::elasticsearch_type, {{"index", "logs"}});
  std::uint32_t asked = 0;
  preset.receiver.respond = [&](const HttpServer::Request& request) {
    std::string items;
    std::size_t item = 0;
    for (std::size_t at = 0; at < count_of(request.body, "{\"create\":"); ++at, ++item) {
      const char* status = item == 3 ? "400" : item == 5 ? (asked == 0 ? "429" : "201") : "201";
      if (asked > 0 && item != 3 && item != 5) status = "409";
      items += concat(items.empty() ? "" : ",", "{\"create\":{\"status\":", status,
                      item == 3 ? ",\"error\":{\"reason\":\"failed to parse\"}}}" : "}}");
    }
    ++asked;
    const std::string answer = "{\"errors\":true,\"items\":[" + items + "]}";
    if (asked == 2) return http_status(200, {}, answer.substr(0, answer.size() - 1));
    return http_status(200, {}, answer);
  };
  put(preset.process, 0, 10);
  REQUIRE(drain(preset.process));
  REQUIRE(asked == 3);
  for (const auto& request : preset.receiver.requests) CHECK(request.body == preset.first().body);
  CHECK(preset.process.sink_counters.sent_events == 9);
  CHECK(preset.process.sink_counters.refused_events == 1);
  const std::string id = between(preset.first().body, "\"_id\":\"", "\"");
  CHECK(id.ends_with(":0"));
  CHECK(count_of(preset.first().body, id.substr(0, id.size() - 1)) == 10);
}

TEST_CASE("loki: an event that is refused is found; the others arrive, each in its stream") {
  Preset preset(sinks::loki_type, {{"tenant", "edge"}});
  preset.receiver.respond = [](const HttpServer::Request& request) {
    CHECK(request.head.find("\r\nX-Scope-OrgID: edge\r\n") != std::string::npos);
    CHECK(request.body.starts_with("{\"streams\":[{\"stream\":{\"job\":\"runnel\",\"source\":"));
    CHECK(request.body.ends_with("\"]]}]}"));
    const bool bad = request.body.find("event 7 ") != std::string::npos;
    return bad ? http_status(400, {}, "entry too far behind") : http_good;
  };
  put(preset.process, 0, 40);
  REQUIRE(drain(preset.process));
  CHECK(preset.process.sink_counters.sent_events == 39);
  CHECK(preset.process.sink_counters.refused_events == 1);
  CHECK(count_of(preset.receiver.accepted, "event ") == 39);
}

TEST_CASE("otlp: what was rejected of a request that was taken is counted") {
  Preset preset(sinks::otlp_type, {});
  preset.receiver.respond = [](const HttpServer::Request&) {
    return http_status(200, {},
                       R"({"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}})");
  };
  put(preset.process, 0, 5);
  REQUIRE(drain(preset.process));
  CHECK(preset.process.sink_counters.sent_events == 3);
  CHECK(preset.process.sink_counters.refused_events == 2);
}

TEST_CASE("clickhouse: retries have the same token, pieces have others; only rows are given up") {
  Preset preset(sinks::clickhouse_type,
                {{"table", "logs"}, {"user", "edge"}, {"password", "open"}});
  std::uint32_t asked = 0;
  preset.receiver.respond = [&](const HttpServer::Request& request) {
    CHECK(request.head.find("\r\nX-ClickHouse-User: edge\r\nX-ClickHouse-Key: open\r\n") !=
          std::string::npos);
    if (++asked == 1) return http_status(400, {}, "Code: 115. DB::Exception: Unknown setting");
    if (request.body.find("event 3 ") != std::string::npos)
      return http_status(400, {}, "Code: 27. DB::Exception: Cannot parse input");
    return http_good;
  };
  put(preset.process, 0, 8);
  REQUIRE(drain(preset.process));
  CHECK(preset.process.sink_counters.sent_events == 7);
  CHECK(preset.process.sink_counters.refused_events == 1);
  std::set<std::string> tokens;
  for (const auto& request : preset.receiver.requests)
    tokens.insert(between(request.head, "&insert_deduplication_token=", " "));
  CHECK(tokens.size() == preset.receiver.requests.size() - 1);
}
