// How a StreamService serves a client that speaks TLS.
#include "async/sleep.hpp"
#include "sources/listening/stream_service.hpp"

namespace runnel::sources {

using async::Task;
using codec::FrameSplitter;

namespace {

// How long a goodbye may take.
constexpr Duration goodbye_patience = std::chrono::seconds(1);

}  // namespace

Task<void> StreamService::serve_tls(Connection& connection) {
  FrameSplitter splitter(settings_.framing, connection.carry, settings_.event_bytes_max);
  Status ended = co_await shake_hands(connection);
  if (ended) {
    ended = co_await read_decrypted(connection, splitter);
    ended = co_await conclude(connection, splitter, ended);
    (void)co_await connection.tls->stream->shut(after(context_.now(), goodbye_patience));
  }
  end(connection, ended.error());
}

// `closed` when it failed: that has been counted and said.
Task<Status> StreamService::shake_hands(Connection& connection) {
  net::TlsStream& stream = *connection.tls->stream;
  const Instant deadline = after(context_.now(), settings_.tls->handshake_timeout);
  const Status shaken = co_await stream.handshake(deadline);
  if (shaken) connection.header.add_certificate(stream.session().peer_name());
  if (shaken || shaken.error() == Error::cancelled) co_return shaken;
  // A stop waits for nobody's handshake.
  if (stopping_ && shaken.error() == Error::timed_out) co_return shaken;
  ++context_.counters.failed_handshakes;
  if (handshake_complaint_.due(context_.now()))
    log_warn(context_.name, "closed the connection from ", connection.peer,
             " during its TLS handshake: ",
             stream.reason().empty() ? describe(shaken.error()) : stream.reason());
  co_return Error::closed;
}

Task<Status> StreamService::read_decrypted(Connection& connection, FrameSplitter& splitter) {
  TlsClient& tls = *connection.tls;
  while (!is_over()) {
    const Instant deadline = read_deadline(connection);
    const auto received = co_await tls.stream->read(tls.plain, deadline);
    if (!received) {
      const bool woken = received.error() == Error::timed_out && context_.now() < deadline;
      if (reads_on(connection, received.error(), woken)) continue;
      co_return received.error();
    }
    const Status status = co_await put(connection, splitter, tls.plain.first(*received));
    if (!status) co_return status;
    if (!context_.scheduler.idle()) co_await async::yield();
  }
  co_return Error::timed_out;
}

}  // namespace runnel::sources
