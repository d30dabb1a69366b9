// Goal: two TLS sessions agree, carry bytes both ways, end in order, and stay within their arenas,
// however the wire cuts what they say.
// Method: client and server in one process with a wire between them; certificates made by
// tests/support/tls_certificates.sh.
#include <string>

#include <doctest/doctest.h>

#include "tests/support/tls_pair.hpp"

using namespace runnel;
using namespace runnel::test;

namespace {

std::string text_of(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  std::minstd_rand random(seed + 1);
  for (char& each : text) each = static_cast<char>(random());
  return text;
}

void check_both_ways(TlsPair& pair, std::size_t size) {
  Error error = Error::none;
  const std::string question = text_of(size, 1), answer = text_of(size, 2);
  REQUIRE(TlsPair::say(*pair.client.session, question, pair.to_server) == Error::none);
  CHECK(pair.hear(*pair.server.session, pair.to_server, error) == question);
  CHECK(error == Error::none);
  REQUIRE(TlsPair::say(*pair.server.session, answer, pair.to_client) == Error::none);
  CHECK(pair.hear(*pair.client.session, pair.to_client, error, 100) == answer);
  CHECK(error == Error::none);
}

constexpr std::size_t planned = 56 * 1024;

}  // namespace

TEST_CASE("tls: a handshake, and bytes of every size both ways") {
  TlsPair pair;
  REQUIRE(pair.client.problem == "");
  REQUIRE(pair.server.problem == "");
  pair.shake();
  REQUIRE(pair.shaken());
  CHECK(pair.client.session->version() == "TLSv1.2");
  CHECK(pair.client.session->cipher() == pair.server.session->cipher());
  CHECK_FALSE(pair.client.session->resumed());
  CHECK(pair.client.session->alpn() == "");
  CHECK(pair.client.session->reason() == "");
  for (const std::size_t size :
       {1u, 2u, 100u, 1023u, 1024u, 1025u, 16383u, 16384u, 16385u, 100'000u})
    check_both_ways(pair, size);
  pair.end();
}

TEST_CASE("tls: whatever pieces the wire makes of it") {
  TlsPair ec;
  TlsPair rsa(client_settings(), rsa_client(), server_settings(), rsa_server());
  for (std::size_t piece :
       {1u, 2u, 3u, 4u, 5u, 6u, 7u, 64u, 1000u, 1023u, 1024u, 1025u, 1400u, 16384u}) {
    CAPTURE(piece);
    for (TlsPair* pair : {&ec, &rsa}) {
      pair->piece = piece;
      pair->shake();
      REQUIRE(pair->shaken());
      check_both_ways(*pair, 5000);
      check_both_ways(*pair, 33'000);
      pair->end();
    }
  }
}

TEST_CASE("tls: a session is taken up again, in a shorter handshake, for a day") {
  TlsPair pair;
  pair.shake();
  REQUIRE(pair.shaken());
  pair.end();
  for (int again = 0; again < 3; ++again) {
    pair.shake();
    REQUIRE(pair.shaken());
    CHECK(pair.client.session->resumed());
    CHECK(pair.server.session->resumed());
    check_both_ways(pair, 1000);
    pair.end();
    pair.world.now += std::chrono::hours(7);
  }
  // Age counts from when certificates were looked at, not from the last time it was taken up.
  pair.world.now += std::chrono::hours(4);
  pair.shake();
  REQUIRE(pair.shaken());
  CHECK_FALSE(pair.client.session->resumed());
  pair.end();
  // A clock that was set back.
  pair.world.now -= std::chrono::hours(48);
  pair.shake();
  REQUIRE(pair.shaken());
  CHECK_FALSE(pair.client.session->resumed());
  pair.end();
  // For another name.
  pair.shake("a.wild.test");
  REQUIRE(pair.shaken());
  CHECK_FALSE(pair.client.session->resumed());
  pair.end();
  pair.shake("a.wild.test");
  CHECK(pair.client.session->resumed());
  pair.end();
}

TEST_CASE("tls: a server that was restarted does not know the ticket: from the beginning") {
  TlsPair before;
  TlsPair after;
  before.shake();
  REQUIRE(before.shaken());
  before.end();
  after.world.random.seed(2);
  std::swap(before.server.session, after.server.session);
  before.shake();
  REQUIRE(before.shaken());
  CHECK_FALSE(before.client.session->resumed());
  before.end();
  std::swap(before.server.session, after.server.session);
}

TEST_CASE("tls: keys of tickets change every day, and the one before is still good") {
  TlsPair pair;
  TlsParty late(pair.library, pair.world, client_settings(), ec_client());
  pair.shake();
  pair.end();
  pair.world.now += std::chrono::hours(20);
  std::swap(pair.client.session, late.session);
  pair.shake();  // a ticket of the first key, 20 hours on
  REQUIRE(pair.shaken());
  pair.end();
  pair.world.now += std::chrono::hours(5);
  std::swap(pair.client.session, late.session);
  pair.shake();  // 25 hours: full, and the server makes its second key
  CHECK_FALSE(pair.client.session->resumed());
  pair.end();
  std::swap(pair.client.session, late.session);
  pair.shake();
  REQUIRE(pair.shaken());
  CHECK(pair.client.session->resumed());
  pair.end();
  std::swap(pair.client.session, late.session);
  for (int day = 0; day < 40; ++day) {
    pair.world.now += std::chrono::hours(25);
    pair.shake();
    REQUIRE(pair.shaken());
    CHECK_FALSE(pair.client.session->resumed());
    pair.end();
  }
}

TEST_CASE("tls: an application protocol is agreed on") {
  auto client = client_settings();
  auto server = server_settings();
  client.alpn = {"h2", "http/1.1"};
  server.alpn = {"mqtt", "http/1.1"};
  TlsPair pair(client, ec_client(), server, ec_server());
  pair.shake();
  REQUIRE(pair.shaken());
  CHECK(pair.client.session->alpn() == "http/1.1");
  CHECK(pair.server.session->alpn() == "http/1.1");
  pair.end();

  server.alpn = {"mqtt"};
  TlsPair nothing(client, ec_client(), server, ec_server());
  nothing.shake();
  CHECK(nothing.client_outcome.error == Error::unsupported);
  CHECK(nothing.client.session->reason() ==
        "the peer refuses: no application protocol in common (alert 120)");
  nothing.end();
}

TEST_CASE("tls: a goodbye ends one direction, and the other goes on") {
  TlsPair pair;
  pair.shake();
  REQUIRE(TlsPair::say(*pair.client.session, "last words", pair.to_server) == Error::none);
  REQUIRE(pair.client.session->close_notify().ok());
  TlsPair::send(*pair.client.session, pair.to_server);
  Error error = Error::none;
  CHECK(pair.hear(*pair.server.session, pair.to_server, error) == "last words");
  CHECK(error == Error::closed);
  REQUIRE(TlsPair::say(*pair.server.session, "heard", pair.to_client) == Error::none);
  CHECK(pair.hear(*pair.client.session, pair.to_client, error) == "heard");
  CHECK(error == Error::none);
  pair.end();
}

TEST_CASE("tls: every byte of a record that is changed is noticed") {
  std::size_t size = 1;
  for (std::size_t at = 0; at < size; ++at) {
    CAPTURE(at);
    TlsPair pair;
    pair.shake();
    REQUIRE(TlsPair::say(*pair.client.session, "hello", pair.to_server) == Error::none);
    size = pair.to_server.size();
    REQUIRE(size > 5 + 16);
    pair.to_server[at] = static_cast<char>(pair.to_server[at] ^ 1);
    Error error = Error::none;
    CHECK(pair.hear(*pair.server.session, pair.to_server, error) == "");
    // A length that is larger only waits for the rest.
    if (at == 3 || (at == 4 && error == Error::none)) continue;
    CHECK(error == Error::malformed);
    CHECK(pair.server.session->reason() != "");
    pair.end();
  }
}

TEST_CASE("tls: reading while something is outgoing leaves it alone") {
  TlsPair pair;
  pair.shake();
  const auto taken = pair.client.session->encrypt(as_bytes("outgoing for a while"));
  REQUIRE(taken.has_value());
  const std::string before(as_text(pair.client.session->outgoing()));
  check_both_ways(pair, 0);
  REQUIRE(TlsPair::say(*pair.server.session, text_of(40'000, 3), pair.to_client) == Error::none);
  Error error = Error::none;
  CHECK(pair.hear(*pair.client.session, pair.to_client, error) == text_of(40'000, 3));
  CHECK(as_text(pair.client.session->outgoing()) == before);
  TlsPair::send(*pair.client.session, pair.to_server);
  CHECK(pair.hear(*pair.server.session, pair.to_server, error) == "outgoing for a while");
  pair.end();
}

TEST_CASE("tls: a hundred handshakes leave nothing behind in any arena") {
  auto client = client_settings();
  auto server = server_settings();
  client.certificate_file = "/c.pem";
  client.key_file = "/c.key";
  server.ca_file = "/clients.pem";
  net::TlsFiles client_files = rsa_client(), server_files = rsa_server();
  client_files.certificate = std::string(pem::rsa_client) + pem::rsa_middle;
  client_files.key = pem::rsa_leaf_key;
  server_files.authorities = pem::rsa_root;
  TlsPair pair(client, client_files, server, server_files);
  REQUIRE(pair.client.problem == "");
  REQUIRE(pair.server.problem == "");
  // Both keys of tickets have been in use then.
  for (int day = 0; day < 2; ++day) {
    pair.shake();
    pair.end();
    pair.world.now += std::chrono::hours(25);
  }
  const std::size_t client_context = pair.client.context->used_bytes();
  const std::size_t server_context = pair.server.context->used_bytes();
  for (int round = 0; round < 100; ++round) {
    // Mostly in full: no client certificate fits a session that is kept for a day and more.
    if (round % 4 != 0) pair.world.now += std::chrono::hours(25);
    pair.shake();
    REQUIRE(pair.shaken());
    check_both_ways(pair, 20'000);
    pair.end();
    REQUIRE(pair.client.session->used_bytes() == 0);
    REQUIRE(pair.server.session->used_bytes() == 0);
  }
  MESSAGE("arena: client ", pair.client.session->peak_bytes(), ", server ",
          pair.server.session->peak_bytes(), "; context: client ", client_context, ", server ",
          server_context);
  static_assert(net::tls_session_bytes <= planned);
  CHECK(pair.client.session->peak_bytes() <= planned);
  CHECK(pair.server.session->peak_bytes() <= planned);
  // What a key caches is there from the beginning; numbers that are shorter by chance make the
  // rest.
  CHECK(pair.client.context->used_bytes() <= client_context + 1024);
  CHECK(pair.server.context->used_bytes() <= server_context + 1024);
}

TEST_CASE("tls: a session that ends in the middle of its handshake leaves nothing") {
  TlsPair pair;
  for (int steps = 0; steps < 40; ++steps) {
    TlsPair::Outcome client, server;
    REQUIRE(pair.client.session->begin({}).ok());
    REQUIRE(pair.server.session->begin({}).ok());
    pair.to_client.clear();
    pair.to_server.clear();
    for (int step = 0; step < steps; ++step) {
      pair.advance(*pair.client.session, pair.to_client, pair.to_server, client);
      pair.advance(*pair.server.session, pair.to_server, pair.to_client, server);
    }
    pair.end();
    REQUIRE(pair.client.session->used_bytes() == 0);
    REQUIRE(pair.server.session->used_bytes() == 0);
  }
}
