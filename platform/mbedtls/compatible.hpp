// Where mbedTLS 2.28 and 3.6 differ. Everything else here is written in what both have. Of 3.6,
// too, TLS 1.2 alone is used: its TLS 1.3 keeps keys in a store of the whole process, which no plan
// knows.
#pragma once

#include <utility>

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

namespace runnel::mbedtls {

using Random = int (*)(void*, unsigned char*, std::size_t);

#if MBEDTLS_VERSION_MAJOR >= 3

inline constexpr int bad_certificate = MBEDTLS_ERR_SSL_BAD_CERTIFICATE,
                     bad_hello = MBEDTLS_ERR_SSL_DECODE_ERROR,
                     bad_version = MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION,
                     no_common_cipher = MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE;
inline int parse_key(mbedtls_pk_context* key, const unsigned char* pem, std::size_t size,
                     Random random) {
  return mbedtls_pk_parse_key(key, pem, size, nullptr, 0, random, nullptr);
}
inline int sign(mbedtls_pk_context* key, mbedtls_md_type_t md, const unsigned char* hash,
                std::size_t hash_size, unsigned char* signature, std::size_t room,
                std::size_t* size, Random random) {
  return mbedtls_pk_sign(key, md, hash, hash_size, signature, room, size, random, nullptr);
}
inline void configure_versions(mbedtls_ssl_config* config) {
  mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
}
inline void configure_groups(mbedtls_ssl_config* config) {
  static const std::uint16_t groups[] = {
      MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
      MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
  mbedtls_ssl_conf_groups(config, groups);
}
inline int handshake_state(const mbedtls_ssl_context& ssl) { return ssl.MBEDTLS_PRIVATE(state); }
inline unsigned char* output_buffer(mbedtls_ssl_context& ssl) {
  return ssl.MBEDTLS_PRIVATE(out_buf);
}
inline mbedtls_x509_crt* take_peer_certificate(mbedtls_ssl_context& ssl) {
  return std::exchange(ssl.MBEDTLS_PRIVATE(session)->MBEDTLS_PRIVATE(peer_cert), nullptr);
}
inline unsigned char last_alert(const mbedtls_ssl_context& ssl) {
  return ssl.MBEDTLS_PRIVATE(in_msg) != nullptr ? ssl.MBEDTLS_PRIVATE(in_msg)[1] : 0;
}

#else

inline constexpr int bad_certificate = MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE,
                     bad_hello = MBEDTLS_ERR_SSL_BAD_HS_CLIENT_HELLO,
                     bad_version = MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION,
                     no_common_cipher = MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN;
inline int parse_key(mbedtls_pk_context* key, const unsigned char* pem, std::size_t size, Random) {
  return mbedtls_pk_parse_key(key, pem, size, nullptr, 0);
}
inline int sign(mbedtls_pk_context* key, mbedtls_md_type_t md, const unsigned char* hash,
                std::size_t hash_size, unsigned char* signature, std::size_t, std::size_t* size,
                Random random) {
  return mbedtls_pk_sign(key, md, hash, hash_size, signature, size, random, nullptr);
}
inline void configure_versions(mbedtls_ssl_config* config) {
  mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
}
inline void configure_groups(mbedtls_ssl_config* config) {
  static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
                                                MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};
  mbedtls_ssl_conf_curves(config, groups);
}
inline int handshake_state(const mbedtls_ssl_context& ssl) { return ssl.state; }
inline unsigned char* output_buffer(mbedtls_ssl_context& ssl) { return ssl.out_buf; }
inline mbedtls_x509_crt* take_peer_certificate(mbedtls_ssl_context& ssl) {
  return std::exchange(ssl.session->peer_cert, nullptr);
}
inline unsigned char last_alert(const mbedtls_ssl_context& ssl) {
  return ssl.in_msg != nullptr ? ssl.in_msg[1] : 0;
}

#endif

}  // namespace runnel::mbedtls
