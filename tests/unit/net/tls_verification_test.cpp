// Goal: a peer is accepted exactly when its certificate passes every check that was configured, and
// what is wrong is said in words.
// Method: certificates that are wrong in one way each, clocks that are right, wrong or not set.
#include <string>

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "tests/support/tls_pair.hpp"

using namespace runnel;
using namespace runnel::test;

namespace {

struct Lines final : LogOutput {
  Lines() : before(log_output) { log_output = this; }
  ~Lines() override { log_output = before; }
  void write(Level, std::string_view component, std::string_view text) override {
    all.push_back(std::string(component) + ": " + std::string(text));
  }
  void status(std::string_view) override {}
  std::vector<std::string> all;
  LogOutput* before;
};

net::TlsFiles server_with(const char* certificate) { return {"", certificate, pem::ec_leaf_key}; }

void check_refused(TlsPair& pair, std::string_view reason, std::string_view name = {}) {
  pair.shake(name);
  CHECK_FALSE(pair.shaken());
  CHECK(pair.client_outcome.error == Error::access);
  CHECK(pair.client.session->reason() == reason);
  // The server learns it from an alert.
  CHECK(pair.server_outcome.error == Error::access);
  CHECK(pair.server.session->reason().starts_with("the peer refuses: "));
  pair.end();
  CHECK(pair.client.session->used_bytes() == 0);
}

void check_accepted(TlsPair& pair, std::string_view name = {}) {
  pair.shake(name);
  CHECK(pair.shaken());
  CHECK(pair.client.session->reason() == "");
  pair.end();
}

}  // namespace

TEST_CASE("tls: names and addresses that a certificate is for") {
  TlsPair pair;
  for (const char* name : {"server.test", "SERVER.test", "server.test.", "a.wild.test", "192.0.2.7",
                           "2001:db8::7", "2001:DB8:0:0::7"})
    check_accepted(pair, name);
  check_refused(pair, "the certificate is not for 'other.test'", "other.test");
  check_refused(pair, "the certificate is not for 'a.b.wild.test'", "a.b.wild.test");
  check_refused(pair, "the certificate is not for 'wild.test'", "wild.test");
  check_refused(pair, "the certificate is not for '192.0.2.8'", "192.0.2.8");
  check_refused(pair, "the certificate is not for '2001:db8::8'", "2001:db8::8");
}

TEST_CASE("tls: what cannot be a name is no name to connect to") {
  TlsPair pair;
  for (const std::string& name :
       {std::string("a b"), std::string("a\0b", 3), std::string("a\n"), std::string(254, 'a')}) {
    CHECK(pair.client.session->begin(name).error() == Error::malformed);
    CHECK(pair.client.session->reason() != "");
    pair.end();
  }
  auto nameless = client_settings();
  nameless.server_name = "";
  TlsPair without(nameless, ec_client(), server_settings(), ec_server());
  CHECK(without.client.session->begin({}).error() == Error::malformed);
  check_accepted(without, "server.test");
}

TEST_CASE("tls: dates, by the clock of whoever asks") {
  TlsPair expired(client_settings(), ec_client(), server_settings(), server_with(pem::ec_expired));
  check_refused(expired, "the certificate expired on 2021-02-03");
  expired.world.now = TlsWorld::year(2020) + std::chrono::hours(24 * 30);
  check_accepted(expired);

  TlsPair future(client_settings(), ec_client(), server_settings(), server_with(pem::ec_future));
  check_refused(future, "the certificate is not valid before 2098-02-03");
  // Past 2038, where 32 bits of seconds end.
  future.world.now = TlsWorld::year(2099);
  check_accepted(future);
  future.world.now = TlsWorld::year(2101);
  check_refused(future,
                "an authority's certificate expired on 2099-12-31; the certificate expired on "
                "2099-12-31");
}

TEST_CASE("tls: the last second of a certificate is still good, the next one is not") {
  const WallTime end{std::chrono::seconds(1'612'325'106)};  // 2021-02-03T04:05:06Z
  for (const bool late : {false, true}) {
    TlsPair pair(client_settings(), ec_client(), server_settings(), server_with(pem::ec_expired));
    pair.world.now = end + (late ? std::chrono::seconds(1) : std::chrono::seconds(0));
    if (late)
      check_refused(pair, "the certificate expired on 2021-02-03");
    else
      check_accepted(pair);
  }
}

TEST_CASE("tls: a clock that is not set, accept: dates are ignored until it is, said once") {
  Lines lines;
  TlsPair expired(client_settings(), ec_client(), server_settings(), server_with(pem::ec_expired));
  expired.world.now = TlsWorld::year(1970);
  check_accepted(expired);
  check_accepted(expired);
  REQUIRE(lines.all.size() == 1);
  CHECK(lines.all[0] ==
        "sinks.test: tls: the clock is not set: dates of certificates are not checked until it is "
        "(clock_unset = \"accept\")");
  // Nothing else is ignored.
  check_refused(expired, "the certificate is not for 'other.test'", "other.test");
  check_accepted(expired);
  // And a session from then is not taken up again.
  expired.world.now = TlsWorld::year(2026);
  check_refused(expired, "the certificate expired on 2021-02-03");
}

TEST_CASE("tls: a clock that is not set, wait: no handshake until it is") {
  auto settings = client_settings();
  settings.clock_unset = net::ClockUnset::wait;
  TlsPair pair(settings, ec_client(), server_settings(), ec_server());
  pair.world.now = TlsWorld::year(1970);
  CHECK(pair.client.session->begin({}).error() == Error::not_available);
  CHECK(pair.client.session->reason() ==
        "the clock is not set yet, and certificates have dates (clock_unset = \"wait\")");
  pair.world.now = TlsWorld::year(2026);
  check_accepted(pair);
  // Who checks nothing need not wait.
  settings.insecure_skip_verify = true;
  TlsPair careless(settings, {}, server_settings(), ec_server());
  careless.world.now = TlsWorld::year(1970);
  check_accepted(careless);
}

TEST_CASE("tls: unknown authorities, and several things wrong at once") {
  TlsPair unknown(client_settings(), {pem::ec_other, "", ""}, server_settings(), ec_server());
  check_refused(unknown, "unknown authority 'CN=Runnel test root EC'");
  TlsPair both(client_settings(), {pem::ec_other, "", ""}, server_settings(),
               server_with(pem::ec_expired));
  check_refused(both,
                "the certificate expired on 2021-02-03; unknown authority 'CN=Runnel test root "
                "EC'; the certificate is not for 'x.test'",
                "x.test");
  // The certificate in between is missing.
  TlsPair broken_chain(client_settings(), rsa_client(), server_settings(),
                       {"", pem::rsa_server, pem::rsa_leaf_key});
  check_refused(broken_chain, "unknown authority 'CN=Runnel test middle RSA'");
  // Either of several authorities will do.
  TlsPair several(client_settings(),
                  {std::string(pem::ec_other) + pem::rsa_root + pem::ec_root, "", ""},
                  server_settings(), ec_server());
  check_accepted(several);
}

TEST_CASE("tls: insecure_skip_verify takes any certificate and needs no authorities") {
  auto settings = client_settings();
  settings.insecure_skip_verify = true;
  settings.ca_file = "";
  for (const char* certificate : {pem::ec_server, pem::ec_expired, pem::ec_future}) {
    TlsPair pair(settings, {}, server_settings(), server_with(certificate));
    REQUIRE(pair.client.problem == "");
    CHECK(pair.client.context_room.bytes().size() < 16 * 1024);
    check_accepted(pair);
    check_accepted(pair, "other.test");
  }
}

TEST_CASE("tls: a server that has authorities wants a certificate from them") {
  auto server = server_settings();
  server.ca_file = "/clients.pem";
  net::TlsFiles server_files = ec_server();
  server_files.authorities = pem::ec_root;
  auto client = client_settings();

  TlsPair without(client, ec_client(), server, server_files);
  without.shake();
  CHECK(without.server_outcome.error == Error::access);
  CHECK(without.server.session->reason() == "no certificate was shown");
  CHECK_FALSE(without.client_outcome.done);
  without.end();

  client.certificate_file = "/client.pem";
  client.key_file = "/client.key";
  TlsPair with(client, {pem::ec_root, pem::ec_client, pem::ec_leaf_key}, server, server_files);
  with.shake();
  CHECK(with.server.session->peer_name() == "client.test");
  CHECK(with.client.session->peer_name() == "server.test");
  with.end();
  check_accepted(with);
  with.shake();
  CHECK(with.server.session->resumed());
  CHECK(with.server.session->peer_name() == "client.test");
  with.end();

  // Authorities decide, not that there is a certificate.
  TlsPair foreign(client,
                  {pem::ec_root, std::string(pem::rsa_client) + pem::rsa_middle, pem::rsa_leaf_key},
                  server, server_files);
  foreign.shake();
  CHECK(foreign.server_outcome.error == Error::access);
  CHECK(foreign.server.session->reason() == "unknown authority 'CN=Runnel test root RSA'");
  foreign.end();
  TlsPair wrong_kind(client, {pem::ec_root, pem::ec_server, pem::ec_leaf_key}, server,
                     server_files);
  wrong_kind.shake();
  CHECK(wrong_kind.server.session->reason() == "the certificate is not meant for clients");
  wrong_kind.end();
}

TEST_CASE("tls: a chain that does not fit ends the handshake as no_memory, and leaves nothing") {
  std::string chain = pem::rsa_server;
  for (int each = 0; each < 13; ++each) chain += pem::rsa_middle;
  TlsPair pair(client_settings(), rsa_client(), server_settings(), {"", chain, pem::rsa_leaf_key});
  REQUIRE(pair.server.problem == "");
  for (int round = 0; round < 3; ++round) {
    pair.shake();
    CHECK(pair.client_outcome.error == Error::no_memory);
    CHECK(pair.client.session->reason().starts_with("a handshake that needs more memory"));
    pair.end();
    CHECK(pair.client.session->used_bytes() == 0);
  }
}

TEST_CASE("tls: what cannot be started with is told by its file") {
  struct Case {
    net::TlsFiles files;
    const char* problem;
  };
  auto settings = server_settings();
  settings.ca_file = "/clients.pem";
  const std::string root = pem::ec_root, own = pem::ec_server, key = pem::ec_leaf_key;
  const Case cases[] = {
      {{"", own, key},
       "/clients.pem: cannot be read as PEM: not a certificate, or a damaged one (mbedTLS "
       "-0x2180)"},
      {{"nonsense", own, key},
       "/clients.pem: cannot be read as PEM: not a certificate, or a damaged one (mbedTLS "
       "-0x2180)"},
      {{root, key, key},
       "/own.pem: cannot be read as PEM: not a certificate, or a damaged one (mbedTLS -0x2180)"},
      {{root, own, own}, "/own.key: cannot be read as PEM: not a private key (mbedTLS -0x3d00)"},
      {{root, own, pem::rsa_leaf_key}, "/own.key: not the key of the certificate in /own.pem"},
  };
  for (const Case& each : cases) {
    mbedtls::Library library;
    TlsWorld world;
    const TlsParty party(library, world, settings, each.files);
    CHECK(party.problem == each.problem);
  }
  // Whatever it is that there was no room for.
  for (int count = 60; count < 110; ++count) {
    std::string many;
    for (int each = 0; each < count; ++each) many += root;
    auto small = client_settings();
    small.ca_memory_bytes = 16 * 1024;
    mbedtls::Library library;
    TlsWorld world;
    const TlsParty party(library, world, small, {many, "", ""});
    CHECK(party.problem ==
          "/roots.pem: too much for the memory planned for TLS: raise ca_memory, or name a file "
          "with only the certificates that are needed");
  }
}

TEST_CASE("tls: what a sink plans") {
  auto settings = client_settings();
  CHECK(net::tls_context_bytes(settings) + net::tls_session_bytes == 132 * 1024);
  settings.certificate_file = "/own.pem";
  CHECK(net::tls_context_bytes(settings) + net::tls_session_bytes == 172 * 1024);
  settings = client_settings();
  settings.ca_file = "";
  CHECK(net::tls_context_bytes(settings) + net::tls_session_bytes == 708 * 1024);
}

TEST_CASE("tls: settings that cannot be are refused before any file is read") {
  const auto refused = [](const net::TlsSettings& settings) {
    const auto checked = net::check_tls(settings);
    return checked ? std::string() : checked.error().text;
  };
  CHECK(refused(client_settings()) == "");
  CHECK(refused(server_settings()) == "");
  auto settings = client_settings();
  settings.minimum_version = net::TlsVersion::tls_1_3;
  CHECK(refused(settings).starts_with("minimum version 1.3: "));
  settings = client_settings();
  settings.key_file = "/k";
  CHECK(refused(settings) == "a certificate needs its key, and a key its certificate");
  settings = client_settings();
  settings.role = net::TlsRole::server;
  CHECK(refused(settings) == "a TLS server needs a certificate and its key");
  settings = client_settings();
  settings.alpn = {std::string(256, 'a')};
  CHECK(refused(settings) != "");
  settings.alpn = {std::string(255, 'a'), std::string(255, 'b')};
  CHECK(refused(settings) == "");
  settings.alpn.push_back("c");
  CHECK(refused(settings) != "");
  settings = client_settings();
  settings.ca_memory_bytes = 961 * 1024;
  CHECK(refused(settings) != "");
}
