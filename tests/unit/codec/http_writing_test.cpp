// Goal: heads that are written are the ones that are read, nothing gets out of its place in them,
// and dates are those of RFC 9110. Method: what was written goes through the readers; hostile parts
// in every place; the examples of the specification and dates at the edges.
#include <string>

#include <doctest/doctest.h>

#include "codec/civil.hpp"
#include "codec/http/date.hpp"
#include "codec/http/head_writer.hpp"
#include "codec/http/request.hpp"
#include "codec/http/response.hpp"

using namespace runnel;
using namespace runnel::codec::http;

namespace {

WallTime at_second(std::int64_t second) { return WallTime(std::chrono::seconds(second)); }
constexpr std::int64_t example = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT

std::string written_date(WallTime time) {
  Text<64> out;
  write_date(time, out);
  return std::string(out.text());
}

}  // namespace

TEST_CASE("a request that is written is read") {
  Text<256> out;
  HeadWriter writer(out);
  writer.request("POST", "/a?b", "edge:80").field("Content-Length", 17u).field("X", "");
  writer.begin("Authorization").add("Basic ").add("Zm9v").end_line();
  REQUIRE(writer.end());
  CHECK(out.text() ==
        "POST /a?b HTTP/1.1\r\nHost: edge:80\r\nContent-Length: 17\r\nX: \r\n"
        "Authorization: Basic Zm9v\r\n\r\n");
  RequestReader reader;
  RequestHead head;
  CHECK(reader.look(as_bytes(out.text()), head).consumed == out.size());
  CHECK(head.body.size == 17);
  CHECK(head.fields.find("authorization").value() == "Basic Zm9v");
}

TEST_CASE("a response that is written is read") {
  Text<256> out;
  HeadWriter writer(out);
  writer.response(404).field("Content-Length", 0u);
  REQUIRE(writer.end());
  CHECK(out.text() == "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  ResponseReader reader(Asked::ordinary);
  ResponseHead head;
  CHECK(reader.look(as_bytes(out.text()), head).consumed == out.size());
  CHECK(head.reason == "Not Found");
  CHECK(reason_of(299).empty());
}

TEST_CASE("nothing gets out of its place") {
  const std::string line_ends[] = {"a\r\nB: c", "a\nb", "a\rb", std::string("a\0b", 3), "a\x7f"};
  for (const std::string& hostile : line_ends) {
    CAPTURE(hostile);
    Text<256> out;
    CHECK(HeadWriter(out).request("GET", "/", hostile).end().error() == Error::malformed);
    CHECK(HeadWriter(out).request("GET", hostile, "x").end().error() == Error::malformed);
    CHECK(HeadWriter(out).request(hostile, "/", "x").end().error() == Error::malformed);
    CHECK(HeadWriter(out).field(hostile, "x").end().error() == Error::malformed);
    CHECK(HeadWriter(out).field("A", hostile).end().error() == Error::malformed);
    CHECK(HeadWriter(out).begin("A").add("b").add(hostile).end_line().end().error() ==
          Error::malformed);
  }
  Text<256> out;
  CHECK(HeadWriter(out).request("GET", "/a b", "x").end().error() == Error::malformed);
  CHECK(HeadWriter(out).request("GET", "", "x").end().error() == Error::malformed);
  CHECK(HeadWriter(out).request("", "/", "x").end().error() == Error::malformed);
  CHECK(HeadWriter(out).field("", "x").end().error() == Error::malformed);
  CHECK(HeadWriter(out).field("A:", "x").end().error() == Error::malformed);
  CHECK(HeadWriter(out).response(1000).end().error() == Error::malformed);
}

TEST_CASE("a head that does not fit is not sent") {
  Text<27> fits;
  CHECK(HeadWriter(fits).request("GET", "/", "x").end().ok());
  Text<26> one_less;
  CHECK(HeadWriter(one_less).request("GET", "/", "x").end().error() == Error::too_large);
}

TEST_CASE("the three forms of a date") {
  const WallTime now = at_second(example);
  for (const char* const text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                 "Sun Nov  6 08:49:37 1994"}) {
    CAPTURE(text);
    CHECK(parse_date(text, now).value() == now);
    const std::string whole = text;
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK(!parse_date(whole.substr(0, size), now));
    CHECK(!parse_date(whole + " ", now));
  }
  CHECK(written_date(now) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(written_date(at_second(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(written_date(at_second(-1)) == "Wed, 31 Dec 1969 23:59:59 GMT");
  for (std::int64_t second = -5'000'000'000; second < 7'000'000'000; second += 86'399'977)
    CHECK(parse_date(written_date(at_second(second)), now).value() == at_second(second));
}

TEST_CASE("dates that are none") {
  const WallTime now = at_second(example);
  for (const char* const text :
       {"", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0001 08:49:37 GMT", "Sun, 06 Nov 9999 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov 06 08:49:37 94"}) {
    CAPTURE(text);
    CHECK(!parse_date(text, now));
  }
}

TEST_CASE("a year of two digits is at most 50 years ahead") {
  const auto year_of = [](const char* text, std::int32_t now_year) {
    const WallTime now = at_second(codec::days_from_civil({now_year, 7, 1}) * 86'400);
    return codec::civil_from(parse_date(text, now).value()).date.year;
  };
  CHECK(year_of("Sunday, 06-Nov-76 08:49:37 GMT", 2026) == 2076);
  CHECK(year_of("Sunday, 06-Nov-77 08:49:37 GMT", 2026) == 1977);
  CHECK(year_of("Sunday, 06-Nov-26 08:49:37 GMT", 2026) == 2026);
  CHECK(year_of("Sunday, 06-Nov-20 08:49:37 GMT", 1970) == 2020);
}

TEST_CASE("how long to wait") {
  const WallTime now = at_second(example - 120);
  CHECK(retry_after("0", now).value() == 0s);
  CHECK(retry_after("120", now).value() == 120s);
  CHECK(retry_after("99999999", now).value() == retry_after_max);
  CHECK(retry_after("99999999999999999999999", now).value() == retry_after_max);
  CHECK(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now).value() == 120s);
  CHECK(retry_after("Sun, 06 Nov 1994 08:47:00 GMT", now).value() == 0s);
  CHECK(retry_after("Sun, 06 Nov 1999 08:49:37 GMT", now).value() == retry_after_max);
  for (const char* const text : {"", "-1", "1.5", "1 ", "soon", "1s"})
    CHECK(!retry_after(text, now));
}
