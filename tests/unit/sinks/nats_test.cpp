// Goal: subjects of the nats sink stay valid and keep their depth whatever a header says; servers
// take turns and only real addresses are learnt; an answer means exactly one publish. Method:
// patterns good and bad, hostile values and addresses, windows at their limit and answers that come
// twice, late or for nothing.
#include "codec/nats.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sinks/nats/publishing.hpp"
#include "sinks/nats/servers.hpp"
#include "sinks/nats/subject_template.hpp"
#include "sinks/sending/event_set.hpp"

using namespace runnel;
using sinks::NatsServers;
using sinks::PublishWindow;
using sinks::SubjectTemplate;

namespace {

std::string complaint(std::string_view pattern) {
  const auto result = SubjectTemplate::parse(pattern);
  return result ? "accepted" : result.error();
}

// The subject of a record with one header "host".
std::string rendered(std::string_view pattern, std::string_view host,
                     pipeline::Severity severity = pipeline::Severity::warning) {
  const auto subject = SubjectTemplate::parse(pattern);
  REQUIRE(subject.has_value());
  std::vector<std::byte> room(70'000);
  pipeline::HeaderWriter headers{MutableBytes(room)};
  headers.add("host", host);
  pipeline::Event event;
  event.severity = severity;
  event.headers = headers.headers();
  std::vector<std::uint64_t> words(pipeline::record_bytes(event) / 8);
  auto* at = std::as_writable_bytes(std::span(words)).data();
  pipeline::write_record(at, event, words.size() * 8);
  std::vector<char> exact(subject->bytes_max());
  TextWriter out{std::span<char>(exact)};
  subject->write(pipeline::Record(at), "applog", out);
  CHECK(codec::nats_subject_valid(out.text()));
  return std::string(out.text());
}

std::string current(const NatsServers& servers) {
  const Text<128> text(servers.current());
  return std::string(text.text());
}

}  // namespace

TEST_CASE("nats subject: what an event says") {
  CHECK(rendered("logs", "gw") == "logs");
  CHECK(rendered("logs.%{source}.%{host}", "gw") == "logs.applog.gw");
  CHECK(rendered("%{severity}.100%%", "gw") == "warning.100%");
  CHECK(rendered("a.%{severity}", "gw", pipeline::Severity::none) == "a.unknown");
  CHECK(rendered("a.%{app}", "gw") == "a.unknown");
  CHECK(rendered("a.%{host}", "") == "a.unknown");
  CHECK(rendered("%{host}%{host}", "gw") == "gwgw");
}

TEST_CASE("nats subject: hostile values stay one token") {
  CHECK(rendered("a.%{host}", "b.c") == "a.b_c");
  CHECK(rendered("a.%{host}", ">") == "a._");
  CHECK(rendered("a.%{host}", "*") == "a._");
  CHECK(rendered("%{host}.b", "$JS") == "_JS.b");
  CHECK(rendered("a.%{host}", "x 1\r\nPUB b 1") == "a.x_1__PUB_b_1");
  CHECK(rendered("a.%{host}", std::string_view("\0\x7f\xc3\xa9", 4)) == "a.____");
  const std::string longest(SubjectTemplate::value_bytes_max, 'x');
  CHECK(rendered("a.%{host}", longest + "y") == "a." + longest);
  CHECK(rendered("%{host}%{host}%{host}%{host}", longest).size() == 4 * longest.size());
}

TEST_CASE("nats subject: patterns that cannot be") {
  CHECK(complaint("").starts_with("is empty"));
  for (const std::string_view pattern :
       {"a.*", ">", "a..b", ".a", "a.", "a b", "a.%{x}.", "%{x}..%{y}", "a\n"})
    CHECK(complaint(pattern).starts_with("is no subject to publish to"));
  CHECK(complaint("a%").starts_with("has a % that is neither"));
  CHECK(complaint("a%{x").starts_with("has %{ without its }"));
  CHECK(complaint("a%{}").starts_with("has a name in %{}"));
  CHECK(complaint("%{a}%{b}%{c}%{d}") == "accepted");
  CHECK(complaint("%{a}%{b}%{c}%{d}%{e}") == "has more than 4 values");
  CHECK(complaint(std::string(SubjectTemplate::pattern_bytes_max, 'a')) == "accepted");
  CHECK(complaint(std::string(SubjectTemplate::pattern_bytes_max + 1, 'a'))
            .starts_with("is longer than"));
}

TEST_CASE("nats servers: they take turns, those that were learnt behind the others") {
  const std::vector<sinks::Endpoint> configured = {{"n1", 4222}, {"n2", 4223}};
  NatsServers servers(configured, 3);
  CHECK(current(servers) == "n2:4223");
  servers.learn("10.0.0.3:4222");
  servers.learn("[::1]:4222");
  servers.learn("n1:4222");
  servers.learn("10.0.0.3:4222");
  CHECK(servers.count() == 4);
  std::string order;
  for (int turn = 0; turn < 4; ++turn) {
    servers.advance();
    order += current(servers) + " ";
  }
  CHECK(order == "10.0.0.3:4222 [::1]:4222 n1:4222 n2:4223 ");
}

TEST_CASE("nats servers: what is no address is not learnt, and not too many are") {
  const std::vector<sinks::Endpoint> configured = {{"n1", 4222}};
  NatsServers servers(configured, 0);
  for (const std::string_view url : {"", ":", "a", "a:", ":1", "a:0", "a:65536", "a:x", "a b:1",
                                     "a\n:1", "\xc3\xa9:1", "[]:1", "a:-1"})
    servers.learn(url);
  servers.learn(std::string(NatsServers::host_bytes_max + 1, 'a') + ":1");
  CHECK(servers.count() == 1);
  servers.advance();
  CHECK(current(servers) == "n1:4222");
  servers.learn(std::string(NatsServers::host_bytes_max, 'a') + ":1");
  for (int port = 1; port < 100; ++port) servers.learn("b:" + std::to_string(port));
  CHECK(servers.count() == 1 + NatsServers::learned_max);
}

TEST_CASE("nats window: an answer is for one publish, once") {
  std::vector<PublishWindow::Slot> slots(3);
  PublishWindow window{std::span(slots)};
  CHECK(!window.answer(0));
  for (std::uint32_t event = 10; event < 13; ++event) {
    CHECK(window.has_room());
    CHECK(window.publish(event) == event - 10);
  }
  CHECK(!window.has_room());
  CHECK(window.answer(1) == 11);
  CHECK(!window.answer(1));
  CHECK(!window.has_room());  // the oldest is still under way
  CHECK(!window.answer(3));
  CHECK(window.answer(0) == 10);
  CHECK(window.has_room());
  CHECK(window.publish(13) == 3);
  CHECK(!window.answer(0));
  CHECK(window.pending() == 2);
  window.forget();
  CHECK(window.pending() == 0);
  CHECK(!window.answer(2));
  CHECK(!window.answer(3));
  CHECK(window.publish(14) == 4);
  CHECK(!window.answer(UINT64_MAX));
  CHECK(window.answer(4) == 14);
}

TEST_CASE("nats: settled events are counted once") {
  std::vector<std::uint64_t> words(sinks::EventSet::words_for(65));
  REQUIRE(words.size() == 2);
  sinks::EventSet settled{std::span(words)};
  settled.begin(65);
  settled.add(64);
  settled.add(64);
  settled.add(0);
  CHECK(settled.count() == 2);
  CHECK(settled.has(64));
  CHECK(!settled.has(63));
  settled.begin(65);
  CHECK(settled.count() == 0);
  CHECK(!settled.has(64));
}
