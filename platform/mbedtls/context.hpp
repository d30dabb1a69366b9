// One component's share of mbedTLS: its configuration and what sessions share. Lies at the
// beginning of its memory, its arena behind it.
#pragma once

#include <array>

#include <mbedtls/ssl.h>

#include "platform/mbedtls/arena.hpp"
#include "platform/mbedtls/tickets.hpp"

namespace runnel::mbedtls {

class Context final : public net::TlsContext {
 public:
  Context(MutableBytes memory, const net::TlsSettings& settings, net::TlsSurroundings& surroundings,
          net::HandshakePace& pace, const char* owner);
  ~Context() override;

  // Once, before any session.
  Built<void> start(const net::TlsFiles& files);

  net::InPlace<net::TlsSession> make_session(MutableBytes memory) override;
  const net::TlsSettings& settings() const override { return settings_; }
  std::size_t used_bytes() const override { return arena_.peak_bytes(); }

  const mbedtls_ssl_config& config() const { return config_; }
  Arena& arena() { return arena_; }
  // Of our certificate and those behind it: what a handshake sends.
  std::size_t own_chain_bytes() const { return own_chain_bytes_; }
  net::TlsSurroundings& surroundings() { return surroundings_; }
  SavedSession& saved_session() { return saved_session_; }
  // Once for all its sessions.
  void say_that_dates_are_ignored();

 private:
  Built<void> read_authorities(std::string_view pem);
  Built<void> read_own_certificate(const net::TlsFiles& files);
  Built<void> try_key();
  Built<void> configure();
  tl::unexpected<Problem> refuse(std::string_view file, int code);

  const net::TlsSettings& settings_;
  net::TlsSurroundings& surroundings_;
  net::HandshakePace& pace_;
  const char* owner_;
  Arena arena_;
  mbedtls_ssl_config config_;
  mbedtls_x509_crt authorities_;
  mbedtls_x509_crt own_certificate_;
  mbedtls_pk_context own_key_;
  std::size_t own_chain_bytes_ = 0;
  TicketKeys ticket_keys_;
  SavedSession saved_session_;
  std::array<const char*, net::TlsSettings::alpn_count_max + 1> alpn_ = {};  // ends with null
  bool said_that_dates_are_ignored_ = false;
};

}  // namespace runnel::mbedtls
