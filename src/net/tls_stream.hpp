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
  ~TlsStream() override { close(); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Frames of this class for `count` streams, each of which reads and writes at once. What the
  // inner streams need comes on top.
  static void carve_frames(Region& region, std::size_t count);

  // Over an inner stream that is connected. `server_name` as for `TlsSession::begin`; it stays
  // until the task has ended. After a failure `reason` says why; then only `close` is left.
  async::Task<Status> handshake(Instant deadline, std::string_view server_name = {});

  async::Task<Result<std::uint32_t>> read(MutableBytes into, Instant deadline) override;
  async::Task<Status> write(Bytes bytes, Instant deadline) override;
  async::Task<Status> shut(Instant deadline) override;
  void close() override;
  bool is_open() const override { return inner_.is_open() && established_; }
  const Traffic& traffic() const override { return inner_.traffic(); }

  // For a person: which check of the certificate failed, what the peer's alert said.
  std::string_view reason() const;
  const TlsSession& session() const { return session_; }

 private:
  async::Task<Status> take_pen(Instant deadline);
  void leave_pen();
  async::Task<Status> send_outgoing(Instant deadline);
  async::Task<Status> receive_more(Instant deadline);
  async::Task<Status> handshake_steps(Instant deadline);
  Status broken(Error error);

  TlsSession& session_;
  Stream& inner_;
  // Who holds the pen may make bytes outgoing and send them; the others wait for the notice.
  bool pen_taken_ = false;
  async::Notice pen_free_;
  bool established_ = false;
  Error broken_ = Error::none;   // what ended it
  std::string_view own_reason_;  // static text, where the session has none
};

}  // namespace runnel::net
