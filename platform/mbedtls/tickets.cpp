#include "platform/mbedtls/tickets.hpp"

#include <cstring>

#include <mbedtls/platform_util.h>

#include "platform/mbedtls/arena.hpp"

namespace runnel::mbedtls {
namespace {

constexpr std::size_t name_bytes = 1, time_bytes = 8, nonce_bytes = 12, tag_bytes = 16;
constexpr std::size_t head_bytes = name_bytes + time_bytes + nonce_bytes;
constexpr unsigned key_bits = 256;

bool is_young(WallTime since, WallTime now) {
  return now >= since && now - since <= session_age_max;
}
unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

}  // namespace

TicketKeys::TicketKeys() {
  for (Key& key : keys_) mbedtls_gcm_init(&key.gcm);
}
void TicketKeys::free() {
  for (Key& key : keys_) mbedtls_gcm_free(&key.gcm);
}

int TicketKeys::make_current(WallTime now) {
  if (keys_[current_].usable && is_young(keys_[current_].made, now)) return 0;
  const auto next = static_cast<unsigned char>(1 - current_);
  Key& key = keys_[next];
  std::array<std::byte, key_bits / 8> bytes;
  Call::current().surroundings().entropy(bytes);
  key.usable = false;
  const Call in_context = Call::of_context();
  const int result =
      mbedtls_gcm_setkey(&key.gcm, MBEDTLS_CIPHER_ID_AES, raw(bytes.data()), key_bits);
  mbedtls_platform_zeroize(bytes.data(), bytes.size());
  if (result != 0) return result;
  key.usable = true;
  key.made = now;
  current_ = next;
  return 0;
}

int TicketKeys::seal_into(const mbedtls_ssl_session& session, MutableBytes room,
                          std::size_t& size) {
  if (room.size() < head_bytes + tag_bytes) return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
  const WallTime now = Call::current().surroundings().wall_clock();
  if (const int result = make_current(now); result != 0) return result;
  const MutableBytes body = room.subspan(head_bytes, room.size() - head_bytes - tag_bytes);
  std::size_t body_bytes = 0;
  if (const int result =
          mbedtls_ssl_session_save(&session, raw(body.data()), body.size(), &body_bytes);
      result != 0)
    return result;
  room[0] = std::byte{current_};
  store(room.data() + name_bytes, std::int64_t{now.time_since_epoch().count()});
  const MutableBytes nonce = room.subspan(name_bytes + time_bytes, nonce_bytes);
  Call::current().surroundings().entropy(nonce);
  size = head_bytes + body_bytes + tag_bytes;
  return mbedtls_gcm_crypt_and_tag(&keys_[current_].gcm, MBEDTLS_GCM_ENCRYPT, body_bytes,
                                   raw(nonce.data()), nonce_bytes, raw(room.data()), head_bytes,
                                   raw(body.data()), raw(body.data()), tag_bytes,
                                   raw(body.data() + body_bytes));
}

int TicketKeys::open_from(mbedtls_ssl_session& session, MutableBytes ticket) {
  if (ticket.size() < head_bytes + tag_bytes) return MBEDTLS_ERR_SSL_INVALID_MAC;
  const auto name = static_cast<std::size_t>(ticket[0]);
  if (name >= keys_.size() || !keys_[name].usable) return MBEDTLS_ERR_SSL_INVALID_MAC;
  const std::size_t body_bytes = ticket.size() - head_bytes - tag_bytes;
  const MutableBytes body = ticket.subspan(head_bytes, body_bytes);
  if (mbedtls_gcm_auth_decrypt(&keys_[name].gcm, body_bytes,
                               raw(ticket.data() + name_bytes + time_bytes), nonce_bytes,
                               raw(ticket.data()), head_bytes, raw(body.data() + body_bytes),
                               tag_bytes, raw(body.data()), raw(body.data())) != 0)
    return MBEDTLS_ERR_SSL_INVALID_MAC;
  const WallTime sealed = wall_from_ns(load<std::int64_t>(ticket.data() + name_bytes));
  if (!is_young(sealed, Call::current().surroundings().wall_clock()))
    return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
  return mbedtls_ssl_session_load(&session, raw(body.data()), body_bytes);
}

int TicketKeys::seal(void* keys, const mbedtls_ssl_session* session, unsigned char* start,
                     const unsigned char* end, std::size_t* size, std::uint32_t* lifetime_seconds) {
  const MutableBytes room{reinterpret_cast<std::byte*>(start),
                          static_cast<std::size_t>(end - start)};
  *lifetime_seconds = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(session_age_max).count());
  return static_cast<TicketKeys*>(keys)->seal_into(*session, room, *size);
}

int TicketKeys::open(void* keys, mbedtls_ssl_session* session, unsigned char* ticket,
                     std::size_t size) {
  return static_cast<TicketKeys*>(keys)->open_from(*session,
                                                   {reinterpret_cast<std::byte*>(ticket), size});
}

void SavedSession::save(const mbedtls_ssl_context& ssl, std::string_view server_name, WallTime now,
                        bool resumed) {
  forget();
  mbedtls_ssl_session session;
  mbedtls_ssl_session_init(&session);
  std::size_t bytes = 0;
  if (mbedtls_ssl_get_session(&ssl, &session) == 0 &&
      mbedtls_ssl_session_save(&session, bytes_.data(), bytes_.size(), &bytes) == 0) {
    size_ = bytes;
    if (!resumed) saved_ = now;
    server_name_.clear();
    server_name_ << server_name;
    if (server_name_.cut()) forget();
  }
  mbedtls_ssl_session_free(&session);
}

void SavedSession::offer(mbedtls_ssl_context& ssl, std::string_view server_name, WallTime now) {
  if (size_ == 0 || server_name != server_name_.text()) return;
  if (!is_young(saved_, now)) return forget();
  mbedtls_ssl_session session;
  mbedtls_ssl_session_init(&session);
  if (mbedtls_ssl_session_load(&session, bytes_.data(), size_) != 0 ||
      mbedtls_ssl_set_session(&ssl, &session) != 0)
    forget();
  mbedtls_ssl_session_free(&session);
}

}  // namespace runnel::mbedtls
