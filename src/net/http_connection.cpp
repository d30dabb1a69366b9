// One connection of the HTTP server: its requests, one after the other.
#include <algorithm>
#include <cstring>

#include "async/operations.hpp"
#include "codec/http/date.hpp"
#include "codec/http/head_writer.hpp"
#include "net/http_reply_room.hpp"
#include "net/http_server.hpp"

namespace runnel::net {

using async::Task;
using codec::http::BodyFraming;
using codec::http::BodyReader;
using codec::http::HeadWriter;
using codec::http::Method;
using codec::http::RequestHead;
using codec::http::RequestReader;

namespace {

// What a client that is told to go may still send, so that its end does not swallow the reply.
constexpr Duration linger_time = std::chrono::seconds(1);
constexpr std::size_t linger_bytes_max = 64 * 1024;

constexpr std::uint16_t good = 0;

bool has_content(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

}  // namespace

void HttpReply::say(std::uint16_t with_status, std::string_view line) {
  RUNNEL_ASSERT(!room.empty());
  status = with_status;
  const std::size_t taken = std::min(line.size(), room.size() - 1);
  put_bytes(room.data(), as_bytes(line.substr(0, taken)));
  room[taken] = std::byte{'\n'};
  size = taken + 1;
  more = false;
}

Duration HttpServer::time_for(std::uint64_t bytes) const {
  return settings_.head_timeout + std::chrono::seconds(bytes / settings_.bytes_per_second_min);
}

Task<void> HttpServer::serve(HttpConnection& connection) {
  bool again = true;
  while (again) again = co_await serve_one(connection);
  if (connection.unread) co_await linger(connection);
  end(connection);
}

// Whether the connection goes on.
Task<bool> HttpServer::serve_one(HttpConnection& connection) {
  std::uint16_t refusal = good;
  Got got = co_await read_head(connection, refusal);
  if (got == Got::request) got = co_await read_body(connection, refusal);
  if (got == Got::nothing) co_return false;
  connection.first = false;
  if (got == Got::refusal) {
    connection.last = connection.unread = true;
    const Status refused = co_await refuse(connection, refusal);
    connection.unread = refused.ok();
    co_return false;
  }
  const Status answered = co_await answer(connection);
  if (!answered) connection.unread = false;
  co_return answered.ok() && !connection.last;
}

// --- the request ---------------------------------------------------------------------------------

Task<HttpServer::Got> HttpServer::read_head(HttpConnection& connection, std::uint16_t& refusal) {
  connection.reader = RequestReader({.head = {.head_bytes_max = head_bytes_max}});
  connection.head = {};
  connection.filled = 0;
  Instant deadline =
      after(now(), connection.first ? settings_.head_timeout : settings_.idle_timeout);
  while (true) {
    const auto received = co_await async::recv(
        connection.handle, connection.head_bytes.subspan(connection.filled), deadline);
    if (!received && received.error() == Error::timed_out && connection.filled > 0) {
      refusal = 408;
      co_return Got::refusal;
    }
    if (!received || *received == 0) co_return Got::nothing;
    if (connection.filled == 0) deadline = after(now(), settings_.head_timeout);
    connection.filled += *received;
    const auto step =
        connection.reader.look(connection.head_bytes.first(connection.filled), connection.head);
    if (step.kind == RequestReader::Step::Kind::broken) {
      refusal = step.status;
      co_return Got::refusal;
    }
    if (step.kind == RequestReader::Step::Kind::need_more) continue;
    refusal = refusal_of(connection.head);
    if (refusal != good) co_return Got::refusal;
    connection.last = !connection.head.keep_alive;
    connection.body_reader = BodyReader(connection.head.body, settings_.body_bytes_max);
    connection.body_size = 0;
    co_return take_body(
        connection,
        Bytes(connection.head_bytes).subspan(step.consumed, connection.filled - step.consumed),
        refusal);
  }
}

// What the parser lets pass and this server does not do.
std::uint16_t HttpServer::refusal_of(const RequestHead& head) const {
  if (head.method == Method::other) return 501;
  if (head.body.kind == BodyFraming::Kind::none && has_content(head.method)) return 411;
  if (head.body.kind == BodyFraming::Kind::sized && head.body.size > settings_.body_bytes_max)
    return 413;
  if (head.body.kind == BodyFraming::Kind::chunked && settings_.body_bytes_max == 0) return 413;
  return good;
}

// Moves the body's bytes out of `input`, which may lie behind them in the same buffer.
HttpServer::Got HttpServer::take_body(HttpConnection& connection, Bytes input,
                                      std::uint16_t& refusal) {
  while (true) {
    const auto step = connection.body_reader.next(input);
    input = input.subspan(step.consumed);
    switch (step.kind) {
      case BodyReader::Step::Kind::data:
        RUNNEL_ASSERT(step.data.size() <= connection.body_bytes.size() - connection.body_size);
        std::memmove(connection.body_bytes.data() + connection.body_size, step.data.data(),
                     step.data.size());
        connection.body_size += step.data.size();
        break;
      case BodyReader::Step::Kind::need_more:
        return Got::request;
      case BodyReader::Step::Kind::end:
        if (!input.empty()) connection.last = connection.unread = true;
        return Got::request;
      case BodyReader::Step::Kind::broken:
        refusal = step.error == Error::too_large ? 413 : 400;
        return Got::refusal;
    }
  }
}

Task<HttpServer::Got> HttpServer::read_body(HttpConnection& connection, std::uint16_t& refusal) {
  if (connection.body_reader.ended()) co_return Got::request;
  if (connection.head.expects_continue && connection.body_size == 0) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const Status told = co_await send_all(connection, as_bytes(go_on));
    if (!told) co_return Got::nothing;
  }
  const Instant begun = now();
  while (!connection.body_reader.ended()) {
    const MutableBytes into = connection.body_bytes.subspan(connection.body_size);
    const Instant deadline = after(begun, time_for(connection.body_size));
    const auto received = co_await async::recv(connection.handle, into, deadline);
    if (!received && received.error() == Error::timed_out) {
      refusal = 408;
      co_return Got::refusal;
    }
    if (!received || *received == 0) co_return Got::nothing;
    const Got got = take_body(connection, into.first(*received), refusal);
    if (got == Got::refusal) co_return got;
  }
  co_return Got::request;
}

// --- the reply -----------------------------------------------------------------------------------

// The piece lies at its place: what belongs in front of it and behind it is written around it.
Bytes HttpServer::framed(const HttpConnection& connection, const HttpReply& reply, Framing framing,
                         bool first) const {
  Text<reply_head_bytes_max> before;
  if (first) write_head(connection, reply, framing, before);
  const bool kept_back = connection.head.method == Method::head;
  const std::size_t size = kept_back ? 0 : reply.size;
  const bool is_chunk = framing == Framing::chunked && !kept_back;
  if (is_chunk && size > 0) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof(digits), size, 16).ptr;
    before << std::string_view(digits, static_cast<std::size_t>(end - digits)) << "\r\n";
  }
  RUNNEL_ASSERT(!before.cut() && size <= settings_.piece_bytes);
  std::byte* const piece = connection.out_bytes.data() + reply_head_bytes_max;
  std::byte* const begin = piece - before.size();
  put_bytes(begin, as_bytes(before.text()));
  std::byte* end = piece + size;
  if (is_chunk && size > 0) end = put_bytes(end, as_bytes("\r\n"));
  if (is_chunk && !reply.more) end = put_bytes(end, as_bytes("0\r\n\r\n"));
  return {begin, static_cast<std::size_t>(end - begin)};
}

void HttpServer::write_head(const HttpConnection& connection, const HttpReply& reply,
                            Framing framing, TextWriter& out) const {
  HeadWriter writer(out);
  writer.response(reply.status);
  const WallTime wall = system_.wall_clock();
  if (is_set(wall)) {
    Text<64> date;
    codec::http::write_date(wall, date);
    writer.field("Date", date.text());
  }
  writer.field("Content-Type", reply.content_type).field("Cache-Control", "no-store");
  if (!reply.allow.empty()) writer.field("Allow", reply.allow);
  if (framing == Framing::sized)
    writer.field("Content-Length", static_cast<std::uint64_t>(reply.size));
  if (framing == Framing::chunked) writer.field("Transfer-Encoding", "chunked");
  if (connection.last)
    writer.field("Connection", "close");
  else if (connection.head.minor_version == 0)
    writer.field("Connection", "keep-alive");
  const Status written = writer.end();
  RUNNEL_ASSERT(written.ok());  // all that stands in it is ours
}

Task<Status> HttpServer::answer(HttpConnection& connection) {
  const HttpRequest request{
      connection.head, Bytes(connection.body_bytes).first(connection.body_size), connection.peer};
  HttpReply reply;
  reply.room = connection.out_bytes.subspan(reply_head_bytes_max, settings_.piece_bytes);
  ++counters_.requests;
  handler_.answer(request, reply);
  const Framing framing = !reply.more                         ? Framing::sized
                          : connection.head.minor_version > 0 ? Framing::chunked
                                                              : Framing::until_close;
  if (framing == Framing::until_close || free_.empty()) connection.last = true;
  for (bool first = true;; first = false) {
    const Bytes piece = framed(connection, reply, framing, first);
    const Status sent = co_await send_all(connection, piece);
    if (!sent || !reply.more || connection.head.method == Method::head) co_return sent;
    reply.size = 0;
    reply.more = false;
    handler_.answer(request, reply);
    RUNNEL_ASSERT(reply.size > 0 || !reply.more);
  }
}

Task<Status> HttpServer::refuse(HttpConnection& connection, std::uint16_t status) {
  ++counters_.refused_requests;
  HttpReply reply;
  reply.room = connection.out_bytes.subspan(reply_head_bytes_max, settings_.piece_bytes);
  reply.say(status, codec::http::reason_of(status));
  const Bytes piece = framed(connection, reply, Framing::sized, true);
  const Status sent = co_await send_all(connection, piece);
  co_return sent;
}

Task<Status> HttpServer::send_all(HttpConnection& connection, Bytes bytes) {
  const Instant deadline = after(now(), time_for(bytes.size()));
  while (!bytes.empty()) {
    const auto sent = co_await async::send(connection.handle, bytes, deadline);
    if (!sent) co_return sent.error();
    bytes = bytes.subspan(*sent);
  }
  co_return Status();
}

// The kernel resets a connection that is closed with bytes unread, and the reply may be lost with
// it: what still comes is read and dropped, for a while.
Task<void> HttpServer::linger(HttpConnection& connection) {
  const Instant deadline = after(now(), linger_time);
  for (std::size_t dropped = 0; dropped < linger_bytes_max;) {
    const auto received = co_await async::recv(connection.handle, connection.head_bytes, deadline);
    if (!received || *received == 0) co_return;
    dropped += *received;
  }
}

}  // namespace runnel::net
