// Goal: samples are what Prometheus' text format says, whatever a label holds; the address of the
// status pages is read, refused and warned of in one line. Method: small tables of each.
#include <string>

#include <doctest/doctest.h>

#include "agent/settings.hpp"
#include "agent/status/metric_writer.hpp"
#include "agent/status/status_service.hpp"

using namespace runnel;
using namespace runnel::agent;

namespace {

std::string configuration(std::string_view listen, std::string_view source_listen) {
  return concat("[agent]\nlisten = \"", listen,
                "\"\n[sources.in]\ntype = \"tcp\"\nchannels = [\"main\"]\nlisten = [\"",
                source_listen,
                "\"]\n[channels.main]\ntype = \"memory\"\n[sinks.out]\ntype = \"null\"\n"
                "channel = \"main\"\n");
}

Built<Settings> read(std::string_view listen, std::string_view source_listen = "127.0.0.1:5170") {
  return read_settings(configuration(listen, source_listen), "page", components(),
                       [](const std::string&) { return std::optional<std::string>(); });
}

std::string seconds(Duration duration) {
  Text<64> out;
  MetricWriter(out).sample("a").seconds(duration);
  return std::string(out.text());
}

}  // namespace

TEST_CASE("metrics: descriptions, labels and values") {
  Text<512> out;
  MetricWriter writer(out);
  writer.describe({"runnel_x_total", "counter", "what it counts"});
  writer.sample("runnel_x_total").value(UINT64_MAX);
  writer.sample("runnel_x_total").label("a", "plain").label("b", "").value(0);
  writer.sample("runnel_x_total").label("c", "a \"b\" \\ \n \xc3\xa4").value(1);
  CHECK(out.text() ==
        "# HELP runnel_x_total what it counts\n"
        "# TYPE runnel_x_total counter\n"
        "runnel_x_total 18446744073709551615\n"
        "runnel_x_total{a=\"plain\",b=\"\"} 0\n"
        "runnel_x_total{c=\"a \\\"b\\\" \\\\ \\n \xc3\xa4\"} 1\n");
}

TEST_CASE("metrics: seconds are exact") {
  CHECK(seconds(0s) == "a 0.000000000\n");
  CHECK(seconds(1ns) == "a 0.000000001\n");
  CHECK(seconds(61'500ms) == "a 61.500000000\n");
  CHECK(seconds(-1'500ms) == "a -1.500000000\n");
}

TEST_CASE("status: the address is read, or told what it should be") {
  CHECK(read("")->agent.listen.family == io::Family::none);
  CHECK(read("127.0.0.1:9190")->agent.listen == io::parse_address("127.0.0.1:9190").value());
  CHECK(read("[::1]:9190")->agent.listen.port == 9190);
  const auto problem = [](std::string_view listen) { return read(listen).error().text; };
  CHECK(problem("9190") ==
        "page:2:10: agent: listen \"9190\" has no port: write for example "
        "\"9190:5170\"");
  CHECK(problem("localhost:9190") ==
        "page:2:10: agent: listen \"localhost:9190\" is not a numeric address such as "
        "\"127.0.0.1:9190\" or \"[::1]:9190\" (names are not looked up)");
  CHECK(problem("127.0.0.1:5170") ==
        "page:6:10: sources.in: it would listen on tcp://127.0.0.1:5170, and agent listens on "
        "tcp://127.0.0.1:5170; give each its own port or address");
}

TEST_CASE("status: only addresses of this machine are not warned of") {
  const auto warning = [](std::string_view listen) { return listen_warning(read(listen)->agent); };
  for (const std::string_view quiet : {"", "127.0.0.1:9190", "127.1.2.3:9190", "[::1]:9190"})
    CHECK(warning(quiet).empty());
  for (const std::string_view loud :
       {"0.0.0.0:9190", "192.0.2.1:9190", "[::]:9190", "[2001:db8::1]:1"})
    CHECK(warning(loud).starts_with(concat("agent.listen is ", loud, ": whoever reaches")));
}
