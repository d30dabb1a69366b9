#include "platform/mbedtls/session.hpp"

#include <algorithm>
#include <cstring>

#include "net/numeric_resolver.hpp"
#include "platform/mbedtls/compatible.hpp"
#include "platform/mbedtls/reasons.hpp"

namespace runnel::mbedtls {
namespace {

// Of a record's buffer, which is a little larger.
constexpr std::size_t record_bytes_max = 16 * 1024;
// A hello with a ticket (SavedSession::bytes_max), names and protocols; what else a client sends is
// shorter, but for its certificates.
constexpr std::size_t hello_bytes_max = 5 * 1024 + 512;
// Less is not worth it.
constexpr std::size_t lent_bytes_least = 2048;

constexpr std::size_t name_bytes_max = 253;  // RFC 1035 section 3.1, as text

}  // namespace

Session::Session(MutableBytes memory, Context& context, net::HandshakePace& pace)
    : TlsSession(pace), context_(context), arena_(memory.subspan(align_up(sizeof(Session), 16))) {}

Status Session::choose_server_name(std::string_view name) {
  const net::TlsSettings& settings = context_.settings();
  server_name_.clear();
  verification_.address = {};
  if (settings.role == net::TlsRole::server) return {};
  std::string_view wanted = name.empty() ? std::string_view(settings.server_name) : name;
  // The dot that says that a name is complete is no part of it here (RFC 6066 section 3).
  if (wanted.ends_with('.')) wanted.remove_suffix(1);
  server_name_ << wanted;
  const std::string_view chosen = server_name_.text();
  if ((chosen.empty() && settings.checks_peer()) || chosen.size() > name_bytes_max ||
      std::any_of(chosen.begin(), chosen.end(), [](char c) { return c <= ' ' || c == '\x7f'; })) {
    reason_ << "no name of a server that a certificate could be for: '" << chosen << '\'';
    return Error::malformed;
  }
  verification_.server_name = chosen;
  if (const auto address = net::numeric_address(chosen, 0)) verification_.address = *address;
  return {};
}

Status Session::begin(std::string_view server_name) {
  RUNNEL_ASSERT(stage_ == Stage::idle);
  reason_.clear();
  peer_name_.clear();
  const net::TlsSettings& settings = context_.settings();
  const bool ignores_dates = settings.checks_peer() && !context_.surroundings().clock_is_set();
  if (ignores_dates && settings.clock_unset == net::ClockUnset::wait) {
    reason_ << "the clock is not set yet, and certificates have dates (clock_unset = \"wait\")";
    return Error::not_available;
  }
  if (ignores_dates) context_.say_that_dates_are_ignored();
  verification_.wrong = 0;
  verification_.surroundings = &context_.surroundings();
  verification_.role = settings.role;
  verification_.dates_ignored = ignores_dates;
  if (const Status chosen = choose_server_name(server_name); !chosen.ok()) return chosen;
  return set_up();
}

Status Session::set_up() {
  const Call in_progress = call();
  ran_out();
  outgoing_ = {};
  sent_ = received_there_ = feed_begin_ = feed_end_ = 0;
  wanted_ = {};
  saw_certificates_ = peer_said_goodbye_ = false;
  mbedtls_ssl_init(&ssl_);
  stage_ = Stage::handshake;
  int result = mbedtls_ssl_setup(&ssl_, &context_.config());
  // Addresses are not for SNI (RFC 6066 section 3), and verify() looks for them.
  const bool is_name = server_name_.size() > 0 && verification_.address.family == io::Family::none;
  if (result == 0)
    result = mbedtls_ssl_set_hostname(&ssl_, is_name ? server_name_.c_str() : nullptr);
  if (result != 0) return failed(result);
  lend_output();
  mbedtls_ssl_set_bio(&ssl_, this, send, receive, nullptr);
  mbedtls_ssl_set_verify(&ssl_, verify, &verification_);
  if (context_.settings().role == net::TlsRole::client)
    context_.saved_session().offer(ssl_, server_name_.text(), context_.surroundings().wall_clock());
  return {};
}

void Session::lend_output() {
  handshake_sends_most_ = SIZE_MAX;
  if (context_.settings().role != net::TlsRole::client) return;
  const std::size_t kept = hello_bytes_max + context_.own_chain_bytes();
  if (kept + lent_bytes_least > record_bytes_max) return;
  handshake_sends_most_ = kept;
  // Aligned as the arena wants it. In front of `kept` lie the library's counters and heads.
  auto* const buffer = reinterpret_cast<std::byte*>(output_buffer(ssl_));
  const std::size_t begin = align_up(kept + 64, 16);
  lent_.emplace(MutableBytes(buffer + begin, record_bytes_max - begin));
}

// Only the peer's certificates are left there: they were looked at, and nobody asks for them again.
bool Session::take_back_output() {
  if (mbedtls_x509_crt* const certificates = take_peer_certificate(ssl_); certificates != nullptr) {
    if (context_.settings().checks_peer()) peer_name_ << common_name(certificates->subject);
    const Call in_progress = call();
    mbedtls_x509_crt_free(certificates);
    Call::current().release(certificates);
  }
  if (lent_ && !lent_->empty()) return false;
  lent_.reset();
  return true;
}

Result<net::TlsNext> Session::handshake() {
  RUNNEL_ASSERT(stage_ == Stage::handshake && outgoing_.empty());
  const bool has_certificates = handshake_state(ssl_) == MBEDTLS_SSL_SERVER_CERTIFICATE;
  saw_certificates_ = saw_certificates_ || has_certificates;
  const Call in_progress = call(has_certificates);
  wanted_ = {};
  const int result = mbedtls_ssl_handshake_step(&ssl_);
  if (result != 0) return next(result);
  if (handshake_state(ssl_) != MBEDTLS_SSL_HANDSHAKE_OVER) return net::TlsNext::again;
  return established();
}

Result<net::TlsNext> Session::established() {
  // Invariant: the library has nothing left to send when it says that it is done.
  RUNNEL_ASSERT(outgoing_.empty() && sent_ == 0);
  stage_ = Stage::established;
  if (context_.settings().role == net::TlsRole::client)
    context_.saved_session().save(ssl_, server_name_.text(), context_.surroundings().wall_clock(),
                                  resumed());
  ran_out();  // a session that did not fit is not kept; that is all
  if (take_back_output()) return net::TlsNext::done;
  return fail(failed(MBEDTLS_ERR_SSL_ALLOC_FAILED));
}

Result<std::uint32_t> Session::encrypt(Bytes plain) {
  RUNNEL_ASSERT(!plain.empty() && outgoing_.empty());
  if (stage_ != Stage::established) return fail(Error::closed);
  const Call in_progress = call();
  const int most = mbedtls_ssl_get_max_out_record_payload(&ssl_);
  if (most <= 0) return fail(failed(most));
  const std::size_t size = std::min(plain.size(), static_cast<std::size_t>(most));
  const int result =
      mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(plain.data()), size);
  // It never gets rid of a record at once; with one in hand it has taken all that one can hold.
  if (result != MBEDTLS_ERR_SSL_WANT_WRITE) return fail(failed(result));
  return static_cast<std::uint32_t>(size);
}

Result<net::TlsNext> Session::decrypt(MutableBytes into, std::uint32_t& size) {
  RUNNEL_ASSERT(!into.empty());
  if (stage_ != Stage::established || peer_said_goodbye_) return fail(Error::closed);
  const Call in_progress = call();
  wanted_ = {};
  const int result =
      mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(into.data()), into.size());
  if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
    peer_said_goodbye_ = true;
    return fail(Error::closed);
  }
  if (result <= 0) return next(result);
  size = static_cast<std::uint32_t>(result);
  return net::TlsNext::done;
}

Status Session::close_notify() {
  RUNNEL_ASSERT(outgoing_.empty());
  if (stage_ != Stage::established) return Error::closed;
  const Call in_progress = call();
  const int result = mbedtls_ssl_close_notify(&ssl_);
  return result == MBEDTLS_ERR_SSL_WANT_WRITE ? Status() : Status(failed(result));
}

int Session::send(void* session, const unsigned char* data, std::size_t size) {
  auto& self = *static_cast<Session*>(session);
  if (self.sent_ > 0) {
    const std::size_t taken = std::min(self.sent_, size);
    self.sent_ -= taken;
    return static_cast<int>(taken);
  }
  RUNNEL_ASSERT(!self.lent_ || size <= self.handshake_sends_most_);
  self.outgoing_ = {reinterpret_cast<const std::byte*>(data), size};
  return MBEDTLS_ERR_SSL_WANT_WRITE;
}

void Session::sent() {
  RUNNEL_ASSERT(!outgoing_.empty());
  sent_ = outgoing_.size();
  outgoing_ = {};
  // In a handshake the next step tells the library.
  if (stage_ != Stage::established) return;
  const Call in_progress = call();
  const int result = mbedtls_ssl_write(&ssl_, nullptr, 0);
  // Invariant: that only takes note of what was sent, and there was nothing else.
  RUNNEL_ASSERT(result == 0 && sent_ == 0 && outgoing_.empty());
}

int Session::receive(void* session, unsigned char* into, std::size_t size) {
  auto& self = *static_cast<Session*>(session);
  auto* const at = reinterpret_cast<std::byte*>(into);
  self.wanted_ = {};
  if (self.received_there_ > 0) {
    const std::size_t there = std::exchange(self.received_there_, 0);
    RUNNEL_ASSERT(there <= size);
    return static_cast<int>(there);
  }
  const std::size_t taken = std::min(size, self.feed_end_ - self.feed_begin_);
  if (taken == 0) {
    self.wanted_ = {at, size};
    return MBEDTLS_ERR_SSL_WANT_READ;
  }
  std::memcpy(at, self.feed_.data() + self.feed_begin_, taken);
  self.feed_begin_ += taken;
  return static_cast<int>(taken);
}

MutableBytes Session::incoming() {
  RUNNEL_ASSERT(!wanted_.empty() && feed_begin_ == feed_end_);
  return wanted_.size() >= feed_.size() ? wanted_ : MutableBytes(feed_);
}

void Session::received(std::size_t size) {
  if (size == 0) return;
  RUNNEL_ASSERT(size <= incoming().size());
  if (incoming().data() == wanted_.data()) {
    received_there_ = size;
  } else {
    feed_begin_ = 0;
    feed_end_ = size;
  }
}

void Session::end() {
  if (stage_ == Stage::idle) return;
  if (lent_ && !lent_->empty()) {
    // The library would overwrite its buffers before it gives back what lies in them.
    arena_.wipe();
  } else {
    const Call in_progress = call();
    mbedtls_ssl_free(&ssl_);
  }
  lent_.reset();
  // Invariant: nothing outlives its session; a context that pointed in here would read another's.
  RUNNEL_ASSERT(arena_.empty());
  outgoing_ = {};
  stage_ = Stage::idle;
}

Result<net::TlsNext> Session::next(int code) {
  switch (code) {
    case MBEDTLS_ERR_SSL_WANT_WRITE:
      return net::TlsNext::send;
    // Also when it has read something and wants to be asked again.
    case MBEDTLS_ERR_SSL_WANT_READ:
      return wanted_.empty() ? net::TlsNext::again : net::TlsNext::receive;
    default:
      return fail(failed(code));
  }
}

bool Session::ran_out() {
  const bool here = arena_.take_ran_out();
  const bool lent = lent_ && lent_->take_ran_out();
  return context_.arena().take_ran_out() || here || lent;
}

Error Session::failed(int code) {
  const Stage before = stage_;
  stage_ = Stage::failed;
  sent_ = 0;
  Error error = Error::none;
  explain(code, error);
  // The server may have taken offence at the ticket.
  if (before == Stage::handshake) context_.saved_session().forget();
  return error;
}

void Session::explain(int code, Error& error) {
  Reason reason = reason_of(code);
  if (ran_out() || code == MBEDTLS_ERR_SSL_ALLOC_FAILED) {
    error = Error::no_memory;
    reason_.clear();
    reason_ << "a handshake that needs more memory than is planned for it: a long chain of "
               "certificates, or large keys";
    return;
  }
  error = reason.error;
  if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    const unsigned alert = last_alert(ssl_);
    reason_.clear();
    reason = reason_of_alert(alert);
    error = reason.error;
    reason_ << "the peer refuses: " << reason.words << " (alert " << alert << ')';
    return;
  }
  if (error == Error::access) {
    // Of the library's own checks, what verify() was not told.
    const std::uint32_t found = mbedtls_ssl_get_verify_result(&ssl_);
    if (found != UINT32_MAX) describe_rest(verification_, found);
    if (reason_.size() > 0) return;
  }
  reason_.clear();
  reason_ << reason.words << " (mbedTLS ";
  write_code(reason_, code);
  reason_ << ')';
}

std::string_view Session::alpn() const {
  if (stage_ != Stage::established) return {};
  const char* name = mbedtls_ssl_get_alpn_protocol(&ssl_);
  return name != nullptr ? name : std::string_view();
}

std::string_view Session::version() const {
  return stage_ == Stage::established ? mbedtls_ssl_get_version(&ssl_) : std::string_view();
}

std::string_view Session::cipher() const {
  return stage_ == Stage::established ? mbedtls_ssl_get_ciphersuite(&ssl_) : std::string_view();
}

}  // namespace runnel::mbedtls
