// What we make of a peer's certificates: dates by our own clock, numeric addresses (which mbedTLS
// 2.28 does not look for in a certificate), and words for everything that can be wrong.
#pragma once

#include <cstdint>
#include <string_view>

#include <mbedtls/x509_crt.h>

#include "base/text.hpp"
#include "io/address.hpp"
#include "net/tls.hpp"

namespace runnel::mbedtls {

// Of one handshake.
struct Verification {
  explicit Verification(TextWriter& what_is_wrong) : said(what_is_wrong) {}

  const net::TlsSurroundings* surroundings = nullptr;
  net::TlsRole role = net::TlsRole::client;  // ours
  std::string_view server_name;              // that the certificate must be for; empty: any
  io::Address address;                       // ... when that is numeric; else of no family
  bool dates_ignored = false;                // the clock is not set
  std::uint32_t wrong = 0;                   // MBEDTLS_X509_BADCERT_* of all certificates
  TextWriter& said;                          // what is wrong, for a person
};

// For mbedtls_ssl_set_verify; `verification` is a Verification. Called for each certificate of the
// chain, the authority first.
int verify(void* verification, mbedtls_x509_crt* certificate, int depth, std::uint32_t* wrong);

// Only what is wrong by what the library found itself after that.
void describe_rest(Verification& verification, std::uint32_t wrong);

// As it stands in the certificate: any bytes. Empty: there is none.
std::string_view common_name(const mbedtls_x509_name& subject);

}  // namespace runnel::mbedtls
