// Goal: what clients send over TLS arrives as over TCP, with the same promises about full channels,
// limits and stops; who comes to no TLS is closed, counted and told of, and keeps nobody else.
// Method: the tcp source in the simulated world with the real TLS library on both ends, and clients
// that send plain text, nothing, half a handshake, or show the wrong certificate.
#include <deque>

#include "net/tcp_stream.hpp"
#include "net/tls_stream.hpp"
#include "platform/mbedtls/library.hpp"
#include "sources/tcp/tcp.hpp"
#include "tests/sim/log_reader.hpp"
#include "tests/sim/source_world.hpp"
#include "tests/support/tls_pair.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

constexpr std::string_view server = "127.0.0.1:6514";

// A process with a tls:// source, and what it and its clients need.
class TlsListening {
 public:
  explicit TlsListening(const OptionTexts& more = {}, const pipeline::ChannelSettings& channel = {},
                        const SimOptions& options = SimOptions::calm(), std::uint64_t seed = 1)
      : world_(seed, options), process(world_.machine(), sources::tcp_type, texts(more), channel) {
    process.network.tls = &library;
    process.network.surroundings = &around;
    process.complete(write("/own.pem", test::pem::ec_server));
    process.complete(write("/own.key", test::pem::ec_leaf_key));
    process.complete(write("/roots.pem", test::pem::ec_root));
  }

 private:
  static OptionTexts texts(const OptionTexts& more) {
    OptionTexts all = {{"listen", "tls://127.0.0.1:6514"},
                       {"tls.certificate_file", "/own.pem"},
                       {"tls.key_file", "/own.key"}};
    for (const auto& each : more) {
      if (each.first == "listen") all.erase(all.begin());
      all.push_back(each);
    }
    return all;
  }
  async::Task<void> write(const char* path, std::string_view text) {
    const auto file = co_await async::open(path, io::OpenMode::create);
    REQUIRE(file.has_value());
    const auto written = co_await async::write(*file, as_bytes(text), 0);
    REQUIRE(written.has_value());
    process.reactor.discard(*file);
  }

  SimWorld world_;

 public:
  test::TlsWorld around;
  mbedtls::Library library;
  SourceProcess process;
};

// A client that speaks TLS.
class TlsClient {
 public:
  explicit TlsClient(TlsListening& to, const net::TlsFiles& files = test::ec_client(),
                     net::TlsSettings settings = test::client_settings())
      : process_(to.process),
        party_(to.library, to.around, std::move(settings), files),
        tcp_(to.process.reactor),
        tls_(*party_.session, tcp_) {}

  async::Task<void> connect() {
    io::Address address = io::parse_address(server).value();
    const io::Handle handle = process_.system.socket(io::Transport::tcp, address.family).value();
    const Status status = co_await async::connect(handle, address);
    REQUIRE(status.ok());
    tcp_.adopt(handle);
    const Status shaken = co_await tls_.handshake(never);
    connected = shaken.ok();
    failed = !connected;
  }
  async::Task<void> send(std::string text) {
    const Status sent = co_await tls_.write(as_bytes(text), never);
    failed = !sent.ok();
    ++sends_done;
  }
  async::Task<void> connect_and_send(std::string text) {
    co_await connect();
    if (connected) co_await send(std::move(text));
  }
  // Everything, then the end of the stream.
  async::Task<void> deliver(std::string text) {
    co_await connect_and_send(std::move(text));
    const Status said = co_await tls_.shut(never);
    failed = failed || !said.ok();
    tls_.close();
  }
  async::Task<void> wait_for_end() {
    std::array<std::byte, 16> bytes;
    const auto received = co_await tls_.read(bytes, never);
    end = received ? Error::none : received.error();
  }
  // Without a goodbye.
  void cut() { tls_.close(); }

  bool connected = false;
  bool failed = false;
  int sends_done = 0;
  std::optional<Error> end;

 private:
  PipelineProcess& process_;
  test::TlsParty party_;
  net::TcpStream tcp_;
  net::TlsStream tls_;
};

pipeline::ChannelSettings small_channel() {
  pipeline::ChannelSettings small;
  small.capacity_bytes = pipeline::channel_capacity_min;
  return small;
}

}  // namespace

TEST_CASE("tls listening: lines of several clients arrive, the last one without newline") {
  TlsListening listening;
  SourceProcess& process = listening.process;
  process.run();
  process.record();
  TlsClient one(listening), two(listening);
  process.spawn(one.deliver(numbered_lines("a", 5000) + "a-5000"));
  process.spawn(two.deliver("b-0\n\nb-1\r\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 5003; }));
  CHECK(in_order(process.seen, "a") == 5001);
  CHECK(in_order(process.seen, "b") == 2);
  CHECK(process.seen[0].header("peer") == "127.0.0.1");
  CHECK(process.source_counters.accepted_connections == 2);
  CHECK(process.source_counters.failed_handshakes == 0);
  CHECK(process.source_counters.broken_connections == 0);
  CHECK_FALSE(one.failed);
  process.end();
}

TEST_CASE("tls listening: a full channel stops reading; nothing is lost, nobody is disconnected") {
  TlsListening listening({}, small_channel());
  SourceProcess& process = listening.process;
  process.run();
  process.record(false);
  std::deque<TlsClient> clients;
  constexpr int lines = 20'000;
  for (const std::string_view name : {"a", "b", "c"})
    process.spawn(clients.emplace_back(listening).deliver(numbered_lines(name, lines)));
  process.run_for(5s);
  const std::size_t seen_when_full = process.seen.size();
  CHECK(seen_when_full > 100);
  process.run_for(60s);
  CHECK(process.seen.size() == seen_when_full);
  for (int round = 0; round < 2000 && process.seen.size() < 3 * lines; ++round) {
    process.acknowledge_all();
    process.run_for(5ms);
  }
  for (const std::string_view name : {"a", "b", "c"}) CHECK(in_order(process.seen, name) == lines);
  for (const TlsClient& client : clients) CHECK_FALSE(client.failed);
  CHECK(process.source_counters.broken_connections == 0);
  process.acknowledge_all();
  process.end();
}

TEST_CASE("tls listening: who comes to no TLS is closed, counted and told of; others go on") {
  LogReader log;
  TlsListening listening({{"tls.handshake_timeout", "5s"}, {"tls.connections_max", "2"}});
  SourceProcess& process = listening.process;
  process.run();
  process.record();
  TlsClient good(listening);
  process.spawn(good.connect_and_send("good-0\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 1; }));

  Client other(process, server);
  process.spawn(other.connect());
  std::string_view said = "the handshake took too long";
  SUBCASE("plain text") {
    process.spawn(other.send("<13>1 - - - - - - hello, this is no TLS\n"));
    said = "what the peer sends is no hello of TLS";
  }
  SUBCASE("zeros") {
    process.spawn(other.send(std::string(100'000, '\0')));
    said = "what the peer sends is no hello of TLS";
  }
  SUBCASE("nothing") {}
  SUBCASE("a record's head, and then nothing") {
    process.spawn(other.send(std::string("\x16\x03\x01\x40\x00\x01", 6)));
  }
  SUBCASE("an end at once") {
    process.run_for(10ms);
    other.close();
    said = "the peer ended the connection during the handshake";
  }
  CHECK(process.run_until([&] { return process.source_counters.failed_handshakes == 1; }, 6s));
  CHECK(log.count("warn sources.test: closed the connection from 127.0.0.1:", said) == 1);

  // The place is free again.
  TlsClient next(listening);
  process.spawn(next.connect_and_send("good-1\n"));
  process.spawn(good.send("good-2\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 3; }, 5s));
  CHECK(process.source_counters.failed_handshakes == 1);
  CHECK(process.source_counters.broken_connections == 0);
  process.end();
}

TEST_CASE("tls listening: with ca_file only clients with a certificate from there are served") {
  TlsListening listening(OptionTexts{{"tls.ca_file", "/roots.pem"}});
  SourceProcess& process = listening.process;
  process.run();
  process.record();
  net::TlsSettings settings = test::client_settings();
  settings.certificate_file = "/client.pem";
  settings.key_file = "/client.key";
  const net::TlsFiles right{test::pem::ec_root, test::pem::ec_client, test::pem::ec_leaf_key};
  const net::TlsFiles wrong{test::pem::ec_root,
                            std::string(test::pem::rsa_client) + test::pem::rsa_middle,
                            test::pem::rsa_leaf_key};
  TlsClient welcome(listening, right, settings), stranger(listening, wrong, settings),
      nobody(listening);
  process.spawn(stranger.connect_and_send("stranger-0\n"));
  process.spawn(nobody.connect_and_send("nobody-0\n"));
  process.spawn(welcome.connect_and_send("welcome-0\n"));
  CHECK(process.run_until(
      [&] { return process.source_counters.failed_handshakes == 2 && !process.seen.empty(); }));
  process.run_for(1s);
  CHECK(process.bodies() == std::vector<std::string>{"welcome-0"});
  process.end();
}

TEST_CASE("tls listening: plain and secure addresses have limits of their own") {
  TlsListening listening({{"listen", "127.0.0.1:5170, tls://127.0.0.1:6514"},
                          {"connections_max", "1"},
                          {"tls.connections_max", "1"}});
  SourceProcess& process = listening.process;
  process.run();
  process.record();
  Client plain(process, "127.0.0.1:5170");
  TlsClient one(listening), two(listening);
  process.spawn(plain.connect_and_send("plain-0\n"));
  process.spawn(one.connect_and_send("one-0\n"));
  CHECK(process.run_until([&] { return process.seen.size() == 2; }));
  process.spawn(two.connect_and_send("two-0\n"));
  process.run_for(5s);
  CHECK(process.seen.size() == 2);
  plain.close();
  process.run_for(5s);
  CHECK(process.seen.size() == 2);
  one.cut();
  CHECK(process.run_until([&] { return process.seen.size() == 3; }));
  CHECK(process.source_counters.broken_connections == 1);  // it did not say goodbye
  process.end();
}

TEST_CASE("tls listening: silence ends a connection in order, its open line kept") {
  TlsListening listening(OptionTexts{{"idle_timeout", "30s"}});
  SourceProcess& process = listening.process;
  process.run();
  process.record();
  TlsClient client(listening);
  process.spawn(client.connect_and_send("open"));
  CHECK(process.run_until([&] { return client.sends_done == 1; }));
  process.run_for(20s);
  process.spawn(client.send(" line"));
  process.run_for(29s);
  CHECK(process.seen.empty());
  process.spawn(client.wait_for_end());
  CHECK(process.run_until([&] { return client.end.has_value(); }, 5s));
  CHECK(client.end == Error::closed);
  process.run_for(10ms);
  CHECK(process.bodies() == std::vector<std::string>{"open line"});
  CHECK(process.source_counters.broken_connections == 0);
  process.end();
}

TEST_CASE("tls listening: a stop reads what has arrived, keeps the open line, and is bounded") {
  TlsListening listening;
  SourceProcess& process = listening.process;
  process.run();
  process.record();
  TlsClient one(listening), quiet(listening);
  Client mute(process, server);  // shakes no hands
  process.spawn(mute.connect());
  process.spawn(quiet.connect());
  process.spawn(one.connect());
  CHECK(process.run_until([&] { return quiet.connected && one.connected; }));
  process.spawn(one.send(numbered_lines("a", 1000) + "last"));
  CHECK(process.run_until([&] { return one.sends_done == 1; }));
  const Instant asked = process.scheduler->now();
  CHECK(process.stop_source(2s));
  CHECK(process.scheduler->now() - asked < 1100ms);
  process.run_for(100ms);
  CHECK(in_order(process.seen, "a") == 1000);
  CHECK(process.seen.back().body == "last");
  process.spawn(quiet.wait_for_end());
  CHECK(process.run_until([&] { return quiet.end.has_value(); }));
  CHECK(quiet.end == Error::closed);
  CHECK(process.source_counters.failed_handshakes == 0);
  process.stop();
}

TEST_CASE("tls listening: a stop ends though the channel is full for good, or a client goes on") {
  bool full = false;
  SUBCASE("full") { full = true; }
  SUBCASE("endless") {}
  TlsListening listening({}, small_channel());
  SourceProcess& process = listening.process;
  process.run();
  process.record(!full);
  TlsClient client(listening);
  process.spawn(client.connect_and_send(numbered_lines("a", 500'000)));
  CHECK(process.run_until([&] { return process.seen.size() > 100; }));
  CHECK(process.stop_source(1500ms));
  CHECK(in_order(process.seen, "a") == static_cast<int>(process.seen.size()));
  process.stop();
}

TEST_CASE("tls listening: the planned frames are enough when every connection waits for room") {
  TlsListening listening({{"tls.connections_max", "8"}}, small_channel());
  SourceProcess& process = listening.process;
  REQUIRE(process.start().has_value());
  process.record(false);
  std::deque<TlsClient> clients;
  for (int number = 0; number < 8; ++number)
    process.spawn(clients.emplace_back(listening).connect_and_send(
        numbered_lines("c" + std::to_string(number), 5000)));
  process.run_for(1s);
  // Those of the clients are all in use by now, but for those they share with nobody.
  const std::size_t before = async::FrameArena::in_use().carved_bytes();
  process.spawn(process.source->run());
  process.run_for(5s);
  CHECK(process.source_counters.accepted_connections == 8);
  for (const TlsClient& client : clients) CHECK(client.connected);
  const std::size_t used = async::FrameArena::in_use().carved_bytes() - before;
  INFO("frames use ", used, " of ", process.planned_frame_bytes());
  CHECK(used <= process.planned_frame_bytes() * async::FrameArena::build_factor);
  process.stop();
}

TEST_CASE("tls listening: in a rough world every client's lines arrive once and in order") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TlsListening listening({}, small_channel(), SimOptions::rough(), seed);
    SourceProcess& process = listening.process;
    process.run();
    process.record();
    std::deque<TlsClient> clients;
    for (const std::string_view name : {"a", "b", "c", "d"})
      process.spawn(clients.emplace_back(listening).deliver(numbered_lines(name, 1000)));
    CHECK(process.run_until([&] { return process.seen.size() >= 4000; }, 600s));
    for (const std::string_view name : {"a", "b", "c", "d"})
      CHECK(in_order(process.seen, name) == 1000);
    process.end();
  }
}

TEST_CASE("tls listening: a start that cannot be says why") {
  const auto complaint = [](const OptionTexts& more, bool has_library = true) {
    TlsListening listening(more);
    if (!has_library) listening.process.network.tls = nullptr;
    const auto started = listening.process.start();
    REQUIRE_FALSE(started.has_value());
    listening.process.stop();
    return started.error().text;
  };
  CHECK(complaint({{"tls.ca_file", "/none.pem"}}).starts_with("/none.pem: "));
  CHECK(complaint({}, false) == "the address asks for TLS, but this platform has none");
}
