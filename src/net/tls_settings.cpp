#include "net/tls.hpp"

namespace runnel::net {
namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t context_own_bytes = 12 * kib;
// 140 roots of the system are 400 KiB, parsed.
constexpr std::size_t system_authorities_bytes = 640 * kib, other_authorities_bytes = 64 * kib;
constexpr std::size_t authorities_bytes_most = 960 * kib;
// A chain of a few certificates, and what signing with 4096 bits of RSA takes.
constexpr std::size_t own_certificate_bytes = 40 * kib;
constexpr std::size_t alpn_bytes_max = 255;  // RFC 7301 section 3.1
constexpr std::size_t alpn_bytes_sum_max = 512;

}  // namespace

std::size_t tls_context_bytes(const TlsSettings& settings) {
  std::size_t bytes = context_own_bytes;
  if (!settings.certificate_file.empty()) bytes += own_certificate_bytes;
  if (settings.checks_peer()) {
    const std::size_t standard = settings.authorities() == TlsSettings::system_authorities
                                     ? system_authorities_bytes
                                     : other_authorities_bytes;
    bytes += settings.ca_memory_bytes != 0 ? settings.ca_memory_bytes : standard;
  }
  return bytes;
}

Built<void> check_tls(const TlsSettings& settings) {
  if (settings.minimum_version == TlsVersion::tls_1_3)
    return problem("minimum version 1.3: this version speaks TLS 1.2 only; use 1.2");
  const bool has_certificate = !settings.certificate_file.empty();
  if (has_certificate != !settings.key_file.empty())
    return problem("a certificate needs its key, and a key its certificate");
  if (settings.role == TlsRole::server && !has_certificate)
    return problem("a TLS server needs a certificate and its key");
  if (settings.ca_memory_bytes > authorities_bytes_most)
    return problem("memory for authorities: at most 960 KiB");
  if (settings.alpn.size() > TlsSettings::alpn_count_max)
    return problem("at most 8 application protocols (ALPN)");
  std::size_t alpn_bytes = 0;
  for (const std::string& name : settings.alpn) {
    if (name.empty() || name.size() > alpn_bytes_max)
      return problem("an application protocol (ALPN) has 1 to 255 bytes");
    alpn_bytes += name.size() + 1;
  }
  if (alpn_bytes > alpn_bytes_sum_max)
    return problem("application protocols (ALPN): at most 512 bytes together");
  return {};
}

}  // namespace runnel::net
