#include "net/tls_stream.hpp"

#include <algorithm>

#include "async/sleep.hpp"

namespace runnel::net {
namespace {

// To tell the peer why, when all is lost anyway.
constexpr Duration alert_time = std::chrono::seconds(1);

// The arena uses a frame again only for one of its size, so each of the ten kinds has its own; of
// the three that send, a reading and a writing task may each be in one.
constexpr std::size_t frames_each = 13;
constexpr std::size_t frame_bytes = 384;

}  // namespace

void TlsStream::carve_frames(Region& region, std::size_t count) {
  region.frames(count * frames_each, frame_bytes);
}

Error TlsStream::broken(Error error) {
  stage_ = Stage::broken;
  return error;
}

async::Task<Status> TlsStream::handshake(Instant deadline, std::string_view server_name) {
  own_reason_ = {};
  stage_ = Stage::handshake;
  const Status begun = session_.begin(server_name);
  if (!begun.ok()) co_return broken(begun.error());
  const Status status = co_await handshake_steps(deadline);
  if (!status.ok()) co_return broken(status.error());
  stage_ = Stage::open;
  co_return Status();
}

async::Task<Status> TlsStream::handshake_steps(Instant deadline) {
  async::Scope& scope = *co_await async::current_scope();
  async::Scheduler& scheduler = scope.scheduler();
  std::uint64_t& last_turn = session_.pace().turn;
  for (;;) {
    while (last_turn == scheduler.turns() + 1) co_await async::yield();
    // Neither a yield nor a step notices these.
    if (scope.cancelled()) co_return Error::cancelled;
    if (scheduler.now() >= deadline) {
      own_reason_ = "the handshake took too long";
      co_return Error::timed_out;
    }
    last_turn = scheduler.turns() + 1;
    const Result<TlsNext> next = session_.handshake();
    if (!next) {
      co_await send_alert();
      co_return next.error();
    }
    Status status;
    if (*next == TlsNext::done) co_return Status();
    if (*next == TlsNext::send) status = co_await send_outgoing(deadline);
    if (*next == TlsNext::receive) status = co_await receive_more(deadline);
    if (status.error() == Error::timed_out) own_reason_ = "the handshake took too long";
    if (status.error() == Error::reset || status.error() == Error::closed)
      own_reason_ = "the peer ended the connection during the handshake";
    if (!status.ok()) co_return status;
  }
}

async::Task<void> TlsStream::send_alert() {
  if (session_.outgoing().empty() || turn_taken_) co_return;
  turn_taken_ = true;
  async::Scope& scope = *co_await async::current_scope();
  // What comes of it makes no difference: the error that is reported is the first one.
  const Status ignored = co_await send_outgoing(after(scope.scheduler().now(), alert_time));
  static_cast<void>(ignored);
  end_turn();
}

async::Task<Status> TlsStream::receive_more(Instant deadline) {
  const Result<std::uint32_t> received = co_await inner_.read(session_.incoming(), deadline);
  if (received) {
    session_.received(*received);
    co_return Status();
  }
  if (received.error() == Error::closed) {
    own_reason_ = "the peer ended the connection without saying so (close_notify)";
    co_return Error::reset;
  }
  co_return received.error();
}

async::Task<Status> TlsStream::send_outgoing(Instant deadline) {
  const Status written = co_await inner_.write(session_.outgoing(), deadline);
  if (written.ok()) session_.sent();
  co_return written;
}

async::Task<Status> TlsStream::take_turn(Instant deadline) {
  while (turn_taken_) {
    const Status rang = co_await turn_ended_.wait(deadline);
    if (!rang.ok()) co_return rang;
  }
  if (stage_ == Stage::broken) co_return Error::closed;
  turn_taken_ = true;
  co_return Status();
}

void TlsStream::end_turn() {
  turn_taken_ = false;
  turn_ended_.ring();
}

// What the session wants to say of its own, between two writes.
async::Task<Status> TlsStream::send_in_turn(Instant deadline) {
  const Status turn = co_await take_turn(deadline);
  if (!turn.ok()) co_return turn;
  Status status;
  if (!session_.outgoing().empty()) status = co_await send_outgoing(deadline);
  if (!status.ok()) broken(status.error());
  end_turn();
  co_return status;
}

async::Task<Result<std::uint32_t>> TlsStream::read(MutableBytes into, Instant deadline) {
  while (stage_ == Stage::open) {
    std::uint32_t size = 0;
    const Result<TlsNext> next = session_.decrypt(into, size);
    if (!next && next.error() == Error::closed) {
      stage_ = Stage::peer_ended;
      break;
    }
    if (!next) {
      broken(next.error());
      co_await send_alert();
      co_return fail(next.error());
    }
    Status status;
    if (*next == TlsNext::done) co_return size;
    if (*next == TlsNext::again) co_await async::yield();
    if (*next == TlsNext::send) status = co_await send_in_turn(deadline);
    if (*next == TlsNext::receive) status = co_await receive_more(deadline);
    // Nothing was received and so nothing is lost.
    if (status.error() == Error::timed_out && stage_ == Stage::open)
      co_return fail(Error::timed_out);
    if (!status.ok()) co_return fail(broken(status.error()));
  }
  co_return fail(Error::closed);
}

async::Task<Status> TlsStream::write(Bytes bytes, Instant deadline) {
  const Status turn = co_await take_turn(deadline);
  if (!turn.ok()) co_return turn;
  Status status;
  if (!session_.outgoing().empty()) status = co_await send_outgoing(deadline);
  while (status.ok() && !bytes.empty()) {
    const Result<std::uint32_t> taken = session_.encrypt(bytes);
    if (!taken) {
      status = taken.error();
      break;
    }
    bytes = bytes.subspan(*taken);
    status = co_await send_outgoing(deadline);
  }
  if (!status.ok()) broken(status.error());
  end_turn();
  co_return status;
}

async::Task<Status> TlsStream::shut(Instant deadline) {
  const Status turn = co_await take_turn(deadline);
  if (!turn.ok()) co_return turn;
  Status status;
  if (!session_.outgoing().empty()) status = co_await send_outgoing(deadline);
  if (status.ok()) status = session_.close_notify();
  if (status.ok()) status = co_await send_outgoing(deadline);
  if (!status.ok()) broken(status.error());
  end_turn();
  co_return status;
}

void TlsStream::close() {
  RUNNEL_ASSERT(!turn_taken_);
  session_.end();
  inner_.close();
  stage_ = Stage::closed;
}

}  // namespace runnel::net
