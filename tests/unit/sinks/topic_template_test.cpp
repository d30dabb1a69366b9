// Goal: the topics of the mqtt sink are valid and keep their depth whatever a header says. Method:
// patterns good and bad, hostile values, values at their limit, and random bytes checked against
// what must hold of every topic.
#include "sinks/mqtt/topic_template.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "codec/mqtt/text.hpp"

using namespace runnel;
using sinks::TopicTemplate;

namespace {

TopicTemplate parsed(std::string_view pattern) {
  const auto result = TopicTemplate::parse(pattern);
  CAPTURE(pattern);
  REQUIRE(result.has_value());
  return *result;
}
std::string complaint(std::string_view pattern) {
  const auto result = TopicTemplate::parse(pattern);
  return result ? "accepted" : result.error();
}

// The topic of a record with one header "host".
std::string rendered(std::string_view pattern, std::string_view host,
                     std::string_view source = "applog",
                     pipeline::Severity severity = pipeline::Severity::warning) {
  const TopicTemplate topic = parsed(pattern);
  std::vector<std::byte> room(70'000);
  pipeline::HeaderWriter headers{MutableBytes(room)};
  headers.add("host", host);
  pipeline::Event event;
  event.severity = severity;
  event.headers = headers.headers();
  std::vector<std::uint64_t> words(pipeline::record_bytes(event) / 8);
  auto* at = std::as_writable_bytes(std::span(words)).data();
  pipeline::write_record(at, event, words.size() * 8);
  std::vector<char> exact(topic.bytes_max());
  TextWriter out{std::span<char>(exact)};
  topic.write(pipeline::Record(at), source, out);
  return std::string(out.text());
}
std::string value(std::string_view host) { return rendered("%{host}", host); }

}  // namespace

TEST_CASE("topic template: what an event says") {
  CHECK(rendered("edge", "gw") == "edge");
  CHECK(rendered("edge/%{host}/%{source}", "gw") == "edge/gw/applog");
  CHECK(rendered("%{severity}/100%%", "gw") == "warning/100%");
  CHECK(rendered("%{severity}", "gw", "a", pipeline::Severity::none) == "unknown");
  CHECK(rendered("a/%{app}", "gw") == "a/unknown");
  CHECK(rendered("a/%{host}", "") == "a/unknown");
  CHECK(rendered("%{host}%{host}", "gw") == "gwgw");
  CHECK(parsed("edge/%%").is_constant());
  CHECK(!parsed("%{host}").is_constant());
  CHECK(parsed("edge/%%").bytes_max() == 6);
  CHECK(parsed("e/%{host}").bytes_max() == 2 + TopicTemplate::value_bytes_max);
}

TEST_CASE("topic template: hostile values") {
  CHECK(value("a/b") == "a_b");
  CHECK(value("/") == "_");
  CHECK(value("+") == "_");
  CHECK(value("a#") == "a_");
  CHECK(value("\r\n") == "__");
  CHECK(value(std::string_view("a\0b", 3)) == "a_b");
  CHECK(value("\xff\xc3") == "__");
  CHECK(value("\xc3\xa9\xe2\x82") == "\xc3\xa9_");
  CHECK(value("\xef\xbf\xbf!") == "_!");
  CHECK(value("$SYS") == "_SYS");
  CHECK(value("a$") == "a$");
  CHECK(rendered("x/%{host}", "$SYS") == "x/$SYS");
  CHECK(rendered("$x/%{host}", "gw") == "$x/gw");  // what the configuration says stands
}

TEST_CASE("topic template: long values are cut between characters") {
  constexpr std::size_t most = TopicTemplate::value_bytes_max;
  CHECK(value(std::string(most, 'x')) == std::string(most, 'x'));
  CHECK(value(std::string(most + 1, 'x')) == std::string(most, 'x'));
  CHECK(value(std::string(60'000, '/')) == std::string(most, '_'));
  CHECK(value(std::string(most - 1, 'x') + "\xc3\xa9") == std::string(most - 1, 'x'));
  CHECK(value(std::string(most - 2, 'x') + "\xc3\xa9y") == std::string(most - 2, 'x') + "\xc3\xa9");
  CHECK(value("$" + std::string(most, 'x')) == "_" + std::string(most - 1, 'x'));
}

TEST_CASE("topic template: any bytes give a topic of the same depth") {
  std::mt19937 random(7);
  const std::string_view salt = "/+#$%\xc3\xa9\xff\n\xef\xbf\xbe";
  for (int round = 0; round < 3000; ++round) {
    std::string host(random() % 200, '\0');
    for (char& c : host)
      c = random() % 2 != 0 ? salt[random() % salt.size()] : static_cast<char>(random());
    CAPTURE(host);
    const std::string topic = rendered("%{host}/%{source}/x/%{host}", host, host);
    CHECK(codec::mqtt::valid_topic(topic));
    CHECK(std::count(topic.begin(), topic.end(), '/') == 3);
    CHECK(topic.front() != '$');
    CHECK(topic.front() != '/');
  }
}

TEST_CASE("topic template: patterns that are refused") {
  CHECK(complaint("").find("is empty") == 0);
  CHECK(complaint("a/+/b").find("has a wildcard") == 0);
  CHECK(complaint("a/#").find("has a wildcard") == 0);
  CHECK(complaint("a\n").find("is not UTF-8") == 0);
  CHECK(complaint("\xff").find("is not UTF-8") == 0);
  CHECK(complaint("a%").find("has a %") == 0);
  CHECK(complaint("%Y").find("has a %") == 0);
  CHECK(complaint("%{host").find("has %{ without") == 0);
  CHECK(complaint("%{}").find("has a name") == 0);
  CHECK(complaint("%{" + std::string(64, 'h') + "}") == "accepted");
  CHECK(complaint("%{" + std::string(65, 'h') + "}").find("has a name") == 0);
  CHECK(complaint("%{a}%{b}%{c}%{d}") == "accepted");
  CHECK(complaint("%{a}%{b}%{c}%{d}%{e}").find("has more than 4 values") == 0);
  std::string parts;
  for (int each = 0; each < 12; ++each) parts += "x%%";
  CHECK(complaint(parts) == "accepted");
  CHECK(complaint(parts + "x").find("has more than 24 parts") == 0);
  CHECK(complaint(std::string(256, 'x')) == "accepted");
  CHECK(complaint(std::string(257, 'x')).find("is longer than 256") == 0);
}
