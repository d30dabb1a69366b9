// Goal: what goes through a proxy arrives as without one, the proxy alone gets to know the
// destination's name, and whatever it answers, or does not, is said and tried again.
// Method: sinks under their real runner, and an uplink alone, in the simulated world, with a proxy
// of the test that answers as it is told and is the destination behind its answer.
#include "platform/mbedtls/library.hpp"
#include "sinks/http/http.hpp"
#include "sinks/sending/uplink.hpp"
#include "sinks/tcp/tcp_sink.hpp"
#include "tests/sim/http_server.hpp"
#include "tests/sim/log_reader.hpp"
#include "tests/sim/sink_world.hpp"
#include "tests/support/tls_pair.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view proxy_address = "127.0.0.1:3128";
const std::string established = "HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n";

class ProxyServer final : public HttpServer {
 public:
  explicit ProxyServer(PipelineProcess& process) : HttpServer(process, proxy_address) {}
  // What CONNECT is answered with, and where that is cut in two; 1: behind every byte.
  std::string reply = established;
  std::size_t cut = 0;
  bool ends = false;  // the connection, behind the reply
  std::vector<std::string> heads;

 private:
  async::Task<bool> answer(Connection& connection) override {
    if (!passed_.contains(&connection)) {
      const std::size_t end = connection.received.find("\r\n\r\n");
      if (end == connection.received.npos) co_return true;
      heads.push_back(connection.received.substr(0, end + 4));
      connection.received.erase(0, end + 4);
      const bool replied = co_await send_reply(connection);
      if (!replied || ends) co_return false;
      passed_.insert(&connection);
    }
    const bool stays = co_await HttpServer::answer(connection);
    co_return stays;
  }
  async::Task<bool> send_reply(Connection& connection) {
    const std::string text = reply;  // which the test may change meanwhile
    const std::size_t most = cut == 0 ? text.size() : cut;
    for (std::size_t at = 0; at < text.size(); at += most) {
      if (at > 0) (void)co_await async::sleep_until(after(process().scheduler->now(), 1ms));
      const bool sent = co_await send(connection, text.substr(at, most));
      if (!sent) co_return false;
    }
    co_return true;
  }

  std::set<const Connection*> passed_;
};

// A tcp sink whose destination no resolver of this world knows.
SinkUnderTest tcp_sink(Given given = {}) {
  given.insert(given.begin(), {{"address", "logs.example.org:5170"},
                               {"batch.linger", "1ms"},
                               {"retry.first", "10ms"},
                               {"connect_timeout", "2s"}});
  if (given.back().first != "proxy") given.push_back({"proxy", "http://127.0.0.1:3128"});
  return SinkUnderTest(sinks::tcp_sink_type, given);
}

// Puts events in front of a proxy that does not let them pass.
struct Refused {
  explicit Refused(Given given = {})
      : process(disk.machine), proxy(process), sink(tcp_sink(std::move(given))) {}
  void run() {
    proxy.start();
    sink.run(process);
    put(process, 0, 10);
    CHECK_FALSE(drain(process, 5s));
    error = sink.runner->last_error();
  }
  // Lets them pass, and all is there, once.
  ~Refused() {
    proxy.reply = established;
    proxy.ends = false;
    CHECK(drain(process, 5min));
    CHECK(numbers_in(proxy.received()).size() == 10);
    finish(process);
    proxy.stop();
  }
  LogReader log;
  Disk disk;
  PipelineProcess process;
  ProxyServer proxy;
  SinkUnderTest sink;
  Error error = Error::none;
};

// An uplink alone.
struct Line {
  sinks::Uplink* build(Region& region, SinkContext* context) {
    const auto memory = sinks::Uplink::carve(region, settings);
    void* place = region.bytes(sizeof(sinks::Uplink), "uplink", alignof(std::max_align_t)).data();
    if (region.is_measuring()) return nullptr;
    return new (place) sinks::Uplink(*context, settings, memory);
  }
  sinks::UplinkSettings settings;
};

}  // namespace

TEST_CASE("proxy: what it is asked, and everything arrives, over one connection") {
  Disk disk;
  PipelineProcess process(disk.machine);
  ProxyServer proxy(process);
  proxy.start();
  SinkUnderTest sink = tcp_sink({{"proxy", "http://edge:p%40ss@127.0.0.1:3128/"}});
  CHECK_FALSE(sink.plan->looks_up_names);
  sink.run(process);
  put(process, 0, 500);
  REQUIRE(drain(process));
  REQUIRE(proxy.heads.size() == 1);
  CHECK(proxy.heads[0] ==
        "CONNECT logs.example.org:5170 HTTP/1.1\r\nHost: logs.example.org:5170\r\n"
        "Proxy-Authorization: Basic ZWRnZTpwQHNz\r\n\r\n");
  CHECK(numbers_in(proxy.received()).size() == 500);
  CHECK(process.sink_counters.connections == 1);
  CHECK(process.sink_counters.wire_bytes == proxy.heads[0].size() + proxy.received().size());
  finish(process);
  proxy.stop();
}

TEST_CASE("proxy: an answer may come in pieces of any size") {
  for (std::size_t cut = 1; cut <= established.size(); ++cut) {
    Disk disk;
    PipelineProcess process(disk.machine);
    ProxyServer proxy(process);
    proxy.cut = cut;
    // An interim answer, and one as old proxies give it.
    proxy.reply = cut % 2 == 0 ? "HTTP/1.1 100 Continue\r\n\r\n" + established
                               : "HTTP/1.0 200 Connection established\r\n\r\n";
    proxy.start();
    SinkUnderTest sink = tcp_sink();
    sink.run(process);
    put(process, 0, 10);
    REQUIRE(drain(process));
    CHECK(process.sink_counters.retries == 0);
    CHECK(numbers_in(proxy.received()).size() == 10);
    finish(process);
    proxy.stop();
  }
}

TEST_CASE("proxy: http goes through the tunnel, to an IPv6 address too") {
  Disk disk;
  PipelineProcess process(disk.machine);
  ProxyServer proxy(process);
  proxy.start();
  SinkUnderTest sink(sinks::http_type, {{"url", "http://[2001:db8::1]:8080/in"},
                                        {"proxy", "http://127.0.0.1:3128"},
                                        {"batch.linger", "1ms"},
                                        {"batch.max_events", "10"}});
  sink.run(process);
  put(process, 0, 100);
  REQUIRE(drain(process));
  REQUIRE(proxy.heads.size() == 1);
  CHECK(proxy.heads[0].starts_with("CONNECT [2001:db8::1]:8080 HTTP/1.1\r\n"));
  CHECK(proxy.heads[0].find("Authorization") == std::string::npos);
  CHECK(proxy.requests.size() == 10);
  CHECK(proxy.requests[0].head.find("Host: [2001:db8::1]:8080\r\n") != std::string::npos);
  CHECK(numbers_in(proxy.accepted).size() == 100);
  finish(process);
  proxy.stop();
}

TEST_CASE("proxy: one that wants to know who we are") {
  Refused refused;
  refused.proxy.reply = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
  refused.run();
  CHECK(refused.error == Error::access);
  CHECK(refused.log.count("logs.example.org:5170: the proxy 127.0.0.1:3128 wants a user") > 0);
  CHECK(refused.process.sink_counters.connections == 0);
}

TEST_CASE("proxy: one that does not take who we are, and no secret in the log") {
  Refused refused(Given{{"proxy", "http://edge:open-sesame@127.0.0.1:3128"}});
  SUBCASE("as it should") { refused.proxy.reply = "HTTP/1.1 407 No\r\n\r\n"; }
  SUBCASE("as tinyproxy") { refused.proxy.reply = "HTTP/1.1 401 Unauthorized\r\n\r\n"; }
  refused.run();
  CHECK(refused.error == Error::access);
  CHECK(refused.log.count("the proxy 127.0.0.1:3128 does not take our user and password") > 0);
  CHECK(refused.log.count("sesame") == 0);
  CHECK(refused.log.count("ZWRnZTpvcGVuLXNlc2FtZQ") == 0);
}

TEST_CASE("proxy: one that cannot reach the destination") {
  Refused refused;
  refused.proxy.reply = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nno\r\n";
  refused.run();
  CHECK(refused.error == Error::refused);
  CHECK(refused.log.count("the proxy 127.0.0.1:3128 answers 502 Bad Gateway") > 0);
  // Attempts cost what they send, on a thin link too.
  std::size_t asked = 0;
  for (const std::string& head : refused.proxy.heads) asked += head.size();
  CHECK(refused.process.sink_counters.wire_bytes == asked);
}

TEST_CASE("proxy: what is no answer") {
  Refused refused;
  SUBCASE("another protocol") {
    refused.proxy.reply = "SSH-2.0-OpenSSH_9.2\r\n";
    refused.run();
    CHECK(refused.error == Error::malformed);
    CHECK(refused.log.count("the proxy 127.0.0.1:3128 answers something else than HTTP") > 0);
  }
  SUBCASE("a switch of protocols") {
    refused.proxy.reply = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    refused.run();
    CHECK(refused.error == Error::unsupported);
  }
  SUBCASE("a head without end") {
    refused.proxy.reply = "HTTP/1.1 200 OK\r\nX: " + std::string(5000, 'x');
    refused.run();
    CHECK(refused.error == Error::too_large);
    CHECK(refused.log.count("with a head of more than 4 KiB") > 0);
  }
  SUBCASE("its end") {
    refused.proxy.reply = "HTTP/1.1 200 OK\r\n";
    refused.proxy.ends = true;
    refused.run();
    CHECK(refused.error == Error::closed);
    CHECK(refused.log.count("ended the connection instead of answering") > 0);
  }
}

TEST_CASE("proxy: silence, and an answer that never ends, are given up in connect_timeout") {
  Refused refused;
  SUBCASE("silence") { refused.proxy.reply = ""; }
  SUBCASE("a byte each millisecond") {
    refused.proxy.reply = "HTTP/1.1 200 OK\r\n";
    for (int field = 0; field < 300; ++field) refused.proxy.reply += "X: abcdefg\r\n";
    refused.proxy.cut = 1;
  }
  refused.run();
  CHECK(refused.error == Error::timed_out);
  CHECK(refused.log.count("the proxy 127.0.0.1:3128 has not answered in time") > 0);
  refused.proxy.cut = 0;
}

TEST_CASE("proxy: one that is not there, and one that dies in the middle") {
  LogReader log;
  Disk disk;
  PipelineProcess process(disk.machine);
  ProxyServer proxy(process);
  SinkUnderTest sink = tcp_sink();
  sink.run(process);
  put(process, 0, 100);
  CHECK_FALSE(drain(process, 5s));
  CHECK(sink.runner->last_error() == Error::refused);
  CHECK(log.count("logs.example.org:5170: cannot reach the proxy 127.0.0.1:3128") > 0);
  proxy.start();
  REQUIRE(drain(process));
  die_often(process, proxy);
  CHECK(readable_numbers(proxy.received()).size() == 2000);
  finish(process);
  proxy.stop();
}

TEST_CASE(
    "proxy: what the destination says at once is there to be read; before TLS it is refused") {
  Disk disk;
  PipelineProcess process(disk.machine);
  test::TlsWorld around;
  mbedtls::Library library;
  process.network.tls = &library;
  process.network.surroundings = &around;
  ProxyServer proxy(process);
  proxy.reply = established + "INFO {}\r\n";
  proxy.start();
  Line line;
  line.settings.proxy = *sinks::parse_proxy("http://127.0.0.1:3128");
  const sinks::Endpoint to{"n1.example.org", 4222, false};

  SUBCASE("in clear") {
    sinks::Uplink* const uplink = process.build(line, *process.sink_context);
    REQUIRE(uplink->start().has_value());
    for (int round = 0; round < 2; ++round) {
      REQUIRE(process.complete(uplink->open(to)).ok());
      std::string said;
      while (said.size() < 9) {
        std::byte bytes[4];
        const auto received = process.complete(uplink->read(bytes));
        REQUIRE(received.has_value());
        said += as_text(Bytes(bytes).first(*received));
      }
      CHECK(said == "INFO {}\r\n");
      // What was not read does not stay for the next connection.
      uplink->close();
      REQUIRE(process.complete(uplink->open(to)).ok());
      uplink->close();
    }
    uplink->~Uplink();
  }
  SUBCASE("before TLS") {
    line.settings.tls.emplace();
    line.settings.tls->insecure_skip_verify = true;
    sinks::Uplink* const uplink = process.build(line, *process.sink_context);
    REQUIRE(uplink->start().has_value());
    CHECK(process.complete(uplink->open(to)).error() == Error::malformed);
    CHECK(uplink->reason() == "through the proxy came something that TLS does not begin with");
    CHECK_FALSE(uplink->is_open());
    uplink->~Uplink();
  }
  process.stop();
  proxy.stop();
}
