#include "platform/mbedtls/library.hpp"

#include <new>

#include "platform/mbedtls/compatible.hpp"
#include "platform/mbedtls/context.hpp"
#include "platform/mbedtls/session.hpp"

namespace runnel::mbedtls {
namespace {

constexpr std::size_t kib = 1024;
// 140 roots of the system are 400 KiB, parsed.
constexpr std::size_t system_authorities_bytes = 640 * kib, other_authorities_bytes = 64 * kib;
constexpr std::size_t authorities_bytes_most = 960 * kib;
// A chain of a few certificates, and what signing with 4096 bits of RSA takes.
constexpr std::size_t own_certificate_bytes = 40 * kib;
constexpr std::size_t configuration_bytes = 4 * kib;
static_assert(authorities_bytes_most + own_certificate_bytes + configuration_bytes <
              Arena::bytes_max);
constexpr std::size_t alpn_bytes_max = 255;  // RFC 7301 section 3.1
constexpr std::size_t alpn_bytes_sum_max = 512;

}  // namespace

std::size_t Library::context_bytes(const net::TlsSettings& settings) const {
  std::size_t bytes = align_up(sizeof(Context), 64) + configuration_bytes;
  if (!settings.certificate_file.empty()) bytes += own_certificate_bytes;
  if (settings.checks_peer()) {
    const std::size_t standard = settings.authorities() == net::TlsSettings::system_authorities
                                     ? system_authorities_bytes
                                     : other_authorities_bytes;
    bytes += settings.ca_memory_bytes != 0 ? settings.ca_memory_bytes : standard;
  }
  return bytes;
}

std::size_t Library::session_bytes() const { return Session::bytes; }

Built<void> Library::check(const net::TlsSettings& settings) const {
  if (settings.minimum_version == net::TlsVersion::tls_1_3)
    return problem("minimum version 1.3: this build, with mbedTLS " MBEDTLS_VERSION_STRING
                   ", speaks TLS 1.2 only; use 1.2");
  const bool has_certificate = !settings.certificate_file.empty();
  if (has_certificate != !settings.key_file.empty())
    return problem("a certificate needs its key, and a key its certificate");
  if (settings.role == net::TlsRole::server && !has_certificate)
    return problem("a TLS server needs a certificate and its key");
  if (settings.ca_memory_bytes > authorities_bytes_most)
    return problem("memory for authorities: at most 960 KiB");
  if (settings.alpn.size() > net::TlsSettings::alpn_count_max)
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

Built<net::InPlace<net::TlsContext>> Library::make_context(MutableBytes memory,
                                                           const net::TlsSettings& settings,
                                                           const net::TlsFiles& files,
                                                           net::TlsSurroundings& surroundings) {
  RUNNEL_ASSERT(memory.size() >= context_bytes(settings));
  const std::size_t head = align_up(sizeof(Context), 64);
  auto checked = check(settings);
  if (!checked) return tl::unexpected<Problem>(std::move(checked.error()));
  net::InPlace<Context> context(new (memory.data())
                                    Context(memory.subspan(head), settings, surroundings, pace_));
  auto started = context->start(files);
  if (!started) return tl::unexpected<Problem>(std::move(started.error()));
  return net::InPlace<net::TlsContext>(context.release());
}

}  // namespace runnel::mbedtls
