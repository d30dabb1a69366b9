// Goal: what is a host's name, and in which order addresses are tried.
// Method: valid names, each kind of wrong one, and both sides of every limit.
#include "net/host_name.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "net/numeric_resolver.hpp"

using namespace runnel;
using net::HostName;

namespace {

std::string name_from(std::string_view text) {
  const auto name = HostName::from(text);
  return name ? std::string(name->text()) : "malformed";
}

std::string order(const std::vector<std::string>& ipv6, const std::vector<std::string>& ipv4) {
  std::vector<io::Address> six, four;
  for (const auto& each : ipv6) six.push_back(net::numeric_address(each, 0).value());
  for (const auto& each : ipv4) four.push_back(net::numeric_address(each, 0).value());
  net::Addresses into;
  into.count = 5;  // of an answer before
  net::interleave(six, four, 80, into);
  Text<512> out;
  for (std::size_t index = 0; index < into.count; ++index) {
    CHECK(into.all[index].port == 80);
    out << (index > 0 ? " " : "");
    io::write_ip(out, into.all[index]);
  }
  return std::string(out.text());
}

}  // namespace

TEST_CASE("host name: lower case, dots between labels, one at the end") {
  CHECK(name_from("Collector") == "collector");
  CHECK(name_from("LOGS-1.Example.ORG") == "logs-1.example.org");
  CHECK(name_from("a.b.") == "a.b.");
  CHECK(name_from("_tcp.x_y.example") == "_tcp.x_y.example");
  CHECK(name_from("1.example") == "1.example");
  CHECK(name_from("x1") == "x1");
  CHECK(name_from("1x") == "1x");
  CHECK(name_from("3com.4") == "malformed");
  for (const char* wrong : {"", ".", "..", ".a", "a..b", "a..", "a b", "a/b", "a:1", "1", "1.2.3.4",
                            "1.2.3.", "256.1.1.1", "[::1]", "a\n", "\xC3\xBC", "a*"})
    CHECK(name_from(wrong) == "malformed");
  CHECK(name_from(std::string_view("a\0b", 3)) == "malformed");
}

TEST_CASE("host name: 63 bytes a label, 253 a name") {
  const std::string label(63, 'a');
  CHECK(name_from(label) == label);
  CHECK(name_from(label + "a") == "malformed");
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  REQUIRE(longest.size() == 253);
  CHECK(name_from(longest) == longest);
  CHECK(name_from(longest + "b") == "malformed");
  CHECK(name_from(longest + ".") == "malformed");
}

TEST_CASE("host name: localhost and what is below it") {
  for (const char* yes : {"localhost", "localhost.", "a.localhost"}) CHECK(net::is_localhost(yes));
  for (const char* no : {"", ".", "alocalhost", "localhost.example", "localhost.."})
    CHECK_FALSE(net::is_localhost(no));
}

TEST_CASE("host name: families take turns, IPv6 first, without twins") {
  CHECK(order({}, {}).empty());
  CHECK(order({"::1"}, {}) == "::1");
  CHECK(order({}, {"10.0.0.1", "10.0.0.2"}) == "10.0.0.1 10.0.0.2");
  CHECK(order({"::1", "::2", "::3"}, {"10.0.0.1"}) == "::1 10.0.0.1 ::2 ::3");
  CHECK(order({"::1"}, {"10.0.0.1", "10.0.0.2"}) == "::1 10.0.0.1 10.0.0.2");
  CHECK(order({"::1", "::1"}, {"10.0.0.1", "10.0.0.1", "10.0.0.2"}) == "::1 10.0.0.1 10.0.0.2");
  CHECK(order({"::"}, {"0.0.0.0"}).empty());
  const std::vector<std::string> six = {"::1", "::2", "::3", "::4", "::5"};
  const std::vector<std::string> four = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};
  CHECK(order(six, four) == "::1 10.0.0.1 ::2 10.0.0.2 ::3 10.0.0.3 ::4 10.0.0.4");
}
