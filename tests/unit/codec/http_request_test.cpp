// Goal: a server understands a request as RFC 9112 says, wherever the network cuts it, and answers
// what a proxy could understand otherwise with the right status. Method: tables of heads; each
// whole, in every split, and every truncation; limits at their exact size and one byte past it.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "codec/http/request.hpp"

using namespace runnel;
using namespace runnel::codec::http;
using Kind = RequestReader::Step::Kind;
using BodyKind = BodyFraming::Kind;

namespace {

struct Outcome {
  Kind kind = Kind::need_more;
  std::uint16_t status = 0;
  std::size_t consumed = 0;
  Method method = Method::other;
  std::string name, path, query, host;
  BodyFraming body;
  bool keep_alive = false;
  bool expects_continue = false;
  bool operator==(const Outcome&) const = default;
};

// Shows the first `first` bytes, then all of them, from another place.
Outcome read(const std::string& text, std::size_t first, RequestLimits limits) {
  RequestReader reader(limits);
  Outcome outcome;
  for (const std::size_t size : {first, text.size()}) {
    const std::vector<char> copy(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    RequestHead head;
    const auto step = reader.look(as_bytes({copy.data(), copy.size()}), head);
    outcome.kind = step.kind;
    if (step.kind == Kind::need_more) continue;
    outcome.status = step.status;
    outcome.consumed = step.consumed;
    if (step.kind == Kind::head) {
      outcome.method = head.method;
      outcome.name = head.method_name;
      outcome.path = head.path;
      outcome.query = head.query;
      outcome.host = head.host;
      outcome.body = head.body;
      outcome.keep_alive = head.keep_alive;
      outcome.expects_continue = head.expects_continue;
    }
    return outcome;
  }
  return outcome;
}

Outcome read(const std::string& text, RequestLimits limits = {}) {
  const Outcome whole = read(text, text.size(), limits);
  for (std::size_t first = 0; first < text.size(); ++first) {
    CAPTURE(first);
    const Outcome split = read(text, first, limits);
    CHECK(split.kind == whole.kind);
    if (whole.kind == Kind::head) CHECK(split == whole);
  }
  return whole;
}

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: edge\r\n\r\n";
}
std::string post(const std::string& fields) {
  return "POST / HTTP/1.1\r\nHost: edge\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("a request") {
  const std::string text =
      "GET /metrics?name=a%20b HTTP/1.1\r\nHost: edge:9190\r\nAccept: */*\r\n\r\n";
  const Outcome outcome = read(text);
  CHECK(outcome == Outcome{Kind::head,
                           0,
                           text.size(),
                           Method::get,
                           "GET",
                           "/metrics",
                           "name=a%20b",
                           "edge:9190",
                           {},
                           true,
                           false});
  for (std::size_t size = 0; size < text.size(); ++size)
    CHECK(read(text.substr(0, size), size, {}).kind == Kind::need_more);
  CHECK(read("\r\n" + text + "x").consumed == text.size() + 2);
}

TEST_CASE("methods") {
  const auto method = [](const std::string& name) {
    return read(name + " / HTTP/1.1\r\nHost: x\r\n\r\n").method;
  };
  CHECK(method("HEAD") == Method::head);
  CHECK(method("POST") == Method::post);
  CHECK(method("DELETE") == Method::remove);
  CHECK(method("get") == Method::other);
  CHECK(method("BREW-IT") == Method::other);
  CHECK(read("CONNECT edge:80 HTTP/1.1\r\nHost: edge:80\r\n\r\n").status == 501);
}

TEST_CASE("targets and hosts") {
  CHECK(read(get("/a/b")).path == "/a/b");
  CHECK(read(get("/?")).query.empty());
  CHECK(read(get("/a?b?c")).query == "b?c");
  const Outcome absolute = read(get("HTTP://other:80/x?y"));
  CHECK(absolute.host == "other:80");
  CHECK(absolute.path == "/x");
  CHECK(absolute.query == "y");
  CHECK(read(get("http://other")).path == "/");
  CHECK(read(get("http://other?q")).query == "q");
  CHECK(read("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").path == "*");
  CHECK(read("GET / HTTP/1.1\r\nHost:\r\n\r\n").kind == Kind::head);
  CHECK(read("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").host == "[::1]:80");
  CHECK(read("GET / HTTP/1.0\r\n\r\n").kind == Kind::head);
}

TEST_CASE("bodies, connections and expectations") {
  CHECK(read(post("Content-Length: 3\r\n")).body == BodyFraming{BodyKind::sized, 3});
  CHECK(read(post("Transfer-Encoding: chunked\r\n")).body.kind == BodyKind::chunked);
  CHECK(read(post("")).body == BodyFraming{});
  CHECK(!read(post("Connection: close\r\n")).keep_alive);
  CHECK(!read("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CHECK(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  CHECK(read(post("Content-Length: 3\r\nExpect: 100-Continue\r\n")).expects_continue);
  CHECK(!read(post("Expect: 100-continue\r\n")).expects_continue);
  CHECK(!read("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
             .expects_continue);
  CHECK(read(post("Content-Length: 3\r\nExpect: tea\r\n")).status == 417);
}

TEST_CASE("what is no request, or could be two, is refused") {
  const std::string hostile[] = {
      "GET /\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /  HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /\tHTTP/1.1\r\nHost: x\r\n\r\n",
      " GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
      "GET / HTTP/1.11\r\nHost: x\r\n\r\n",
      "GET / http/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\nHost: x\n\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "\n",
      "\x16\x03\x01",
      "G@T / HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: user@x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
      get("path"),
      get("/a#b"),
      get("/a b"),
      get("/\xc3\xa4"),
      get("http://"),
      get("http:///x"),
      get("http://user@x/"),
      get("https://x/"),
      post("A: b\r\n c\r\n"),
      post("Content-Length : 5\r\n"),
      post("Content-Length: 5\r\nContent-Length: 5\r\n"),
      post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
      post("Transfer-Encoding: identity\r\n"),
      post("Transfer-Encoding: \x0b"
           "chunked\r\n"),
      post("Transfer-Encoding: chunked, x\r\n"),
      post("Transfer-Encoding\r\n : chunked\r\n"),
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
  };
  for (const std::string& text : hostile) {
    CAPTURE(text);
    const Outcome outcome = read(text);
    CHECK(outcome.kind == Kind::broken);
    CHECK(outcome.status == 400);
  }
  CHECK(read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505);
  CHECK(read("GET / HTTP/0.9\r\nHost: x\r\n\r\n").status == 505);
  CHECK(read(post("Transfer-Encoding: gzip, chunked\r\n")).status == 501);
}

TEST_CASE("limits of a head") {
  const std::string text = "GET /123456789 HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
  RequestLimits limits{
      .head = {.head_bytes_max = static_cast<std::uint32_t>(text.size()), .fields_max = 2},
      .target_bytes_max = 10};
  CHECK(read(text, limits).kind == Kind::head);
  limits.target_bytes_max = 9;
  CHECK(read(text, limits).status == 414);
  limits = {.head = {.head_bytes_max = 100, .fields_max = 1}};
  CHECK(read(text, limits).status == 431);
  limits = {.head = {.head_bytes_max = static_cast<std::uint32_t>(text.size() - 1)}};
  CHECK(read(text, limits).status == 431);
  CHECK(read("\r\n" + text.substr(0, text.size() - 2), limits).status == 431);
  limits = {.head = {.head_bytes_max = 20}};
  CHECK(read(text, limits).status == 414);
}
