// Goal: a Unix socket can be named wherever a sink names a peer, and every mistake is answered with
// what to write. Method: tables of texts.
#include <string>

#include <doctest/doctest.h>

#include "pipeline/connection_options.hpp"
#include "sinks/http/url.hpp"
#include "sinks/sending/endpoint.hpp"
#include "sinks/syslog/syslog_sink.hpp"

using namespace runnel;
using namespace runnel::sinks;

namespace {

std::string written(std::string_view text) {
  const auto endpoint = parse_endpoint(text, 5170);
  if (!endpoint) return "refused: " + endpoint.error();
  CHECK(endpoint->is_local());
  CHECK_FALSE(endpoint->is_name());
  CHECK_FALSE(endpoint->secure);
  return concat(*endpoint);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("unix address: what is understood") {
  CHECK(written("unix:/run/x.sock") == "unix:/run/x.sock");
  CHECK(written("unix:///run/x.sock") == "unix:/run/x.sock");
  CHECK(written("unix:/x:1") == "unix:/x:1");
  const std::string longest = "unix:/" + std::string(io::local_path_bytes_max - 1, 'p');
  CHECK(written(longest) == longest);
}

TEST_CASE("unix address: every mistake is answered with what to write") {
  using namespace std::string_view_literals;
  struct Mistake {
    std::string_view text, answer;
  };
  const std::string too_long = "unix:/" + std::string(io::local_path_bytes_max, 'p');
  const Mistake mistakes[] = {
      {"unix:", "without a path: write for example \"unix:/run/x\""},
      {"unix://", "without a path"},
      {"unix:x.sock", "\"x.sock\" is not an absolute path"},
      {"unix://run/x.sock", "\"run/x.sock\" is not an absolute path"},
      {"unix:@abstract", "is not an absolute path"},
      {"unix:/run/", "is a folder"},
      {"unix:/run/a\0b"sv, "has a control character"},
      {"unix:/run/a\nb", "has a control character"},
      {too_long, "has 108 bytes; at most 107 are possible"},
      {"/run/x.sock", "is a path: write \"unix:/run/x.sock\""},
      {"tls://unix:/run/x.sock", "has neither TLS nor TCP: write \"unix:/run/x.sock\" alone"},
      {"tcp://unix:/run/x.sock", "has neither TLS nor TCP"},
  };
  for (const Mistake& mistake : mistakes) {
    CAPTURE(std::string(mistake.text));
    const auto endpoint = parse_endpoint(mistake.text, 5170);
    REQUIRE_FALSE(endpoint.has_value());
    CHECK_MESSAGE(has(endpoint.error(), mistake.answer), endpoint.error());
  }
}

TEST_CASE("unix address: in a URL it stands as nginx has it") {
  const auto url = parse_url("http://unix:/run/x.sock:/loki/api?a=b:c");
  REQUIRE(url.has_value());
  CHECK(url->endpoint.host == "/run/x.sock");
  CHECK(url->endpoint.is_local());
  CHECK(url->authority == "localhost");
  CHECK(url->target == "/loki/api?a=b:c");
  CHECK(parse_url("http://unix:/run/x.sock")->target == "/");
  CHECK(parse_url("http://unix:/run/x.sock:")->target == "/");
  CHECK(parse_url("http://unix:/run/x@y.sock:/p")->endpoint.host == "/run/x@y.sock");
  CHECK(
      has(parse_url("https://unix:/run/x.sock:/p").error(), "write \"http://unix:/run/x.sock:/p"));
  CHECK(has(parse_url("http://unix:run/x.sock:/p").error(), "is not an absolute path"));
  CHECK(has(parse_url("http://unix:").error(), "without a path"));
}

TEST_CASE("unix address: syslog goes over it as a stream, without TLS") {
  const auto problem_of = [](std::string_view address, std::string_view certificates = {}) {
    pipeline::OptionValues values;
    values.set("address", std::string(address));
    if (!certificates.empty()) values.set("tls.ca_file", std::string(certificates));
    pipeline::fill_standard(syslog_sink_type.options, values);
    pipeline::fill_standard(pipeline::connection_options(), values);
    const auto plan = syslog_sink_type.plan(values);
    return plan ? std::string() : plan.error().option + ": " + plan.error().text;
  };
  CHECK(problem_of("unix:/run/syslog.sock").empty());
  CHECK(has(problem_of("/run/syslog.sock"), "address: \"/run/syslog.sock\" is a path"));
  CHECK(has(problem_of("unix:/run/syslog.sock", "/ca.pem"), "tls.ca_file: is set, but TLS is not"));
}
