// Goal: what a NATS server says is understood byte by byte and nothing else is; what we say is what
// its documentation shows. Method: the examples of the documentation; each stream in every cut into
// two pieces and in single bytes, through buffers that just hold its largest operation and one byte
// less; every truncation; what the protocol nearly is.
#include "codec/nats.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace runnel;
using codec::NatsErrorKind;
using codec::NatsOperation;
using codec::NatsPublish;
using codec::NatsReader;
using Kind = NatsOperation::Kind;

namespace {

std::string word_of(const NatsOperation& operation) {
  const std::string text(operation.text);
  switch (operation.kind) {
    case Kind::need_more:
      return "more";
    case Kind::broken:
      return operation.error == Error::too_large ? "too_large" : "malformed";
    case Kind::info:
      return "info<" + text + ">";
    case Kind::ping:
      return "ping";
    case Kind::pong:
      return "pong";
    case Kind::ok:
      return "ok";
    case Kind::error:
      return "error<" + text + ">";
    case Kind::message:
      break;
  }
  std::string word = "message " + std::string(operation.subject) + " " + std::string(operation.sid);
  if (!operation.reply.empty()) word += " to " + std::string(operation.reply);
  if (!operation.headers.empty()) word += " headers " + std::to_string(operation.headers.size());
  if (operation.status != 0) word += " status " + std::to_string(operation.status) + text;
  return word + " <" + std::string(as_text(operation.payload)) + ">";
}

// What is read of `stream` in pieces that end at `ends`, through a buffer of `room` bytes.
std::string read(std::string_view stream, std::vector<std::size_t> ends, std::size_t room) {
  ends.push_back(stream.size());
  std::vector<std::byte> buffer(room);
  NatsReader reader{MutableBytes(buffer)};
  std::string words;
  std::size_t at = 0;
  for (;;) {
    const NatsOperation operation = reader.next();
    if (operation.kind == Kind::need_more) {
      while (!ends.empty() && ends.front() <= at) ends.erase(ends.begin());
      if (ends.empty()) return words + (reader.unread() > 0 ? "unfinished" : "");
      const MutableBytes into = reader.room();
      REQUIRE(!into.empty());
      const std::size_t size = std::min(into.size(), ends.front() - at);
      put_bytes(into.data(), as_bytes(stream.substr(at, size)));
      reader.received(size);
      at += size;
      continue;
    }
    words += word_of(operation) + "\n";
    if (operation.kind != Kind::broken) continue;
    CHECK(reader.next().kind == Kind::broken);
    return words;
  }
}

void check(std::string_view stream, std::string_view expected, std::size_t room) {
  INFO("stream ", std::string(stream));
  std::vector<std::size_t> singly;
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CHECK(read(stream, {cut}, room) == expected);
    singly.push_back(cut);
  }
  CHECK(read(stream, singly, room) == expected);
  CHECK(read(stream, {}, stream.size() + 1) == expected);
}

// One operation, alone: as it is, in a buffer without a byte to spare, and cut off anywhere.
void check_one(std::string_view stream, std::string_view expected) {
  const std::string line = std::string(expected) + "\n";
  check(stream, line, stream.size());
  CHECK(read(stream, {}, stream.size() - 1) == "too_large\n");
  for (std::size_t size = 0; size < stream.size(); ++size) {
    const auto operation = codec::parse_nats(as_bytes(stream.substr(0, size)));
    CHECK(operation.kind == Kind::need_more);
  }
  CHECK(codec::parse_nats(as_bytes(std::string(stream) + "PING\r\n")).bytes == stream.size());
}

std::string malformed(std::string_view stream) { return read(stream, {}, 4096); }

std::string published(const NatsPublish& publish) {
  Text<512> out;
  codec::write_nats_publish_head(out, publish);
  out << as_text(publish.payload) << codec::nats_line_end;
  CHECK(out.size() == codec::nats_publish_bytes(publish));
  return std::string(out.text());
}

}  // namespace

TEST_CASE("nats: operations of a server") {
  check_one("INFO {\"server_id\":\"N1\"}\r\n", "info<{\"server_id\":\"N1\"}>");
  check_one("info \t {} \r\n", "info<{}>");
  check_one("PING\r\n", "ping");
  check_one("pong\r\n", "pong");
  check_one("+OK\r\n", "ok");
  check_one("-ERR 'Stale Connection'\r\n", "error<Stale Connection>");
  check_one("-ERR 'Permissions Violation for Publish to \"a\"'\r\n",
            "error<Permissions Violation for Publish to \"a\">");
  check_one("-ERR '\r\n", "error<'>");
  check_one("-ERR\r\n", "error<>");
}

TEST_CASE("nats: messages") {
  check_one("MSG FOO.BAR 9 11\r\nHello World\r\n", "message FOO.BAR 9 <Hello World>");
  check_one("MSG FOO.BAR 9 GREETING.34 11\r\nHello World\r\n",
            "message FOO.BAR 9 to GREETING.34 <Hello World>");
  check_one("msg\tFOO  9 \t0\r\n\r\n", "message FOO 9 <>");
  check_one("MSG FOO 1 4\r\n\r\n\r\n\r\n", "message FOO 1 <\r\n\r\n>");
  check_one("HMSG FOO.BAR 9 34 45\r\nNATS/1.0\r\nFoodGroup: vegetable\r\n\r\nHello World\r\n",
            "message FOO.BAR 9 headers 34 <Hello World>");
  check_one(
      "HMSG FOO.BAR 9 BAZ.69 34 45\r\nNATS/1.0\r\nFoodGroup: vegetable\r\n\r\nHello World\r\n",
      "message FOO.BAR 9 to BAZ.69 headers 34 <Hello World>");
  check_one("HMSG _INBOX.a.8 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
            "message _INBOX.a.8 1 headers 16 status 503 <>");
  check_one("HMSG a 1 26 28\r\nNATS/1.0 408 Timed out\r\n\r\nxx\r\n",
            "message a 1 headers 26 status 408Timed out <xx>");
  check_one("HMSG a 1 13 13\r\nNATS/1.0 \r\n\r\n\r\n", "message a 1 headers 13 <>");
}

TEST_CASE("nats: a conversation in a small buffer") {
  check("INFO {}\r\nPING\r\nMSG a 1 2\r\nhi\r\nMSG b 1 10\r\n0123456789\r\n+OK\r\n-ERR 'x'\r\n",
        "info<{}>\nping\nmessage a 1 <hi>\nmessage b 1 <0123456789>\nok\nerror<x>\n", 24);
  CHECK(read("PING\r\nMSG b 1 10\r\n0123456789\r\n", {}, 24) == "ping\nmessage b 1 <0123456789>\n");
  CHECK(read("PING\r\nMSG b 1 10\r\n0123456789\r\n", {}, 23) == "ping\ntoo_large\n");
  check("PING\r\nMSG b 1 4294967296\r\n", "ping\ntoo_large\n", 64);
  check("PING\r\nMSG b 1 99999999999999999999\r\n", "ping\nmalformed\n", 64);
}

// As nats-server 2.9.10 writes it: two blanks in front of a size, one behind an INFO.
TEST_CASE("nats: answers of a real server") {
  check(
      "INFO {\"proto\":1} \r\nHMSG _INBOX.a.3 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"
      "MSG _INBOX.a.1 1  25\r\n{\"stream\":\"LOG\", \"seq\":1}\r\n"
      "PONG\r\n-ERR 'Maximum Payload Violation'\r\n",
      "info<{\"proto\":1}>\nmessage _INBOX.a.3 1 headers 16 status 503 <>\n"
      "message _INBOX.a.1 1 <{\"stream\":\"LOG\", \"seq\":1}>\n"
      "pong\nerror<Maximum Payload Violation>\n",
      49);
}

TEST_CASE("nats: what is not the protocol") {
  const std::string_view lines[] = {
      "\r\n",
      "PING\n",
      " PING\r\n",
      "\n",
      "PINGS\r\n",
      "PUB a 1\r\n",
      "HTTP/1.1 400 Bad Request\r\n",
      "SSH-2.0-OpenSSH\r\n",
      "MSG\r\n",
      "MSG a 1\r\n",
      "MSG a 1 b c 2\r\nhi\r\n",
      "MSG a 1 -2\r\nhi\r\n",
      "MSG a 1 2x\r\nhi\r\n",
      "MSG a 1 2\r\nhi \r\n",
      "MSG a 1 2\r\nhi\n\r",
      "HMSG a 1 16\r\nNATS/1.0 503\r\n\r\n\r\n",
      "HMSG a 1 b c 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
      "HMSG a 1 17 16\r\nNATS/1.0 503\r\n\r\n\r\n",
      "HMSG a 1 x 16\r\nNATS/1.0 503\r\n\r\n\r\n",
      "HMSG a 1 14 16\r\nNATS/1.0 503\r\n\r\n\r\n",
      "HMSG a 1 16 16\r\nNATS/2.0 503\r\n\r\n\r\n",
      "HMSG a 1 16 16\r\nNATS/1.0 50x\r\n\r\n\r\n",
      "HMSG a 1 17 17\r\nNATS/1.0 5030\r\n\r\n\r\n",
      "HMSG a 1 15 15\r\nNATS/1.0503\r\n\r\n\r\n",
      "HMSG a 1 0 0\r\n\r\n",
  };
  for (const std::string_view line : lines) {
    INFO("line ", std::string(line));
    CHECK(malformed(line) == "malformed\n");
  }
}

TEST_CASE("nats: another protocol is noticed at its first byte") {
  CHECK(codec::parse_nats(as_bytes("\x16\x03")).kind == Kind::broken);
  CHECK(codec::parse_nats(as_bytes("S")).kind == Kind::broken);
}

TEST_CASE("nats: a reader begins again") {
  std::vector<std::byte> buffer(8);
  NatsReader reader{MutableBytes(buffer)};
  put_bytes(reader.room().data(), as_bytes("nonsense"));
  reader.received(8);
  CHECK(reader.next().kind == Kind::broken);
  reader.reset();
  CHECK(reader.unread() == 0);
  CHECK(reader.next().kind == Kind::need_more);
  put_bytes(reader.room().data(), as_bytes("PONG\r\n-E"));
  reader.received(8);
  CHECK(reader.next().kind == Kind::pong);
  CHECK(reader.unread() == 2);
}

TEST_CASE("nats: kinds of errors") {
  CHECK(codec::nats_error_kind("Authorization Violation") == NatsErrorKind::authorization);
  CHECK(codec::nats_error_kind("Authentication Timeout") == NatsErrorKind::authorization);
  CHECK(codec::nats_error_kind("User Authentication Expired") == NatsErrorKind::authorization);
  CHECK(codec::nats_error_kind("Permissions Violation for Publish to \"a\"") ==
        NatsErrorKind::permissions);
  CHECK(codec::nats_error_kind("Maximum Payload Violation") == NatsErrorKind::too_large);
  CHECK(codec::nats_error_kind("Maximum Connections Exceeded") == NatsErrorKind::other);
  CHECK(codec::nats_error_kind("Perm") == NatsErrorKind::other);
  CHECK(codec::nats_error_kind("") == NatsErrorKind::other);
}

TEST_CASE("nats: subjects") {
  for (const std::string_view subject :
       {"a", "logs.edge-1.x_y", "a*b", "x.>y", "$JS.API", "\xc3\xa9"})
    CHECK(codec::nats_subject_valid(subject));
  for (const std::string_view subject : {"", ".", ".a", "a.", "a..b", "*", "a.*", "a.*.b", ">",
                                         "a.>", "a b", "a\tb", "a\r\nb", "a\x7f"})
    CHECK(!codec::nats_subject_valid(subject));
  CHECK(codec::nats_subject_valid(std::string(codec::nats_subject_bytes_max, 'a')));
  CHECK(!codec::nats_subject_valid(std::string(codec::nats_subject_bytes_max + 1, 'a')));
}

TEST_CASE("nats: publishing") {
  CHECK(published({"FOO", "", "", as_bytes("Hello NATS!")}) == "PUB FOO 11\r\nHello NATS!\r\n");
  CHECK(published({"FRONT.DOOR", "JOKE.22", "", as_bytes("Knock Knock")}) ==
        "PUB FRONT.DOOR JOKE.22 11\r\nKnock Knock\r\n");
  CHECK(published({"NOTIFY", "", "", {}}) == "PUB NOTIFY 0\r\n\r\n");
  CHECK(published({"logs.a", "_INBOX.a.7", "x:1", as_bytes("hello")}) ==
        "HPUB logs.a _INBOX.a.7 30 35\r\nNATS/1.0\r\nNats-Msg-Id: x:1\r\n\r\nhello\r\n");
  CHECK(codec::nats_payload_bytes({"logs.a", "_INBOX.a.7", "x:1", as_bytes("hello")}) == 35);
  CHECK(codec::nats_payload_bytes({"logs.a", "", "", as_bytes("hello")}) == 5);
  // Sizes of one digit more.
  for (const std::size_t size : {9u, 10u, 69u, 70u, 99u, 100u}) {
    const std::string payload(size, 'x');
    published({"a", "", "", as_bytes(payload)});
    published({"a", "b", "id", as_bytes(payload)});
  }
}

TEST_CASE("nats: subscribing") {
  Text<64> out;
  codec::write_nats_subscribe(out, "_INBOX.a.*", "1");
  CHECK(out.text() == "SUB _INBOX.a.* 1\r\n");
}
