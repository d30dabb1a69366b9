// Goal: addresses to listen on are read as people write them, and every mistake is answered with
// what to write instead. Method: a table of texts, right and wrong; the option checks around them.
#include "sources/listening/listen_address.hpp"

#include <string>

#include <doctest/doctest.h>

#include "sources/listening/listener.hpp"
#include "sources/syslog/syslog.hpp"
#include "sources/tcp/tcp.hpp"
#include "sources/udp/udp.hpp"

using namespace runnel;
using namespace runnel::sources;

namespace {

std::string written(const tl::expected<ListenAddress, std::string>& where) {
  return where ? concat(*where) : "refused: " + where.error();
}

std::string complaint(const pipeline::SourceType& type, std::vector<std::string> listen,
                      std::string_view option = {}, std::string_view text = {}) {
  pipeline::OptionValues values;
  values.set("listen", std::move(listen));
  for (const pipeline::Option& each : type.options)
    if (each.name == option) values.set(option, pipeline::parse_option(each, text).value());
  pipeline::fill_standard(type.options, values);
  const auto plan = type.plan(values);
  return plan ? "" : plan.error().option + " " + plan.error().text;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("listen address: what is understood") {
  CHECK(written(parse_listen("127.0.0.1:5170", Transports::tcp)) == "tcp://127.0.0.1:5170");
  CHECK(written(parse_listen("127.0.0.1:5170", Transports::udp)) == "udp://127.0.0.1:5170");
  CHECK(written(parse_listen("tcp://[::1]:0", Transports::tcp)) == "tcp://[::1]:0");
  CHECK(written(parse_listen("udp://0.0.0.0:514", Transports::both)) == "udp://0.0.0.0:514");
  CHECK(written(parse_listen("tcp://[::]:65535", Transports::both)) == "tcp://[::]:65535");
  CHECK(written(parse_listen("tls://[::]:6514", Transports::both)) == "tls://[::]:6514");
  CHECK(written(parse_listen("tls://127.0.0.1:6514", Transports::tcp)) == "tls://127.0.0.1:6514");
  CHECK(written(parse_listen("unix:/run/x.sock", Transports::tcp)) == "unix:/run/x.sock");
  CHECK(written(parse_listen("unix:///run/x.sock", Transports::both)) == "unix:/run/x.sock");
  CHECK(written(parse_listen("unixgram:/dev/log", Transports::both)) == "unixgram:/dev/log");
  CHECK(written(parse_listen("unixgram:/dev/log", Transports::udp)) == "unixgram:/dev/log");
}

TEST_CASE("listen address: every mistake is answered with what to write") {
  struct Mistake {
    std::string_view text;
    Transports allowed;
    std::string_view answer;
  };
  const Mistake mistakes[] = {
      {"127.0.0.1", Transports::tcp, "has no port: write for example \"127.0.0.1:5170\""},
      {"[::1]", Transports::tcp, "has no port"},
      {"", Transports::tcp, "has no port"},
      {":5170", Transports::tcp, "write \"0.0.0.0:5170\""},
      {"*:5170", Transports::tcp, "write \"0.0.0.0:5170\""},
      {"localhost:5170", Transports::tcp, "not a numeric address such as \"127.0.0.1:5170\""},
      {"::1:5170", Transports::tcp, "\"[::1]:5170\""},
      {"127.0.0.1:70000", Transports::tcp, "is not a port"},
      {"127.0.0.1:-1", Transports::tcp, "is not a port"},
      {"127.0.0.1:", Transports::tcp, "is not a port"},
      {"127.0.0.1:514x", Transports::tcp, "is not a port"},
      {"http://127.0.0.1:80", Transports::tcp, "begins with \"http://\""},
      {"ssl://127.0.0.1:80", Transports::both, "udp://, tcp://, tls://, unix: and unixgram:"},
      {"tls://localhost:6514", Transports::tcp, "not a numeric address"},
      {"tls://127.0.0.1:5170", Transports::udp, "listens on udp only"},
      {"udp://127.0.0.1:5170", Transports::tcp, "listens on tcp only"},
      {"tcp://127.0.0.1:5170", Transports::udp, "listens on udp only"},
      {"127.0.0.1:5514", Transports::both, "write \"udp://127.0.0.1:5514\""},
      {"tcp://", Transports::both, "has no port"},
      {"unix:", Transports::tcp, "without a path"},
      {"unix:x.sock", Transports::tcp, "\"x.sock\" is not an absolute path"},
      {"unix:/run/", Transports::tcp, "is a folder"},
      {"unix:/run/a\tb", Transports::tcp, "has a control character"},
      {"/run/x.sock", Transports::tcp, "is a path: write \"unix:/run/x.sock\""},
      {"/run/x.sock", Transports::udp, "is a path: write \"unixgram:/run/x.sock\""},
      {"unixgram:/x", Transports::tcp, "takes streams: write \"unix:/x\""},
      {"unix:/x", Transports::udp, "takes datagrams: write \"unixgram:/x\""},
  };
  for (const Mistake& mistake : mistakes) {
    CAPTURE(std::string(mistake.text));
    const auto where = parse_listen(mistake.text, mistake.allowed);
    REQUIRE_FALSE(where.has_value());
    CHECK_MESSAGE(has(where.error(), mistake.answer), where.error());
  }
}

TEST_CASE("listen address: two exclude each other when the kernel would refuse the second") {
  struct Pair {
    std::string_view one, other;
    bool exclude;
  };
  const Pair pairs[] = {
      {"tcp://127.0.0.1:5170", "tcp://127.0.0.1:5170", true},
      {"udp://[::1]:5170", "udp://[::1]:5170", true},
      {"tcp://127.0.0.1:5170", "udp://127.0.0.1:5170", false},
      {"tcp://127.0.0.1:5170", "tcp://127.0.0.1:5171", false},
      {"tcp://127.0.0.1:5170", "tls://127.0.0.1:5170", true},
      {"tls://127.0.0.1:5170", "udp://127.0.0.1:5170", false},
      {"tcp://127.0.0.1:5170", "tcp://127.0.0.2:5170", false},
      {"tcp://127.0.0.1:0", "tcp://127.0.0.1:0", false},
      {"tcp://0.0.0.0:0", "tcp://127.0.0.1:0", false},
      {"tcp://0.0.0.0:5170", "tcp://127.0.0.1:5170", true},
      {"tcp://0.0.0.0:5170", "tcp://127.0.0.1:5171", false},
      {"udp://0.0.0.0:5170", "tcp://127.0.0.1:5170", false},
      {"tcp://0.0.0.0:5170", "tcp://[::1]:5170", false},
      {"tcp://[::]:5170", "tcp://[::1]:5170", true},
      {"udp://[::]:5170", "udp://127.0.0.1:5170", true},
      {"tcp://[::]:5170", "tcp://0.0.0.0:5170", true},
      {"unix:/run/x", "unix:///run/x", true},
      {"unix:/run/x", "unixgram:/run/x", true},
      {"unix:/run/x", "unix:/run/y", false},
      {"unix:/run/x", "tcp://0.0.0.0:0", false},
  };
  for (const Pair& pair : pairs) {
    CAPTURE(std::string(pair.one));
    CAPTURE(std::string(pair.other));
    const auto one = parse_listen(pair.one, Transports::both).value();
    const auto other = parse_listen(pair.other, Transports::both).value();
    CHECK(exclude_each_other(one, other) == pair.exclude);
    CHECK(exclude_each_other(other, one) == pair.exclude);
  }
}

TEST_CASE("listen option: none, too many, twice") {
  CHECK(has(complaint(tcp_type, {}), "listen is empty"));
  CHECK(complaint(tcp_type, std::vector<std::string>(8, "127.0.0.1:0")).empty());
  CHECK(has(complaint(tcp_type, std::vector<std::string>(9, "127.0.0.1:0")), "takes 8"));
  CHECK(has(complaint(tcp_type, {"127.0.0.1:1", "tcp://127.0.0.1:1"}), "twice"));
  CHECK(has(complaint(tcp_type, {"0.0.0.0:1", "127.0.0.1:1"}),
            "has tcp://0.0.0.0:1 and tcp://127.0.0.1:1; give each its own"));
  CHECK(complaint(syslog_type, {"udp://127.0.0.1:514", "tcp://127.0.0.1:514"}).empty());
  CHECK(has(complaint(syslog_type, {"127.0.0.1:514"}), "does not say how"));
}

TEST_CASE("listening options: combinations that cannot be") {
  CHECK(has(complaint(tcp_type, {"127.0.0.1:1"}, "buffers", "33"), "not a power of two"));
  CHECK(
      has(complaint(udp_type, {"127.0.0.1:1"}, "peer_header", std::string(65, 'p')), "at most 64"));
  CHECK(has(complaint(tcp_type, {"127.0.0.1:1"}, "peer_header", "tls_peer"),
            "the header of the certificate's name"));
  CHECK(complaint(tcp_type, {"127.0.0.1:1"}, "event_bytes_max", "16MiB").empty());
  CHECK(complaint(tcp_type, {"127.0.0.1:1"}, "connections_max", "4096").empty());
}

TEST_CASE("listening options: the mode of a socket is octal, and needs a socket") {
  for (const std::string_view mode : {"0660", "660", "0600", "0777", "000"})
    CHECK(complaint(tcp_type, {"unix:/run/x"}, "socket_mode", mode).empty());
  for (const std::string_view mode : {"", "66", "1777", "00660", "0668", "rw", "-660", "0x1ff"})
    CHECK(has(complaint(tcp_type, {"unix:/run/x"}, "socket_mode", mode),
              "which is no mode such as \"0660\""));
  CHECK(has(complaint(udp_type, {"127.0.0.1:1"}, "socket_mode", "0666"),
            "socket_mode is set, but nothing in listen begins with unix"));
}

TEST_CASE("listening options: TLS needs its certificate, and its options need TLS") {
  for (const auto* type : {&tcp_type, &syslog_type}) {
    const std::string none = complaint(*type, {"tls://127.0.0.1:6514"});
    CHECK(has(none, "tls.certificate_file and tls.key_file: a TLS server needs a certificate"));
    CHECK(has(complaint(*type, {"tcp://127.0.0.1:1"}, "tls.ca_file", "/a.pem"),
              "tls.ca_file is set, but TLS is not used: nothing in listen begins with tls://"));
    CHECK(has(complaint(*type, {"tcp://127.0.0.1:1"}, "tls.connections_max", "8"),
              "tls.connections_max is set"));
  }
}

TEST_CASE("listening: memory is planned for what is listened on") {
  const auto planned = [](std::vector<std::string> listen) {
    pipeline::OptionValues values;
    if (listen.back().starts_with("tls")) {
      values.set("tls.certificate_file", std::string("/own.pem"));
      values.set("tls.key_file", std::string("/own.key"));
    }
    values.set("listen", std::move(listen));
    pipeline::fill_standard(syslog_type.options, values);
    auto plan = syslog_type.plan(values).value();
    Region region = Region::measuring();
    CHECK(plan->build(region, nullptr) == nullptr);
    CHECK(region.handles() > 0);
    return region.used();
  };
  const std::size_t udp = planned({"udp://127.0.0.1:1"});
  const std::size_t tcp = planned({"tcp://127.0.0.1:1"});
  const std::size_t both = planned({"udp://127.0.0.1:1", "tcp://127.0.0.1:1"});
  CHECK(udp > 64 * 8 * 1024);
  CHECK(tcp > 32 * 16 * 1024 + 64 * 2 * 1024 + 8 * 8 * 1024);
  CHECK(both > udp + tcp - 64 * 1024);
  const std::size_t tls = planned({"tls://127.0.0.1:1"});
  const std::size_t with_tls = planned({"tcp://127.0.0.1:1", "tls://127.0.0.1:2"});
  CHECK(tls > 16 * 62 * 1024 + 52 * 1024);
  CHECK(tls < 16 * 64 * 1024 + 52 * 1024 + 8 * 8 * 1024 + 64 * 1024);
  CHECK(with_tls > tcp + 16 * 62 * 1024);
}

TEST_CASE("listen problems: one line with the address, the reason and the remedy") {
  const ListenAddress low{io::Transport::udp, io::parse_address("0.0.0.0:514").value()};
  const ListenAddress high{io::Transport::udp, io::parse_address("0.0.0.0:5514").value()};
  CHECK(has(listen_problem(low, Error::access).text, "AmbientCapabilities=CAP_NET_BIND_SERVICE"));
  CHECK(has(listen_problem(low, Error::access).text, "udp://0.0.0.0:514"));
  CHECK_FALSE(has(listen_problem(high, Error::access).text, "setcap"));
  CHECK(has(listen_problem(high, Error::in_use).text, "another process listens there"));
  CHECK(has(listen_problem(high, Error::not_available).text, "not on this machine"));
  CHECK(has(listen_problem(high, Error::unsupported).text, describe(Error::unsupported)));
  const ListenAddress local = parse_listen("unix:/run/x.sock", Transports::tcp).value();
  CHECK(
      has(listen_problem(local, Error::in_use).text, "cannot listen on unix:/run/x.sock: another"));
  CHECK(has(listen_problem(local, Error::exists).text, "a file that is no socket"));
  CHECK(has(listen_problem(local, Error::not_found).text, "its folder is not there"));
  CHECK(has(listen_problem(local, Error::access).text, "RuntimeDirectory="));
  CHECK(has(listen_problem(local, Error::not_folder).text, "a part of the path is not a folder"));
}
