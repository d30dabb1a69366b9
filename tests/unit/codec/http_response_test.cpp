// Goal: the head of a response means what RFC 9112 says it does, wherever the network cuts it, and
// what could be understood in two ways is refused. Method: tables of heads; each whole, in every
// split, and every truncation of it; limits at their exact size and one byte past it.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/http/response.hpp"

using namespace runnel;
using namespace runnel::codec::http;
using Kind = ResponseReader::Step::Kind;
using BodyKind = BodyFraming::Kind;

namespace {

struct Outcome {
  Kind kind = Kind::need_more;
  Error error = Error::none;
  std::size_t consumed = 0;
  std::uint16_t status = 0;
  std::string reason;
  BodyFraming body;
  bool keep_alive = false;
  bool operator==(const Outcome&) const = default;
};

// Shows the first `first` bytes, then all of them, from another place.
Outcome read(const std::string& text, std::size_t first, Asked asked, HeadLimits limits) {
  ResponseReader reader(asked, limits);
  Outcome outcome;
  for (const std::size_t size : {first, text.size()}) {
    const std::vector<char> copy(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    ResponseHead head;
    const auto step = reader.look(as_bytes({copy.data(), copy.size()}), head);
    outcome.kind = step.kind;
    if (step.kind == Kind::need_more) continue;
    outcome.error = step.error;
    outcome.consumed = step.consumed;
    if (step.kind == Kind::head) {
      outcome.status = head.status;
      outcome.reason = head.reason;
      outcome.body = head.body;
      outcome.keep_alive = head.keep_alive;
    }
    return outcome;
  }
  return outcome;
}

Outcome read(const std::string& text, Asked asked = Asked::ordinary, HeadLimits limits = {}) {
  const Outcome whole = read(text, text.size(), asked, limits);
  for (std::size_t first = 0; first < text.size(); ++first) {
    CAPTURE(first);
    const Outcome split = read(text, first, asked, limits);
    CHECK(split.kind == whole.kind);
    // Which of its faults a message is refused for may depend on where it is cut.
    if (whole.kind == Kind::head) CHECK(split == whole);
  }
  return whole;
}

std::string ok(const std::string& fields) { return "HTTP/1.1 200 OK\r\n" + fields + "\r\n"; }

}  // namespace

TEST_CASE("a response with a size") {
  const std::string head = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nX-Empty:\r\n\r\n";
  const Outcome outcome = read(head + "hello");
  CHECK(outcome == Outcome{Kind::head, Error::none, head.size(), 200, "OK",
                           BodyFraming{BodyKind::sized, 5}, true});
  for (std::size_t size = 0; size < head.size(); ++size)
    CHECK(read(head.substr(0, size), size, Asked::ordinary, {}).kind == Kind::need_more);
}

TEST_CASE("fields are found without regard to capital letters") {
  const std::string text = ok("ETag: \"a\"\r\nRETRY-AFTER: \t 7 \r\nretry-after: 8\r\n");
  ResponseReader reader(Asked::ordinary);
  ResponseHead head;
  REQUIRE(reader.look(as_bytes(text), head).kind == Kind::head);
  CHECK(head.fields.find("Retry-After").value() == "7");
  CHECK(head.fields.find("etag").value() == "\"a\"");
  CHECK(!head.fields.find("tag"));
  std::string names;
  head.fields.each([&](const Field& field) { names += std::string(field.name) + ' '; });
  CHECK(names == "ETag RETRY-AFTER retry-after ");
}

TEST_CASE("how a body ends") {
  CHECK(read(ok("")).body.kind == BodyKind::until_close);
  CHECK(!read(ok("")).keep_alive);
  CHECK(read(ok("Transfer-Encoding: Chunked\r\n")).body.kind == BodyKind::chunked);
  CHECK(read(ok("Transfer-Encoding: , chunked ,\r\n")).body.kind == BodyKind::chunked);
  CHECK(read(ok("Content-Length: 0\r\n")).body == BodyFraming{BodyKind::sized, 0});
  CHECK(read(ok("Content-Length: 18446744073709551615\r\n")).body.size == UINT64_MAX);
  CHECK(read(ok("Content-Length: 5\r\n"), Asked::head).body == BodyFraming{});
  CHECK(read(ok("Content-Length: 5\r\n"), Asked::head).keep_alive);
  CHECK(read(ok("Transfer-Encoding: chunked\r\n"), Asked::tunnel).body == BodyFraming{});
  CHECK(read("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\n", Asked::tunnel).body.size == 2);
  const Outcome no_content = read("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(no_content.body == BodyFraming{});
  CHECK(no_content.keep_alive);
  CHECK(read("HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n").keep_alive);
  CHECK(!read("HTTP/1.1 204 \r\nContent-Length: 9\r\n\r\n").keep_alive);
  const Outcome not_modified = read("HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n");
  CHECK(not_modified.body == BodyFraming{});
  CHECK(not_modified.keep_alive);
}

TEST_CASE("whether the connection stays") {
  const std::string empty = "Content-Length: 0\r\n";
  CHECK(read(ok(empty)).keep_alive);
  CHECK(!read(ok(empty + "Connection: Close\r\n")).keep_alive);
  CHECK(!read(ok(empty + "Connection: x, close\r\n")).keep_alive);
  CHECK(!read(ok(empty + "Connection: keep-alive\r\nConnection: close\r\n")).keep_alive);
  CHECK(read(ok(empty + "Connection: closed\r\n")).keep_alive);
  CHECK(!read("HTTP/1.0 200 OK\r\n" + empty + "\r\n").keep_alive);
  CHECK(read("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + empty + "\r\n").keep_alive);
}

TEST_CASE("interim responses are passed over") {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n";
  const std::string last = "HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n";
  const Outcome outcome = read(interim + last + "x");
  CHECK(outcome.status == 503);
  CHECK(outcome.consumed == interim.size() + last.size());
  CHECK(read(interim).kind == Kind::need_more);
  CHECK(read("HTTP/1.1 101 Switching Protocols\r\n\r\n").error == Error::unsupported);
}

TEST_CASE("what is no response, or could be two, is refused") {
  const std::string hostile[] = {
      "HTTP/2 200\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 099 OK\r\n\r\n",
      "HTTP/1.1 600 OK\r\n\r\n",
      "HTTP/1.1 200 O\x01K\r\n\r\n",
      "HTTP/1.1 200 OK\n\n",
      "HTTP/1.1\r\n\r\n",
      "http/1.1 200 OK\r\n\r\n",
      "SSH-2.0-x",
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      ok("A: b\n"),
      ok("A: b\r\r\n"),
      ok(" folded: x\r\n"),
      ok("A: b\r\n c\r\n"),
      ok("A: b\r\n\tc\r\n"),
      ok("A : b\r\n"),
      ok("no colon\r\n"),
      ok(": b\r\n"),
      ok("A: \x7f\r\n"),
      ok("A: b\rc\r\n"),
      ok(std::string("A: \0\r\n", 6)),
      ok("Content-Length: 5\r\nContent-Length: 5\r\n"),
      ok("Content-Length: 5\r\ncontent-length: 6\r\n"),
      ok("Content-Length: 5, 5\r\n"),
      ok("Content-Length: +5\r\n"),
      ok("Content-Length: -5\r\n"),
      ok("Content-Length: 0x5\r\n"),
      ok("Content-Length: 5 5\r\n"),
      ok("Content-Length:\r\n"),
      ok("Content-Length: 18446744073709551616\r\n"),
      ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      ok("Transfer-Encoding: gzip\r\n"),
      ok("Transfer-Encoding: xchunked\r\n"),
      ok("Transfer-Encoding: chunked, gzip\r\n"),
      ok("Transfer-Encoding:\r\n"),
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  };
  for (const std::string& text : hostile) {
    CAPTURE(text);
    const Outcome outcome = read(text);
    CHECK(outcome.kind == Kind::broken);
    CHECK(outcome.error == Error::malformed);
  }
  CHECK(read(ok("Transfer-Encoding: gzip, chunked\r\n")).error == Error::unsupported);
}

TEST_CASE("limits of a head") {
  const std::string text = ok("A: b\r\nContent-Length: 0\r\n");
  const auto bytes_max = [&](std::size_t size) {
    return HeadLimits{.head_bytes_max = static_cast<std::uint32_t>(size), .fields_max = 2};
  };
  CHECK(read(text, Asked::ordinary, bytes_max(text.size())).kind == Kind::head);
  CHECK(read(text, Asked::ordinary, bytes_max(text.size() - 1)).error == Error::too_large);
  CHECK(read(text.substr(0, text.size() - 1), Asked::ordinary, bytes_max(text.size() - 1)).error ==
        Error::too_large);
  const std::string with_interim = "HTTP/1.1 100 x\r\n\r\n" + text;
  CHECK(read(with_interim, Asked::ordinary, bytes_max(with_interim.size())).kind == Kind::head);
  CHECK(read(with_interim, Asked::ordinary, bytes_max(with_interim.size() - 1)).error ==
        Error::too_large);
  CHECK(read("HTTP/1.1 100 x\r\n\r\n", Asked::ordinary, bytes_max(18)).error == Error::too_large);
  CHECK(read(ok("A: b\r\nB: c\r\nContent-Length: 0\r\n"), Asked::ordinary, bytes_max(1000)).error ==
        Error::too_large);
}
