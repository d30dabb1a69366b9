// Sessions to be taken up again without certificates (RFC 5077). A server seals the session in a
// ticket that the client keeps, under a key that is made anew every day and never leaves the
// process. A client keeps the last session of its context.
//
//   ticket: key name (1) | nanoseconds since 1970 (8) | nonce (12) | sealed session | tag (16)
//
// Neither side takes up a session that is older than a day, or older than the clock: then
// certificates are looked at again.
#pragma once

#include <array>
#include <string_view>

#include <mbedtls/gcm.h>
#include <mbedtls/ssl.h>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "net/tls.hpp"

namespace runnel::mbedtls {

inline constexpr Duration session_age_max = std::chrono::hours(24);

// Of a server's context. Its keys use the context's arena, inside any call.
class TicketKeys {
 public:
  TicketKeys();
  void free();  // at the end, inside a call
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // For mbedtls_ssl_conf_session_tickets_cb, with this as the first argument.
  static int seal(void* keys, const mbedtls_ssl_session* session, unsigned char* start,
                  const unsigned char* end, std::size_t* size, std::uint32_t* lifetime_seconds);
  static int open(void* keys, mbedtls_ssl_session* session, unsigned char* ticket,
                  std::size_t size);

 private:
  struct Key {
    mbedtls_gcm_context gcm;
    WallTime made;
    bool usable = false;
  };
  int make_current(WallTime now);
  int seal_into(const mbedtls_ssl_session& session, MutableBytes room, std::size_t& size);
  int open_from(mbedtls_ssl_session& session, MutableBytes ticket);

  // The one in use, and the one before, whose tickets are still opened.
  std::array<Key, 2> keys_;
  unsigned char current_ = 0;
};

// Of a client's context. Only within a call.
class SavedSession {
 public:
  // `resumed`: certificates were looked at when the session before it began, and so that is its
  // age.
  void save(const mbedtls_ssl_context& ssl, std::string_view server_name, WallTime now,
            bool resumed);
  // Gives it to a connection that has not begun, if there is one that fits.
  void offer(mbedtls_ssl_context& ssl, std::string_view server_name, WallTime now);
  void forget() { size_ = 0; }

 private:
  static constexpr std::size_t bytes_max = 4096;  // a certificate and a ticket; larger: not kept

  std::array<unsigned char, bytes_max> bytes_ = {};
  std::size_t size_ = 0;
  WallTime saved_;
  Text<255> server_name_;
};

}  // namespace runnel::mbedtls
