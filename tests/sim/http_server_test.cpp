// Goal: the HTTP server answers what is a request, refuses the rest with its status, is not held up
// by slow or silent clients, and closes when it says so.
// Method: the server in the simulated world with a handler that shows what it was asked; clients
// that send in pieces and at a pace, and keep all they get.
#include "net/http_server.hpp"

#include <algorithm>
#include <deque>
#include <memory>

#include "codec/http/response.hpp"
#include "tests/sim/source_world.hpp"

using namespace runnel;
using namespace runnel::sim;
using codec::http::BodyReader;
using codec::http::ResponseHead;
using codec::http::ResponseReader;

namespace {

constexpr std::string_view address = "127.0.0.1:9190";

// "/pieces" is a reply of many pieces; everything else is said back.
struct Echo final : net::HttpHandler {
  static constexpr std::uint64_t pieces = 20;
  void answer(const net::HttpRequest& request, net::HttpReply& reply) override {
    ++asked;
    if (request.head.path == "/pieces") {
      TextWriter out({reinterpret_cast<char*>(reply.room.data()), reply.room.size()});
      while (out.room() >= 8) out << "piece " << reply.cursor % 10 << ' ';
      reply.size = out.size();
      reply.more = ++reply.cursor < pieces;
      sent += out.text();
      return;
    }
    if (request.head.path == "/refused") {
      reply.allow = "GET, HEAD";
      return reply.say(405, "not so");
    }
    reply.say(200,
              concat(request.head.method_name, ' ', request.head.path, ' ', as_text(request.body)));
  }
  int asked = 0;
  std::string sent;
};

struct Server {
  explicit Server(PipelineProcess& on, std::uint32_t connections_max = 4) : process(on) {
    settings.listen = io::parse_address(address).value();
    settings.connections_max = connections_max;
    settings.body_bytes_max = 100;
    settings.piece_bytes = 64;
    Region measured = Region::measuring();
    net::HttpServer::carve(measured, settings);
    frame_bytes = measured.frame_bytes();
    room = std::make_unique<Page[]>(measured.used() / sizeof(Page) + 1);
    Region real = Region::over({room[0].bytes, align_up(measured.used(), sizeof(Page))});
    memory = net::HttpServer::carve(real, settings);
    CHECK(real.used() == measured.used());
    http.emplace(*process.scheduler, process.system, "test", settings, memory, echo);
    REQUIRE(http->start().value() == settings.listen);
    scope.emplace(*process.scheduler, "server");
    scope->spawn(http->run());
  }
  void stop() {
    scope->cancel();
    CHECK(process.run_until([&] { return scope->tasks() == 0; }, 5s));
  }

  struct alignas(4096) Page {
    std::byte bytes[4096];
  };
  PipelineProcess& process;
  net::HttpServerSettings settings;
  std::unique_ptr<Page[]> room;
  net::HttpServerMemory memory;
  std::size_t frame_bytes = 0;
  Echo echo;
  std::optional<net::HttpServer> http;
  std::optional<async::Scope> scope;
};

// Sends its pieces with pauses, and keeps what comes until the end or two minutes of silence.
struct Asking : Client {
  Asking(PipelineProcess& process, std::vector<std::string> pieces, Duration pause = 0s)
      : Client(process, address), pieces_(std::move(pieces)), pause_(pause) {
    process.spawn(talk());
    process.spawn(listen());
  }
  async::Task<void> talk() {
    co_await connect();
    for (const std::string& piece : pieces_) {
      co_await send(piece);
      const Status slept = co_await async::sleep_until(after(now(), pause_));
      (void)slept;
    }
  }
  async::Task<void> listen() {
    while (!connected) co_await async::yield();
    std::byte buffer[100];
    while (true) {
      const auto received = co_await async::recv(handle, buffer, after(now(), 120s));
      if (!received && received.error() == Error::timed_out) break;
      if (!received || *received == 0) {
        closed_at = now();
        closed = true;
        break;
      }
      got += as_text(Bytes(buffer).first(*received));
    }
    done = true;
  }
  Instant now() const { return handle_process->scheduler->now(); }

  PipelineProcess* handle_process = nullptr;
  std::string got;
  bool closed = false;
  bool done = false;
  Instant closed_at;

 private:
  std::vector<std::string> pieces_;
  Duration pause_;
};

struct Reply {
  std::uint16_t status = 0;
  bool keep_alive = false;
  std::string body;
};

// Takes a reply off the front; a status of 0 if there is none.
Reply take_reply(std::string& text, codec::http::Asked asked = codec::http::Asked::ordinary) {
  ResponseReader reader(asked);
  ResponseHead head;
  const auto step = reader.look(as_bytes(text), head);
  if (step.kind != ResponseReader::Step::Kind::head) return {};
  Reply reply{head.status, head.keep_alive, ""};
  BodyReader body(head.body);
  std::size_t at = step.consumed;
  while (!body.ended()) {
    const auto part = body.next(as_bytes(text).subspan(at));
    at += part.consumed;
    reply.body += as_text(part.data);
    if (part.kind == BodyReader::Step::Kind::need_more) (void)body.finish();
    if (part.kind == BodyReader::Step::Kind::broken) return {};
  }
  text.erase(0, at);
  return reply;
}

struct Scene {
  explicit Scene(std::uint32_t connections_max = 4, const SimOptions& options = SimOptions::calm(),
                 std::uint64_t seed = 1)
      : world(seed, options), process(world.machine()), server(process, connections_max) {}
  ~Scene() {
    server.stop();
    process.stop();
  }
  Asking& ask(std::vector<std::string> pieces, Duration pause = 0s) {
    auto& asking = clients.emplace_back(process, std::move(pieces), pause);
    asking.handle_process = &process;
    return asking;
  }
  // Everything that a client gets.
  std::string exchange(std::vector<std::string> pieces, Duration pause = 0s) {
    Asking& asking = ask(std::move(pieces), pause);
    CHECK(process.run_until([&] { return asking.done; }, 600s));
    closed = asking.closed;
    return asking.got;
  }
  Reply one(const std::string& text) {
    std::string got = exchange({text});
    const Reply reply = take_reply(got);
    CHECK(got.empty());
    return reply;
  }

  SimWorld world;
  PipelineProcess process;
  Server server;
  std::deque<Asking> clients;
  bool closed = false;
};

std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}
constexpr std::string_view last = "Connection: close\r\n";

}  // namespace

TEST_CASE("http server: requests one after the other on one connection") {
  Scene scene;
  std::string got =
      scene.exchange({get("/a"), "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo", "dy",
                      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nbo",
                      "\r\n2\r\ndy\r\n0\r\nT: x\r\n\r\n", get("/d", last)},
                     100ms);
  CHECK(got.find("\r\nDate: ") != got.npos);
  CHECK(take_reply(got).body == "GET /a \n");
  CHECK(take_reply(got).body == "POST /b body\n");
  const Reply third = take_reply(got);
  CHECK(third.body == "POST /c body\n");
  CHECK(third.keep_alive);
  const Reply fourth = take_reply(got);
  CHECK(fourth.body == "GET /d \n");
  CHECK(!fourth.keep_alive);
  CHECK(got.empty());
  CHECK(scene.closed);
  CHECK(scene.server.http->counters().requests == 4);
  CHECK(scene.server.http->counters().accepted_connections == 1);
}

TEST_CASE("http server: a long reply comes in pieces") {
  Scene scene;
  std::string got = scene.exchange({get("/pieces"), get("/a", last)}, 1s);
  CHECK(got.find("Transfer-Encoding: chunked") != got.npos);
  const Reply pieces = take_reply(got);
  CHECK(pieces.body == scene.server.echo.sent);
  CHECK(pieces.body.size() > Echo::pieces * 50);
  CHECK(take_reply(got).body == "GET /a \n");
  CHECK(scene.server.echo.asked == Echo::pieces + 1);

  scene.server.echo.sent.clear();
  got = scene.exchange({"GET /pieces HTTP/1.0\r\n\r\n"});
  CHECK(got.find("Transfer-Encoding") == got.npos);
  CHECK(take_reply(got).body == scene.server.echo.sent);
  CHECK(scene.closed);
}

TEST_CASE("http server: HEAD has the head alone") {
  Scene scene;
  std::string got = scene.exchange({"HEAD /pieces HTTP/1.1\r\nHost: x\r\n\r\n",
                                    "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", get("/b", last)},
                                   1s);
  CHECK(take_reply(got, codec::http::Asked::head).status == 200);
  CHECK(got.find("Content-Length: 8\r\n") != got.npos);
  CHECK(take_reply(got, codec::http::Asked::head).status == 200);
  CHECK(take_reply(got).body == "GET /b \n");
  CHECK(got.empty());
}

TEST_CASE("http server: HTTP/1.0 stays only if it asks to") {
  Scene scene;
  CHECK(scene.one("GET / HTTP/1.0\r\n\r\n").status == 200);
  CHECK(scene.closed);
  std::string got = scene.exchange(
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}, 1s);
  CHECK(take_reply(got).keep_alive);
  CHECK(take_reply(got).status == 200);
}

TEST_CASE("http server: what is refused is said, and the connection closed") {
  Scene scene;
  const std::pair<std::string, int> refused[] = {
      {"nonsense\r\n\r\n", 400},
      {"\x16\x03\x01", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 411},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", 417},
      {get("/" + std::string(3000, 'a')), 414},
      {"GET /" + std::string(9000, 'a'), 414},
      {get("/", "A: " + std::string(9000, 'a') + "\r\n"), 431},
  };
  std::uint64_t count = 0;
  for (const auto& [text, status] : refused) {
    CAPTURE(text);
    const Reply reply = scene.one(text);
    CHECK(reply.status == status);
    CHECK(!reply.keep_alive);
    CHECK(reply.body.ends_with('\n'));
    CHECK(scene.closed);
    CHECK(scene.server.http->counters().refused_requests == ++count);
  }
  CHECK(scene.server.echo.asked == 0);
  std::string got = scene.exchange({get("/refused", last)});
  CHECK(got.find("\r\nAllow: GET, HEAD\r\n") != got.npos);
  CHECK(take_reply(got).status == 405);
}

TEST_CASE("http server: a body of the limit is taken, with all its chunks") {
  Scene scene;
  const std::string body(100, 'b');
  CHECK(
      scene.one(concat("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n", last, "\r\n", body))
          .status == 200);
  std::string chunks;
  for (int count = 0; count < 100; ++count) chunks += "1\r\nb\r\n";
  const Reply reply = scene.one(concat("POST / HTTP/1.1\r\nHost: x\r\n", last,
                                       "Transfer-Encoding: chunked\r\n\r\n", chunks, "0\r\n\r\n"));
  CHECK(reply.status == 200);
}

TEST_CASE("http server: who waits for 100 is told to go on, who does not is not") {
  Scene scene;
  std::string got = scene.exchange(
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", "ab"},
      1s);
  CHECK(got.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
  CHECK(take_reply(got).body == "POST / ab\n");
  got = scene.exchange(
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab"});
  CHECK(got.starts_with("HTTP/1.1 200 OK\r\n"));
  // Nothing is asked for that would be refused.
  got = scene.exchange(
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\nExpect: 100-continue\r\n\r\n"});
  CHECK(got.starts_with("HTTP/1.1 413 "));
}

TEST_CASE("http server: what stands behind a request ends the connection, after the answer") {
  Scene scene;
  const Reply reply = scene.one(get("/a") + get("/b"));
  CHECK(reply.body == "GET /a \n");
  CHECK(!reply.keep_alive);
  CHECK(scene.closed);
  CHECK(scene.one("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nabc").body ==
        "POST / a\n");
  CHECK(scene.closed);
}

TEST_CASE("http server: slow and silent clients are sent away") {
  Scene scene(6);
  const Instant begun = scene.process.scheduler->now();
  Asking& silent = scene.ask({});
  Asking& slow = scene.ask(std::vector<std::string>(60, "G"), 1s);
  Asking& body = scene.ask({"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n", "b"}, 5s);
  Asking& idle = scene.ask({get("/a")});
  CHECK(scene.process.run_until([&] { return silent.done && slow.done && body.done && idle.done; },
                                200s));
  const auto lasted = [&](const Asking& asking) { return asking.closed_at - begun; };
  CHECK(silent.got.empty());
  CHECK(lasted(silent) < 11s);
  CHECK(slow.got.starts_with("HTTP/1.1 408 "));
  CHECK(lasted(slow) < 13s);
  CHECK(body.got.starts_with("HTTP/1.1 408 "));
  CHECK(lasted(body) < 13s);
  CHECK(idle.got.starts_with("HTTP/1.1 200 "));
  CHECK(lasted(idle) > 59s);
  CHECK(lasted(idle) < 61s);
}

TEST_CASE("http server: when all connections are in use the next reply ends one") {
  Scene scene(2);
  Asking& one = scene.ask({get("/one"), get("/three")}, 5s);
  scene.process.run_for(1s);
  CHECK(one.got.ends_with("GET /one \n"));
  Asking& two = scene.ask({get("/two")});
  scene.process.run_for(1s);
  CHECK(two.closed);
  CHECK(two.got.find("Connection: close") != two.got.npos);
  CHECK(one.got.find("Connection: close") == one.got.npos);
  // A third waits, not longer than the others are silent.
  Asking& silent = scene.ask({});
  scene.process.run_for(1s);
  Asking& waiting = scene.ask({get("/four")});
  CHECK(scene.process.run_until([&] { return waiting.got.ends_with("GET /four \n"); }, 70s));
  CHECK(silent.got.empty());
}

TEST_CASE("http server: it ends in the middle of anything") {
  Scene scene(6);
  scene.ask({});
  scene.ask({"GET /"});
  scene.ask({get("/a")});
  scene.ask({"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n"});
  scene.ask({"\n"});
  scene.process.run_for(500ms);
  scene.server.stop();
  CHECK(scene.process.run_until([&] {
    return std::all_of(scene.clients.begin(), scene.clients.end(),
                       [](const Asking& each) { return each.closed; });
  }));
}

TEST_CASE("http server: its frames are planned, whatever all connections do at once") {
  // The first server has one connection: then the frames of all clients are there already.
  constexpr std::uint32_t count = 16;
  Scene scene(1);
  const auto serve_all = [&] {
    for (std::uint32_t index = 0; index < count; ++index)
      scene.ask({"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
                 "ab", get("/pieces"), "\n"},
                1s);
    scene.process.run_for(60s);
  };
  serve_all();
  scene.server.stop();
  // One more than there are clients: at its limit it would end connections with their replies.
  Server large(scene.process, count + 1);
  const std::size_t before = async::FrameArena::in_use().carved_bytes();
  serve_all();
  CHECK(large.http->counters().accepted_connections == count);
  CHECK(large.http->counters().refused_requests == count);
  const std::size_t used = async::FrameArena::in_use().carved_bytes() - before;
  INFO("frames use ", used, " of ", large.frame_bytes);
  CHECK(used <= large.frame_bytes * async::FrameArena::build_factor);
  large.stop();
}

TEST_CASE("http server: answers are whole in a rough world") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    SimOptions options = SimOptions::rough();
    Scene scene(4, options, seed);
    scene.world.end_faults();
    for (int round = 0; round < 5; ++round) {
      scene.server.echo.sent.clear();
      std::string got = scene.exchange({get("/pie"), ""}, 10ms);
      CHECK(take_reply(got).body == "GET /pie \n");
      got = scene.exchange(
          {"GET /pie", "ces HTTP/1.1\r\nHo", "st: x\r\n", std::string(last) + "\r\n"}, 10ms);
      CHECK(take_reply(got).body == scene.server.echo.sent);
    }
  }
}
