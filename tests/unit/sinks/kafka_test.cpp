// Goal: topics of the kafka sink are valid whatever a header says, and never Kafka's own; what the
// format writes is read back as it was; options that mean nothing here are refused by name. Method:
// patterns good and bad, hostile values, events at their limits, plans from option values.
#include "sinks/kafka/kafka.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pipeline/connection_options.hpp"
#include "sinks/kafka/kafka_format.hpp"

using namespace runnel;
using namespace runnel::pipeline;
using sinks::KafkaFormat;
using sinks::KafkaKey;
using sinks::KafkaShape;
using sinks::KafkaTopic;

namespace {

// A record with one header "host".
struct Recorded {
  explicit Recorded(std::string_view host, std::string_view body = "body") {
    HeaderWriter headers{MutableBytes(room)};
    if (!host.empty()) headers.add("host", host);
    Event event;
    event.severity = Severity::warning;
    event.headers = headers.headers();
    event.body = as_bytes(body);
    words.resize(record_bytes(event) / 8);
    write_record(data(), event, words.size() * 8);
  }
  std::byte* data() { return std::as_writable_bytes(std::span(words)).data(); }
  std::vector<std::byte> room = std::vector<std::byte>(70'000);
  std::vector<std::uint64_t> words;
};

std::string complaint(std::string_view pattern) {
  const auto result = KafkaTopic::parse(pattern);
  return result ? "accepted" : result.error();
}
template <class Name>
std::string rendered(std::string_view pattern, std::string_view host) {
  const auto name = Name::parse(pattern);
  REQUIRE(name.has_value());
  Recorded recorded(host);
  std::vector<char> exact(name->bytes_max());
  TextWriter out{std::span<char>(exact)};
  name->write(Record(recorded.data()), "applog", out);
  return std::string(out.text());
}
std::string topic(std::string_view pattern, std::string_view host) {
  return rendered<KafkaTopic>(pattern, host);
}

std::vector<std::byte> written(const KafkaShape& shape, Recorded& recorded, bool clock_known = true,
                               std::size_t room_bytes = 200'000) {
  const KafkaFormat format(shape);
  std::vector<std::byte> room(room_bytes);
  const Record record(recorded.data());
  const EncodedEvent event{.record = record,
                           .time = wall_from_ns(1'795'391'940'123'456'789),
                           .clock_known = clock_known,
                           .source = "applog"};
  const auto size = format.event(event, room);
  room.resize(size.value_or(0));
  return room;
}

std::string refused(std::initializer_list<std::pair<std::string_view, std::string_view>> given) {
  OptionValues values;
  const auto tables = {sinks::kafka_type.options, delivery_options(), connection_options()};
  values.set("brokers", *parse_option(sinks::kafka_type.options[0], "k1.example.org"));
  values.set("topic", std::string("logs"));
  for (const auto& [name, text] : given)
    for (const auto& table : tables)
      for (const Option& option : table)
        if (option.name == name) values.set(name, *parse_option(option, text));
  for (const auto& table : tables) fill_standard(table, values);
  const auto plan = sinks::kafka_type.plan(values);
  return plan ? "nothing" : plan.error().option;
}

}  // namespace

TEST_CASE("kafka topic: what an event says") {
  CHECK(topic("logs", "gw") == "logs");
  CHECK(topic("logs.%{source}.%{host}", "gw") == "logs.applog.gw");
  CHECK(topic("%{severity}-%{host}", "") == "warning-unknown");
  CHECK(topic("a.%{host}", "x/y z\n\xC3\xA9") == "a.x_y_z___");
  CHECK(topic("%{host}", std::string(500, 'x')) == std::string(60, 'x'));
}

TEST_CASE("kafka topic: no value leads into Kafka's own topics") {
  CHECK(topic("%{host}", "__consumer_offsets") == "-_consumer_offsets");
  CHECK(topic("%{host}", "..") == "-.");
  CHECK(topic("%{host}", ".") == "-");
  CHECK(topic("%{host}", "/etc") == "-etc");
  CHECK(topic("a%{host}", "__x") == "a__x");
}

TEST_CASE("kafka topic: bad patterns are told") {
  CHECK(complaint("logs-%{host}_1.x") == "accepted");
  CHECK(complaint("100%%").starts_with("is no topic"));
  CHECK(complaint("a b").starts_with("is no topic"));
  CHECK(complaint("a/%{host}").starts_with("is no topic"));
  CHECK(complaint(".") == "is no topic");
  CHECK(complaint("..") == "is no topic");
  CHECK(complaint("%{host") == "has %{ without its }");
  CHECK(complaint(std::string(249, 'x')) == "accepted");
  CHECK(complaint(std::string(250, 'x')).starts_with("can become 250 bytes"));
  CHECK(complaint(std::string(189, 'x') + "%{host}") == "accepted");
  CHECK(complaint(std::string(190, 'x') + "%{host}").starts_with("can become 250 bytes"));
}

TEST_CASE("kafka key: any bytes") {
  CHECK(rendered<KafkaKey>("%{host}/%{source}", "a b\n__") == "a b\n__/applog");
  CHECK(rendered<KafkaKey>("%{host}", std::string(500, 'x')) == std::string(128, 'x'));
  CHECK(!KafkaKey::parse("%{"));
}

TEST_CASE("kafka format: the example of its header, byte by byte") {
  KafkaShape shape;
  shape.topic = *KafkaTopic::parse("T");
  Recorded recorded("gw", "hi");
  const auto bytes = written(shape, recorded, false);
  const std::string expected(
      "\x01\0\xFF\xFF\0\0\0\0\0\0\0\0\0\x80T"
      "hi",
      17);
  CHECK(as_text(bytes) == expected);
}

TEST_CASE("kafka format: what is written is read back") {
  KafkaShape shape;
  shape.topic = *KafkaTopic::parse("logs.%{host}");
  shape.key = *KafkaKey::parse("%{host}");
  shape.headers = true;
  const std::string host(300, 'h'), body(100'000, 'b');
  Recorded recorded(host, body);
  const auto bytes = written(shape, recorded);
  const KafkaFormat format(shape);
  CHECK(bytes.size() <= format.event_bytes_max(recorded.words.size() * 8));
  const net::KafkaMessage message = KafkaFormat::read(bytes);
  CHECK(message.topic == "logs." + host.substr(0, 60));
  CHECK(message.key == host.substr(0, 128));
  CHECK(as_text(message.value) == body);
  CHECK(message.timestamp_ms == 1'795'391'940'123);
  std::size_t headers = 0;
  net::each_kafka_header(message.headers, [&](std::string_view name, std::string_view value) {
    ++headers;
    CHECK(name == "host");
    CHECK(value == host);
  });
  CHECK(headers == 1);
  // A room that is one too small takes nothing.
  CHECK(!written(shape, recorded, true, bytes.size()).empty());
  CHECK(written(shape, recorded, true, bytes.size() - 1).empty());
  CHECK(written(shape, recorded, true, 20).empty());
}

TEST_CASE("kafka headers: an encoding that is cut off ends before the cut") {
  const std::string text("\x01\x02\0kvv\x01\xFF\0k", 10);
  std::size_t count = 0;
  net::each_kafka_header(as_bytes(text), [&](std::string_view name, std::string_view value) {
    ++count;
    CHECK(name == "k");
    CHECK(value == "vv");
  });
  CHECK(count == 1);
}

TEST_CASE("kafka: options that contradict each other, or mean nothing here, are refused by name") {
  CHECK(refused({}) == "nothing");
  CHECK(refused({{"brokers", "a, tls://b"}}) == "brokers");
  CHECK(refused({{"brokers", "tls://a, tls://[::1]:1"}, {"tls.ca_file", "/ca"}}) == "nothing");
  CHECK(refused({{"tls.ca_file", "/ca"}}) == "tls.ca_file");
  CHECK(refused({{"brokers", "tls://a"}, {"tls.certificate_file", "/c"}}) ==
        "tls.certificate_file");
  CHECK(refused({{"brokers", "tls://a"}, {"tls.server_name", "b"}}) == "tls.server_name");
  CHECK(refused({{"link", "uplink"}}) == "link");
  CHECK(refused({{"proxy", "http://127.0.0.1:3128"}}) == "proxy");
  CHECK(refused({{"brokers", "unix:/run/kafka.sock"}}) == "brokers");
  CHECK(refused({{"sasl", "plain"}}) == "user");
  CHECK(refused({{"sasl", "plain"}, {"user", "edge"}, {"password", "x"}}) == "nothing");
  CHECK(refused({{"user", "edge"}}) == "user");
  CHECK(refused({{"password", "edge"}}) == "password");
  CHECK(refused({{"reply_timeout", "10ms"}}) == "reply_timeout");
  CHECK(refused({{"topic", "a b"}}) == "topic");
  CHECK(refused({{"key", "%{"}}) == "key");
  CHECK(refused({{"client_id", std::string(257, 'x')}}) == "client_id");
}
