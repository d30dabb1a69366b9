// A small, strict HTTP/1.1 server (RFC 9112): listens on one address and serves at most
// `connections_max` clients, each with one request at a time, in planned memory.
//
// A client has `head_timeout` for its head, and for body and reply as much again plus a second for
// every `bytes_per_second_min` of them: who is slower is disconnected (408 if that can still be
// said). Connections stay for `idle_timeout` between requests, and end with the reply when all are
// in use, so that nobody waits behind idle ones. Requests are not pipelined: when bytes stand
// behind a request, it is answered and the connection closed. What the parser refuses is answered
// with its status and one line of text, and the connection closed.
//
// Ends when its scope is cancelled: replies that are under way are cut off.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "async/notice.hpp"
#include "async/scope.hpp"
#include "async/task.hpp"
#include "base/list.hpp"
#include "base/log.hpp"
#include "base/region.hpp"
#include "codec/http/request.hpp"
#include "io/system.hpp"

namespace runnel::net {

struct HttpServerSettings {
  io::Address listen;
  std::uint32_t connections_max = 8;
  std::uint32_t body_bytes_max = 0;  // of a request; longer ones are refused with 413
  std::uint32_t piece_bytes = 4096;  // of a reply that is written at once
  Duration head_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::seconds(60);
  std::uint32_t bytes_per_second_min = 1024;
};

// Valid until its reply is whole.
struct HttpRequest {
  const codec::http::RequestHead& head;
  Bytes body;
  const io::Address& peer;
};

// What a handler fills. A reply that fits into `room` is one piece. A longer one is asked for piece
// by piece: as long as the handler sets `more` it is called again with its own `cursor`, an empty
// piece and `more` taken back; only the body counts from the second on. Only the last piece may be
// empty. The world may have changed in between.
struct HttpReply {
  std::uint16_t status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";  // static text
  std::string_view allow;                                       // static text; belongs to 405
  MutableBytes room;
  std::size_t size = 0;  // of what was written to `room`
  std::uint64_t cursor = 0;
  bool more = false;

  // One line of text as the whole reply. What does not fit is cut.
  void say(std::uint16_t with_status, std::string_view line);
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // HEAD is asked as GET is: the server keeps the body back.
  virtual void answer(const HttpRequest& request, HttpReply& reply) = 0;
};

struct HttpServerCounters {
  std::uint64_t accepted_connections = 0;
  std::uint64_t requests = 0;          // answered by the handler
  std::uint64_t refused_requests = 0;  // answered by the server: 4xx and 5xx
  std::uint64_t errors = 0;            // failed to accept
};

struct HttpConnectionTag;

// Room for one client.
struct HttpConnection : Link<HttpConnectionTag> {
  io::Handle handle = io::Handle::none;
  io::Address peer;
  MutableBytes head_bytes;
  MutableBytes body_bytes;
  MutableBytes out_bytes;
  codec::http::RequestReader reader;
  codec::http::RequestHead head;
  codec::http::BodyReader body_reader;
  std::size_t filled = 0;     // of head_bytes
  std::size_t body_size = 0;  // of body_bytes
  bool first = true;          // nothing was asked yet
  bool last = false;          // closes after the reply
  bool unread = false;        // the client may have sent more than was read
};

struct HttpServerMemory {
  std::span<HttpConnection> connections;
  MutableBytes bytes;
};

class HttpServer {
 public:
  static constexpr std::uint32_t head_bytes_max = 8192;

  static HttpServerMemory carve(Region& region, const HttpServerSettings& settings);
  // All of them outlive the server; `name` is what its log lines and scopes are called.
  HttpServer(async::Scheduler& scheduler, io::System& system, const char* name,
             const HttpServerSettings& settings, const HttpServerMemory& memory,
             HttpHandler& handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens. The address, with the port that the kernel chose if it was to; or what
  // `System::listen` says.
  Result<io::Address> start();
  // Until its scope is cancelled; then all connections are closed and the listener, too.
  async::Task<void> run();
  const HttpServerCounters& counters() const { return counters_; }

 private:
  enum class Got : std::uint8_t { request, refusal, nothing };

  async::Task<void> accept_all(async::Scope& serving);
  async::Task<Status> wait_for_slot();
  async::Task<Status> pause_after(Error error);
  void begin(io::Handle handle, const io::Address& peer, async::Scope& serving);
  void end(HttpConnection& connection);

  async::Task<void> serve(HttpConnection& connection);
  async::Task<bool> serve_one(HttpConnection& connection);
  async::Task<Got> read_head(HttpConnection& connection, std::uint16_t& refusal);
  async::Task<Got> read_body(HttpConnection& connection, std::uint16_t& refusal);
  Got take_body(HttpConnection& connection, Bytes input, std::uint16_t& refusal);
  std::uint16_t refusal_of(const codec::http::RequestHead& head) const;
  async::Task<Status> answer(HttpConnection& connection);
  async::Task<Status> refuse(HttpConnection& connection, std::uint16_t status);
  async::Task<Status> send_all(HttpConnection& connection, Bytes bytes);
  async::Task<void> linger(HttpConnection& connection);

  enum class Framing : std::uint8_t { sized, chunked, until_close };
  Bytes framed(const HttpConnection& connection, const HttpReply& reply, Framing framing,
               bool first) const;
  void write_head(const HttpConnection& connection, const HttpReply& reply, Framing framing,
                  TextWriter& out) const;
  Duration time_for(std::uint64_t bytes) const;
  Instant now() const { return scheduler_.now(); }

  async::Scheduler& scheduler_;
  io::System& system_;
  const char* name_;
  const HttpServerSettings& settings_;
  HttpServerMemory memory_;
  HttpHandler& handler_;

  io::Handle listener_ = io::Handle::none;
  List<HttpConnection, HttpConnectionTag> free_;
  async::Notice slot_free_;
  HttpServerCounters counters_;
  Occasional accept_complaint_;
};

}  // namespace runnel::net
