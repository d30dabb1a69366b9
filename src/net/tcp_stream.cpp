#include "net/tcp_stream.hpp"

#include <algorithm>
#include <utility>

#include "async/operations.hpp"

namespace runnel::net {

using async::Task;

namespace {

// A send of more would be one operation for seconds on a thin link: deadlines are looked at between
// operations, and partial progress is counted.
constexpr std::size_t send_bytes_max = 256 * 1024;

}  // namespace

void TcpStream::adopt(io::Handle connected) {
  RUNNEL_ASSERT(!is_open());
  handle_ = connected;
  traffic_ = {};
  woken_ = false;
}

Task<Result<std::uint32_t>> TcpStream::read(MutableBytes into, Instant deadline) {
  RUNNEL_ASSERT(is_open());
  RUNNEL_ASSERT(!into.empty());
  if (std::exchange(woken_, false)) co_return fail(Error::timed_out);
  auto receiving = async::recv(handle_, into, deadline);
  reading_ = &receiving;
  const auto received = co_await receiving;
  reading_ = nullptr;
  if (!received && received.error() == Error::timed_out) woken_ = false;
  if (!received) co_return received;
  if (*received == 0) co_return fail(Error::closed);
  traffic_.received_bytes += *received;
  co_return received;
}

Task<Status> TcpStream::write(Bytes bytes, Instant deadline) {
  RUNNEL_ASSERT(is_open());
  while (!bytes.empty()) {
    const Bytes part = bytes.first(std::min(bytes.size(), send_bytes_max));
    const auto sent = co_await async::send(handle_, part, deadline);
    if (!sent) co_return sent.error();
    traffic_.sent_bytes += *sent;
    bytes = bytes.subspan(*sent);
  }
  co_return Status();
}

void TcpStream::wake() {
  woken_ = true;
  if (reading_ != nullptr) reading_->expire();
}

// TCP's own goodbye comes with `close`.
Task<Status> TcpStream::shut(Instant) { co_return Status(); }

void TcpStream::close() {
  if (!is_open()) return;
  reactor_.discard(handle_);
  handle_ = io::Handle::none;
}

}  // namespace runnel::net
