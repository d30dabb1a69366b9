// Two TLS parties in one process for tests: contexts and sessions in memory of their own, a clock
// and randomness that the test decides, and a wire that carries bytes in pieces of a chosen size.
#pragma once

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "platform/mbedtls/library.hpp"
#include "tests/support/tls_certificates.hpp"

namespace runnel::test {

class TlsWorld final : public net::TlsSurroundings {
 public:
  WallTime wall_clock() const override { return now; }
  bool clock_is_set() const override {
    return now.time_since_epoch() > std::chrono::hours(24 * 18250);
  }
  void entropy(MutableBytes into) override {
    for (std::byte& each : into) each = static_cast<std::byte>(random());
  }
  static WallTime year(int number) {
    return WallTime(std::chrono::hours(24 * 365) * (number - 1970) + std::chrono::hours(24 * 14));
  }

  WallTime now = year(2026);
  std::mt19937 random{1};
};

// 16-aligned, and of exactly this size, so that a sanitizer sees one byte too many.
class Room {
 public:
  explicit Room(std::size_t size) : bytes_(size, std::byte{}) {}
  MutableBytes bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

inline net::TlsSettings client_settings() {
  net::TlsSettings settings;
  settings.server_name = "server.test";
  settings.ca_file = "/roots.pem";
  return settings;
}
inline net::TlsSettings server_settings() {
  net::TlsSettings settings;
  settings.role = net::TlsRole::server;
  settings.certificate_file = "/own.pem";
  settings.key_file = "/own.key";
  return settings;
}
inline net::TlsFiles ec_client() { return {pem::ec_root, "", ""}; }
inline net::TlsFiles ec_server() { return {"", pem::ec_server, pem::ec_leaf_key}; }
inline net::TlsFiles rsa_client() { return {pem::rsa_root, "", ""}; }
inline net::TlsFiles rsa_server() {
  return {"", std::string(pem::rsa_server) + pem::rsa_middle, pem::rsa_leaf_key};
}

// A component with one context and one session.
struct TlsParty {
  TlsParty(mbedtls::Library& library, TlsWorld& world, net::TlsSettings with,
           const net::TlsFiles& files)
      : settings(std::move(with)),
        context_room(net::tls_context_bytes(settings)),
        session_room(net::tls_session_bytes) {
    auto made = library.make_context(context_room.bytes(), settings, files, world, "sinks.test");
    if (!made) {
      problem = made.error().text;
      return;
    }
    context = std::move(*made);
    session = context->make_session(session_room.bytes());
  }

  net::TlsSettings settings;
  Room context_room, session_room;
  std::string problem;  // why there is no context
  net::InPlace<net::TlsContext> context;
  net::InPlace<net::TlsSession> session;
};

struct TlsPair {
  TlsPair(net::TlsSettings client_is, const net::TlsFiles& client_has, net::TlsSettings server_is,
          const net::TlsFiles& server_has)
      : client(library, world, std::move(client_is), client_has),
        server(library, world, std::move(server_is), server_has) {}
  TlsPair() : TlsPair(client_settings(), ec_client(), server_settings(), ec_server()) {}

  // Carries what `from` has to say onto the wire.
  static void send(net::TlsSession& from, std::string& wire) {
    if (from.outgoing().empty()) return;
    wire += as_text(from.outgoing());
    from.sent();
  }
  // At most `piece` bytes off the wire; false when there are none.
  bool receive(net::TlsSession& to, std::string& wire) const {
    if (wire.empty()) return false;
    const MutableBytes into = to.incoming();
    const std::size_t size = std::min({into.size(), wire.size(), piece});
    std::copy_n(as_bytes(wire).begin(), size, into.begin());
    wire.erase(0, size);
    to.received(size);
    return true;
  }

  struct Outcome {
    Error error = Error::none;
    bool done = false;
  };
  // Goes as far as it can; false when nothing moved.
  bool advance(net::TlsSession& session, std::string& in, std::string& out,
               Outcome& outcome) const {
    if (outcome.done || outcome.error != Error::none) return false;
    const auto next = session.handshake();
    if (!next) {
      outcome.error = next.error();
      send(session, out);
      return true;
    }
    if (*next == net::TlsNext::done) outcome.done = true;
    if (*next == net::TlsNext::send) send(session, out);
    return *next != net::TlsNext::receive || receive(session, in);
  }

  // Both begin and shake hands until nothing moves.
  void shake(std::string_view server_name = {}) {
    client_outcome = server_outcome = {};
    to_client.clear();
    to_server.clear();
    client_outcome.error = client.session->begin(server_name).error();
    server_outcome.error = server.session->begin({}).error();
    for (bool moved = true; moved;) {
      moved = advance(*client.session, to_client, to_server, client_outcome);
      moved = advance(*server.session, to_server, to_client, server_outcome) || moved;
    }
  }
  bool shaken() const { return client_outcome.done && server_outcome.done; }
  void end() {
    client.session->end();
    server.session->end();
  }

  // Encrypts all of it onto the wire.
  static Error say(net::TlsSession& from, std::string_view text, std::string& wire) {
    Bytes rest = as_bytes(text);
    while (!rest.empty()) {
      const auto taken = from.encrypt(rest);
      if (!taken) return taken.error();
      rest = rest.subspan(*taken);
      send(from, wire);
    }
    return Error::none;
  }
  // Everything that can be read off the wire; `error` when it ends otherwise than by running dry.
  std::string hear(net::TlsSession& to, std::string& wire, Error& error,
                   std::size_t at_once = 4096) const {
    std::string heard;
    std::vector<std::byte> buffer(at_once);
    for (error = Error::none;;) {
      std::uint32_t size = 0;
      const auto next = to.decrypt(buffer, size);
      if (!next) {
        error = next.error();
        return heard;
      }
      if (*next == net::TlsNext::done) heard += as_text(Bytes(buffer).first(size));
      if (*next == net::TlsNext::receive && !receive(to, wire)) return heard;
      if (*next == net::TlsNext::send) return heard;
    }
  }

  mbedtls::Library library;
  TlsWorld world;
  TlsParty client, server;
  std::string to_client, to_server;  // the wire
  std::size_t piece = SIZE_MAX;
  Outcome client_outcome, server_outcome;
};

}  // namespace runnel::test
