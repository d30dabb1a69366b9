#include "platform/mbedtls/verification.hpp"

#include <algorithm>
#include <chrono>
#include <compare>

#include <mbedtls/oid.h>

namespace runnel::mbedtls {
namespace {

constexpr std::uint32_t dates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE |
                                MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE;
constexpr std::uint32_t weak =
    MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY;
constexpr std::uint32_t usage = MBEDTLS_X509_BADCERT_KEY_USAGE |
                                MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
                                MBEDTLS_X509_BADCERT_NS_CERT_TYPE;
constexpr int address_name_tag = 0x87;  // iPAddress [7] (RFC 5280 section 4.2.1.6)

std::int64_t seconds_of(const mbedtls_x509_time& time) {
  using namespace std::chrono;
  const year_month_day date{year(time.year), month(static_cast<unsigned>(time.mon)),
                            day(static_cast<unsigned>(time.day))};
  return sys_seconds(sys_days(date)).time_since_epoch().count() + time.hour * 3600 + time.min * 60 +
         time.sec;
}

void write_two(TextWriter& out, int number) {
  if (number < 10) out << '0';
  out << number;
}
void write_date(TextWriter& out, const mbedtls_x509_time& time) {
  out << time.year << '-';
  write_two(out, time.mon);
  out << '-';
  write_two(out, time.day);
}

std::uint32_t wrong_dates(const Verification& verification, const mbedtls_x509_crt& certificate) {
  if (verification.dates_ignored) return 0;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       verification.surroundings->wall_clock().time_since_epoch())
                       .count();
  std::uint32_t wrong = 0;
  if (now > seconds_of(certificate.valid_to)) wrong |= MBEDTLS_X509_BADCERT_EXPIRED;
  if (now < seconds_of(certificate.valid_from)) wrong |= MBEDTLS_X509_BADCERT_FUTURE;
  return wrong;
}

bool is_for_address(const mbedtls_x509_crt& certificate, const io::Address& address) {
  const std::size_t size = address.family == io::Family::ipv4 ? 4 : 16;
  for (const auto* name = &certificate.subject_alt_names; name != nullptr; name = name->next)
    if (name->buf.tag == address_name_tag && name->buf.len == size &&
        std::equal(name->buf.p, name->buf.p + size, address.ip.begin()))
      return true;
  return false;
}

// Names in certificates are the peer's bytes: mbedtls_x509_dn_gets writes a '?' for what is not
// text.
void write_name(TextWriter& out, const mbedtls_x509_name& name) {
  char text[128];
  const int size = mbedtls_x509_dn_gets(text, sizeof(text), &name);
  if (size > 0)
    out << '\'' << std::string_view(text, static_cast<std::size_t>(size)) << '\'';
  else
    out << "a name too long to show";
}

TextWriter& next_complaint(TextWriter& out) { return out.size() == 0 ? out : out << "; "; }

void write_dates(TextWriter& out, const mbedtls_x509_crt& certificate, int depth,
                 std::uint32_t wrong) {
  const char* whose = depth == 0 ? "the certificate" : "an authority's certificate";
  if ((wrong & MBEDTLS_X509_BADCERT_EXPIRED) != 0) {
    next_complaint(out) << whose << " expired on ";
    write_date(out, certificate.valid_to);
  }
  if ((wrong & MBEDTLS_X509_BADCERT_FUTURE) != 0) {
    next_complaint(out) << whose << " is not valid before ";
    write_date(out, certificate.valid_from);
  }
}

}  // namespace

int verify(void* state, mbedtls_x509_crt* certificate, int depth, std::uint32_t* wrong) {
  auto& verification = *static_cast<Verification*>(state);
  *wrong = (*wrong & ~dates) | wrong_dates(verification, *certificate);
  if (depth == 0 && verification.address.family != io::Family::none &&
      !is_for_address(*certificate, verification.address))
    *wrong |= MBEDTLS_X509_BADCERT_CN_MISMATCH;

  TextWriter& out = verification.said;
  write_dates(out, *certificate, depth, *wrong);
  if ((*wrong & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
    next_complaint(out) << "unknown authority ";
    write_name(out, certificate->issuer);
  }
  describe_rest(verification, *wrong & ~(dates | MBEDTLS_X509_BADCERT_NOT_TRUSTED));
  verification.wrong |= *wrong;
  return 0;
}

void describe_rest(Verification& verification, std::uint32_t wrong) {
  wrong &= ~verification.wrong;  // each is said once
  verification.wrong |= wrong;
  TextWriter& out = verification.said;
  if ((wrong & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0)
    next_complaint(out) << "the certificate is not for '" << verification.server_name << '\'';
  if ((wrong & MBEDTLS_X509_BADCERT_REVOKED) != 0)
    next_complaint(out) << "the certificate was revoked";
  if ((wrong & weak) != 0)
    next_complaint(out) << "a certificate's key or signature is too weak or of an unknown kind";
  if ((wrong & usage) != 0)
    next_complaint(out) << "the certificate is not meant for "
                        << (verification.role == net::TlsRole::client ? "servers" : "clients");
  if ((wrong & (MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY)) != 0)
    next_complaint(out) << "no certificate was shown";
  if ((wrong & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) next_complaint(out) << "unknown authority";
  constexpr std::uint32_t rest =
      ~(dates | weak | usage | MBEDTLS_X509_BADCERT_CN_MISMATCH | MBEDTLS_X509_BADCERT_REVOKED |
        MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY |
        MBEDTLS_X509_BADCERT_NOT_TRUSTED);
  if ((wrong & rest) != 0) next_complaint(out) << "the certificate does not pass the checks";
}

std::string_view common_name(const mbedtls_x509_name& subject) {
  for (const auto* each = &subject; each != nullptr; each = each->next)
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &each->oid) == 0)
      return {reinterpret_cast<const char*>(each->val.p), each->val.len};
  return {};
}

}  // namespace runnel::mbedtls
