// What the library calls instead of its own functions and of libc's (cmake/mbedtls.cmake).
//
// Keys are not as constant as they look: the library caches intermediate results inside them (the
// Montgomery constant of an RSA key, the table of a curve's base point, blinding values), allocated
// while some session's call is in progress. In that session's arena they would be gone with it,
// while the key of the context still points at them. So our own key signs in the context's arena,
// and the key of an authority is copied before it verifies anything.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>

#include <mbedtls/pk.h>

#include "platform/mbedtls/arena.hpp"
#include "platform/mbedtls/compatible.hpp"

using runnel::mbedtls::Call;
using runnel::mbedtls::Random;

extern "C" {
std::time_t runnel_tls_time(std::time_t* into);
std::tm* runnel_tls_gmtime_r(const std::time_t* time, std::tm* into);
int runnel_tls_pk_verify_ext(mbedtls_pk_type_t type, const void* options, mbedtls_pk_context* key,
                             mbedtls_md_type_t md, const unsigned char* hash, std::size_t hash_size,
                             const unsigned char* signature, std::size_t size);

std::time_t runnel_tls_time(std::time_t* into) {
  const auto wall = Call::current().surroundings().wall_clock().time_since_epoch();
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(wall).count();
  // 32 bits of Debian's 32-bit archives end in 2038. Dates are judged elsewhere (verification.cpp).
  const auto time = static_cast<std::time_t>(
      std::min<std::int64_t>(seconds, std::numeric_limits<std::time_t>::max()));
  if (into != nullptr) *into = time;
  return time;
}

// libc's would look for time zone files.
std::tm* runnel_tls_gmtime_r(const std::time_t* time, std::tm* into) {
  using namespace std::chrono;
  const sys_seconds at{seconds(*time)};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss clock{at - day};
  *into = {};
  into->tm_year = static_cast<int>(date.year()) - 1900;
  into->tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  into->tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
  into->tm_hour = static_cast<int>(clock.hours().count());
  into->tm_min = static_cast<int>(clock.minutes().count());
  into->tm_sec = static_cast<int>(clock.seconds().count());
  return into;
}

int runnel_tls_pk_verify_ext(mbedtls_pk_type_t type, const void* options, mbedtls_pk_context* key,
                             mbedtls_md_type_t md, const unsigned char* hash, std::size_t hash_size,
                             const unsigned char* signature, std::size_t size) {
  unsigned char written[1200];  // 8192 bits of RSA are 1060; written from the end
  const int bytes = mbedtls_pk_write_pubkey_der(key, written, sizeof(written));
  if (bytes <= 0) return bytes != 0 ? bytes : MBEDTLS_ERR_PK_INVALID_PUBKEY;
  mbedtls_pk_context copy;
  mbedtls_pk_init(&copy);
  int result = mbedtls_pk_parse_public_key(&copy, written + sizeof(written) - bytes,
                                           static_cast<std::size_t>(bytes));
  if (result == 0)
    result = mbedtls_pk_verify_ext(type, options, &copy, md, hash, hash_size, signature, size);
  mbedtls_pk_free(&copy);
  return result;
}

#if MBEDTLS_VERSION_MAJOR >= 3
#define RUNNEL_SIGNATURE_ROOM(name) std::size_t name,
#define RUNNEL_SIGNATURE_ROOM_PASSED(name) name,
#else
#define RUNNEL_SIGNATURE_ROOM(name)
#define RUNNEL_SIGNATURE_ROOM_PASSED(name)
#endif

int runnel_tls_pk_sign(mbedtls_pk_context* key, mbedtls_md_type_t md, const unsigned char* hash,
                       std::size_t hash_size, unsigned char* signature,
                       RUNNEL_SIGNATURE_ROOM(room) std::size_t* size, Random random, void* state);
int runnel_tls_pk_sign_restartable(mbedtls_pk_context* key, mbedtls_md_type_t md,
                                   const unsigned char* hash, std::size_t hash_size,
                                   unsigned char* signature,
                                   RUNNEL_SIGNATURE_ROOM(room) std::size_t* size, Random random,
                                   void* state, mbedtls_pk_restart_ctx* restart);

int runnel_tls_pk_sign(mbedtls_pk_context* key, mbedtls_md_type_t md, const unsigned char* hash,
                       std::size_t hash_size, unsigned char* signature,
                       RUNNEL_SIGNATURE_ROOM(room) std::size_t* size, Random random, void* state) {
  const Call in_context = Call::of_context();
  return mbedtls_pk_sign(key, md, hash, hash_size, signature,
                         RUNNEL_SIGNATURE_ROOM_PASSED(room) size, random, state);
}

// Restarting is not compiled into the library; its client calls it by this name all the same.
int runnel_tls_pk_sign_restartable(mbedtls_pk_context* key, mbedtls_md_type_t md,
                                   const unsigned char* hash, std::size_t hash_size,
                                   unsigned char* signature,
                                   RUNNEL_SIGNATURE_ROOM(room) std::size_t* size, Random random,
                                   void* state, mbedtls_pk_restart_ctx*) {
  return runnel_tls_pk_sign(key, md, hash, hash_size, signature,
                            RUNNEL_SIGNATURE_ROOM_PASSED(room) size, random, state);
}
}
