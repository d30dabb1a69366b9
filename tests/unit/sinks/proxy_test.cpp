// Goal: the option `proxy` is read as it was meant, what is wrong with it is said without quoting
// it, and it is refused where nothing would go through it. Method: texts, and plans from options.
#include "sinks/sending/proxy.hpp"

#include <doctest/doctest.h>

#include "pipeline/component.hpp"
#include "pipeline/connection_options.hpp"
#include "sinks/nats/nats.hpp"
#include "sinks/syslog/syslog_sink.hpp"

using namespace runnel;
using sinks::parse_proxy;

namespace {

std::string read(std::string_view text) {
  const auto proxy = parse_proxy(text);
  return proxy ? concat(proxy->endpoint, ' ', proxy->authorization) : "-";
}
std::string problem_of(std::string_view text) {
  const auto proxy = parse_proxy(text);
  return proxy ? "none" : proxy.error();
}

}  // namespace

TEST_CASE("proxy: who it is, and as whom we come") {
  CHECK(read("http://proxy.example.org:3128") == "proxy.example.org:3128 ");
  CHECK(read("http://[2001:db8::1]:8080/") == "[2001:db8::1]:8080 ");
  CHECK(read("http://edge:secret@192.0.2.1:1") == "192.0.2.1:1 Basic ZWRnZTpzZWNyZXQ=");
  CHECK(read("http://edge@p:1") == "p:1 Basic ZWRnZTo=");
  // What a password out of a file may look like, and how it is written in an address.
  CHECK(read("http://a:b:c/@d@p:1") == "p:1 Basic YTpiOmMvQGQ=");
  CHECK(read("http://a:%62%3Ac%2F%40d@p:1") == "p:1 Basic YTpiOmMvQGQ=");
  CHECK(read("http://%c3%a4:%25@p:1") == "p:1 Basic w6Q6JQ==");
}

TEST_CASE("proxy: what is wrong with it is said without it") {
  constexpr std::string_view form = "is no address such as \"http://proxy.example.org:3128\"";
  for (const std::string_view text :
       {"p:3128", "http://", "http://p", "http://p:0", "http://p:70000", "http://edge:open-sesame",
        "http://edge:open-sesame:p:3128", "edge:open-sesame@p:3128", "http://p:3128/path",
        "http://tcp://p:3128", "http://tls://p:3128", "socks5://p:1080", "http://a b:3128"})
    CHECK_MESSAGE(problem_of(text) == form, text);
  CHECK(problem_of("https://a:open-sesame@p:443").starts_with("begins with https://"));
  for (const char* text : {"http://edge:open-sesame%@p:1", "http://edge:open-sesame%4@p:1",
                           "http://edge:open-sesame%4g@p:1", "http://%zz:open-sesame@p:1"})
    CHECK_MESSAGE(
        problem_of(text) == "has a % in its user or password that is not %XX: write it as %25",
        text);
  CHECK(problem_of("http://@p:1") == "has an @, but no user in front of it");
  CHECK(problem_of("http://:open-sesame@p:1") == "has an @, but no user in front of it");
  CHECK(problem_of("http://a%3Ab:open-sesame@p:1") == "has a colon in its user");
  CHECK(problem_of("http://a:%0d%0aX: y@p:1") == "has control characters in its user or password");
  const std::string longest(1023, 'x');
  CHECK(problem_of("http://a:" + longest + "@p:1") == "none");
  CHECK(problem_of("http://a:" + longest + "x@p:1") ==
        "has a user and password of more than 1 KiB");
}

TEST_CASE("proxy: none on the way to a Unix socket, whichever of the servers is one") {
  pipeline::OptionValues values;
  values.set("servers", std::vector<std::string>{"192.0.2.1", "unix:/run/nats.sock"});
  values.set("subject", std::string("logs"));
  values.set("proxy", std::string("http://p:3128"));
  for (const auto table :
       {sinks::nats_type.options, pipeline::connection_options(), pipeline::delivery_options()})
    pipeline::fill_standard(table, values);
  const auto plan = sinks::nats_type.plan(values);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().option == "proxy");
  CHECK(plan.error().text == "is set, but a Unix socket is on this machine; remove it");
}

TEST_CASE("proxy: datagrams do not go through one") {
  const auto problem = [](std::string_view address) -> std::string {
    pipeline::OptionValues values;
    values.set("address", std::string(address));
    values.set("proxy", std::string("http://p:3128"));
    for (const auto table : {sinks::syslog_sink_type.options, pipeline::connection_options(),
                             pipeline::delivery_options()})
      pipeline::fill_standard(table, values);
    const auto plan = sinks::syslog_sink_type.plan(values);
    return plan ? "none" : plan.error().option;
  };
  CHECK(problem("tcp://logs.example.org") == "none");
  CHECK(problem("udp://logs.example.org") == "proxy");
}
