// TLS over another stream. The session and the inner stream belong to whoever made them and are
// used again for the next connection: connect the inner stream, `handshake`, use, `close`.
//
// Reading and writing tasks may run at once: what goes out takes turns. A peer that ends the inner
// stream without close_notify is `reset`, not `closed`: somebody may have cut the stream short.
#pragma once

#include <string_view>

#include "async/notice.hpp"
#include "async/task.hpp"
#include "base/region.hpp"
#include "net/stream.hpp"
#include "net/tls.hpp"

namespace runnel::net {

class TlsStream final : public Stream {
 public:
  TlsStream(TlsSession& session, Stream& inner) : session_(session), inner_(inner) {}
  ~TlsStream() override { session_.end(); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Frames of this class for `count` streams, each of which may read and write at once. What the
  // inner streams need comes on top.
  static void carve_frames(Region& region, std::size_t count);

  // Over an inner stream that is connected. `server_name` as for `TlsSession::begin`; it stays
  // until the task has ended. Errors are those of the session and of the inner stream; `reason`
  // says why. After one only `close` is left. Other tasks run between its steps (`HandshakePace`).
  async::Task<Status> handshake(Instant deadline, std::string_view server_name = {});

  async::Task<Result<std::uint32_t>> read(MutableBytes into, Instant deadline) override;
  async::Task<Status> write(Bytes bytes, Instant deadline) override;
  async::Task<Status> shut(Instant deadline) override;
  void close() override;
  bool is_open() const override { return stage_ == Stage::open && inner_.is_open(); }
  const Traffic& traffic() const override { return inner_.traffic(); }

  // For a person: which check of the certificate failed, what the peer's alert said. Until the next
  // handshake; empty when there is nothing to add to the error.
  std::string_view reason() const { return own_reason_.empty() ? session_.reason() : own_reason_; }
  const TlsSession& session() const { return session_; }

 private:
  enum class Stage : std::uint8_t { closed, handshake, open, peer_ended, broken };

  async::Task<Status> handshake_steps(Instant deadline);
  async::Task<Status> receive_more(Instant deadline);
  async::Task<Status> take_turn(Instant deadline);
  void end_turn();
  async::Task<Status> send_outgoing(Instant deadline);
  async::Task<Status> send_in_turn(Instant deadline);
  async::Task<void> send_alert();
  Error broken(Error error);

  TlsSession& session_;
  Stream& inner_;
  Stage stage_ = Stage::closed;
  // Who has its turn may make bytes outgoing and send them; the others wait for the notice.
  bool turn_taken_ = false;
  async::Notice turn_ended_;
  std::string_view own_reason_;  // static text
};

}  // namespace runnel::net
