#include "platform/mbedtls/reasons.hpp"

#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>

#include "platform/mbedtls/compatible.hpp"

namespace runnel::mbedtls {
namespace {

// The library adds what a lower layer says to what the upper one does.
int upper_part(int code) { return -(-code & 0x7f80); }

}  // namespace

Reason reason_of(int code) {
  switch (upper_part(code)) {
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
    case MBEDTLS_ERR_SSL_CONN_EOF:
      return {Error::closed, "the peer ended the connection"};
    case MBEDTLS_ERR_SSL_INVALID_MAC:
      return {Error::malformed, "a record fails its check"};
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
      return {Error::malformed, "what the peer sends is not TLS"};
    case bad_hello:
      return {Error::malformed, "what the peer sends is no hello of TLS"};
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
      return {Error::malformed, "the peer sent a message out of turn"};
    case MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE:
      return {Error::unsupported, "the peer wants what is not supported"};
    case bad_certificate:
      return {Error::access, "the certificate is damaged, or cannot be used for this"};
    case bad_version:
    case no_common_cipher:
      return {Error::unsupported, "no version or cipher in common"};
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
      return {Error::access, "the client shows no certificate"};
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
      return {Error::access, "the certificate does not pass the checks"};
    case MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT:
    case MBEDTLS_ERR_X509_INVALID_FORMAT:
      return {Error::malformed, "not a certificate, or a damaged one"};
    case MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT:
      return {Error::malformed, "not PEM"};
    case MBEDTLS_ERR_PK_KEY_INVALID_FORMAT:
      return {Error::malformed, "not a private key"};
    case MBEDTLS_ERR_PK_PASSWORD_REQUIRED:
    case MBEDTLS_ERR_PK_PASSWORD_MISMATCH:
      return {Error::unsupported, "the key is encrypted; it must not be"};
    default:
      return {Error::malformed, "the peer does not follow the protocol"};
  }
}

Reason reason_of_alert(unsigned alert) {
  switch (alert) {
    case 0:
      return {Error::closed, "end of the connection"};
    case 10:
      return {Error::malformed, "unexpected message"};
    case 20:
      return {Error::malformed, "a record fails its check"};
    case 40:
      return {Error::unsupported, "no parameters in common"};
    case 42:
      return {Error::access, "bad certificate"};
    case 43:
      return {Error::access, "unsupported certificate"};
    case 44:
      return {Error::access, "certificate revoked"};
    case 45:
      return {Error::access, "certificate expired"};
    case 46:
      return {Error::access, "certificate not accepted"};
    case 48:
      return {Error::access, "unknown authority"};
    case 49:
      return {Error::access, "access denied"};
    case 47:
      return {Error::malformed, "illegal parameter"};
    case 50:
      return {Error::malformed, "decode error"};
    case 51:
      return {Error::malformed, "decrypt error"};
    case 70:
      return {Error::unsupported, "protocol version"};
    case 71:
      return {Error::unsupported, "insufficient security"};
    case 80:
      return {Error::reset, "internal error"};
    case 112:
      return {Error::access, "it does not know the server name"};
    case 116:
      return {Error::access, "a client certificate is required"};
    case 120:
      return {Error::unsupported, "no application protocol in common"};
    default:
      return {Error::reset, ""};
  }
}

void write_code(TextWriter& out, int code) {
  const char* digits = "0123456789abcdef";
  const auto number = static_cast<unsigned>(-code);
  out << "-0x";
  for (int shift = 12; shift >= 0; shift -= 4) out << digits[number >> shift & 15];
}

}  // namespace runnel::mbedtls
