#include "platform/mbedtls/context.hpp"

#include <new>

#include <mbedtls/pk.h>

#include "base/log.hpp"
#include "platform/mbedtls/compatible.hpp"
#include "platform/mbedtls/random.hpp"
#include "platform/mbedtls/reasons.hpp"
#include "platform/mbedtls/session.hpp"

namespace runnel::mbedtls {
namespace {

// Forward secrecy and authenticated encryption only. No finite-field Diffie-Hellman: its numbers
// would not fit a session's arena. ChaCha20 first where AES has no instructions that this library
// uses.
constexpr int ciphers[] = {
#if !defined(__x86_64__)
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
#if defined(__x86_64__)
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
#endif
    0};

// The library wants the zero behind the text, which a std::string has.
const unsigned char* pem_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.c_str());
}

}  // namespace

Context::Context(MutableBytes memory, const net::TlsSettings& settings,
                 net::TlsSurroundings& surroundings, net::HandshakePace& pace, const char* owner)
    : settings_(settings), surroundings_(surroundings), pace_(pace), owner_(owner), arena_(memory) {
  mbedtls_ssl_config_init(&config_);
  mbedtls_x509_crt_init(&authorities_);
  mbedtls_x509_crt_init(&own_certificate_);
  mbedtls_pk_init(&own_key_);
}

Context::~Context() {
  const Call call(Memory{arena_}, surroundings_);
  mbedtls_ssl_config_free(&config_);
  mbedtls_pk_free(&own_key_);
  mbedtls_x509_crt_free(&own_certificate_);
  mbedtls_x509_crt_free(&authorities_);
  ticket_keys_.free();
}

tl::unexpected<Problem> Context::refuse(std::string_view file, int code) {
  if (arena_.take_ran_out())
    return problem(concat(file,
                          ": too much for the memory planned for TLS: raise ca_memory, or name ",
                          "a file with only the certificates that are needed"));
  Text<16> number;
  write_code(number, code);
  const Reason reason = reason_of(code);
  return problem(concat(file, ": ",
                        reason.error == Error::malformed ? "cannot be read as PEM: " : "",
                        reason.words, " (mbedTLS ", number.text(), ")"));
}

Built<void> Context::start(const net::TlsFiles& files) {
  const Call call(Memory{arena_}, surroundings_);
  if (settings_.checks_peer()) {
    auto read = read_authorities(files.authorities);
    if (!read) return read;
  }
  if (!settings_.certificate_file.empty()) {
    auto read = read_own_certificate(files);
    if (!read) return read;
  }
  return configure();
}

Built<void> Context::read_authorities(std::string_view pem) {
  const std::string text(pem);
  const int result = mbedtls_x509_crt_parse(&authorities_, pem_of(text), text.size() + 1);
  // What there was no memory for, the library may count as damaged.
  if (result < 0 || arena_.ran_out()) return refuse(settings_.authorities(), result);
  if (result > 0)
    log_warn(owner_, "tls: ", result, " certificates in ", settings_.authorities(),
             " are of a kind that is not supported, or damaged; the others are used");
  return {};
}

Built<void> Context::read_own_certificate(const net::TlsFiles& files) {
  int result = mbedtls_x509_crt_parse(&own_certificate_, pem_of(files.certificate),
                                      files.certificate.size() + 1);
  if (result < 0 || arena_.ran_out()) return refuse(settings_.certificate_file, result);
  if (result > 0) return problem(concat(settings_.certificate_file, ": part of it is damaged"));
  for (const auto* each = &own_certificate_; each != nullptr; each = each->next)
    own_chain_bytes_ += each->raw.len;
  result = parse_key(&own_key_, pem_of(files.key), files.key.size() + 1, random_bytes);
  if (result != 0) return refuse(settings_.key_file, result);
  return try_key();
}

// Signs and verifies: that key and certificate belong together is known now and not when the first
// peer comes, and what the library keeps inside a key is in the arena before its size is relied on.
Built<void> Context::try_key() {
  constexpr std::size_t hash_bytes = 32;
  const unsigned char hash[hash_bytes] = {1};
  unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
  for (int round = 0; round < 3; ++round) {
    std::size_t size = 0;
    int result = sign(&own_key_, MBEDTLS_MD_SHA256, hash, hash_bytes, signature, sizeof(signature),
                      &size, random_bytes);
    if (result != 0) return refuse(settings_.key_file, result);
    result = mbedtls_pk_verify(&own_certificate_.pk, MBEDTLS_MD_SHA256, hash, hash_bytes, signature,
                               size);
    if (result != 0)
      return problem(concat(settings_.key_file, ": not the key of the certificate in ",
                            settings_.certificate_file));
  }
  return {};
}

Built<void> Context::configure() {
  const bool is_server = settings_.role == net::TlsRole::server;
  int result = mbedtls_ssl_config_defaults(
      &config_, is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
      MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (result != 0) return refuse("tls", result);
  configure_versions(&config_);
  configure_groups(&config_);
  mbedtls_ssl_conf_ciphersuites(&config_, ciphers);
  mbedtls_ssl_conf_rng(&config_, random_bytes, nullptr);
  mbedtls_ssl_conf_authmode(
      &config_, settings_.checks_peer() ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
  if (settings_.checks_peer()) mbedtls_ssl_conf_ca_chain(&config_, &authorities_, nullptr);
  if (!settings_.certificate_file.empty()) {
    result = mbedtls_ssl_conf_own_cert(&config_, &own_certificate_, &own_key_);
    if (result != 0) return refuse(settings_.certificate_file, result);
  }
  if (!settings_.alpn.empty()) {
    for (std::size_t index = 0; index < settings_.alpn.size(); ++index)
      alpn_[index] = settings_.alpn[index].c_str();
    result = mbedtls_ssl_conf_alpn_protocols(&config_, alpn_.data());
    if (result != 0) return refuse("alpn", result);
  }
  if (is_server)
    mbedtls_ssl_conf_session_tickets_cb(&config_, TicketKeys::seal, TicketKeys::open,
                                        &ticket_keys_);
  return {};
}

net::InPlace<net::TlsSession> Context::make_session(MutableBytes memory) {
  RUNNEL_ASSERT(memory.size() >= Session::bytes);
  return net::InPlace<net::TlsSession>(new (memory.data()) Session(memory, *this, pace_));
}

void Context::say_that_dates_are_ignored() {
  if (said_that_dates_are_ignored_) return;
  said_that_dates_are_ignored_ = true;
  log_warn(owner_, "tls: the clock is not set: dates of certificates are not checked ",
           "until it is (clock_unset = \"accept\")");
}

}  // namespace runnel::mbedtls
