#include "net/dialer.hpp"

#include <algorithm>

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "net/local_path.hpp"

namespace runnel::net {

using async::Task;

void Dialer::carve(Region& region) {
  constexpr std::size_t dial_frame_bytes = 1024;
  constexpr std::size_t attempt_frame_bytes = 768;
  region.frames(3, dial_frame_bytes);  // dial, race, resolve
  region.frames(Addresses::count_max, attempt_frame_bytes);
  region.handles(Addresses::count_max);
}

Task<Status> Dialer::dial(std::string_view host, std::uint16_t port, TcpStream& stream,
                          Instant deadline) {
  RUNNEL_ASSERT(!stream.is_open());
  if (is_local_path(host)) {
    take_path(host);
  } else {
    const Status resolved = co_await resolver_.resolve(host, port, addresses_, deadline);
    if (!resolved) co_return resolved;
  }
  RUNNEL_ASSERT(addresses_.count > 0);
  const Status connected = co_await race(stream, deadline);
  co_return connected;
}

void Dialer::take_path(std::string_view path) {
  RUNNEL_ASSERT(path.size() < path_.size());
  path_[path.copy(path_.data(), path_.size() - 1)] = '\0';
  addresses_.all[0] = {.family = io::Family::local};
  addresses_.count = 1;
}

Task<Status> Dialer::race(TcpStream& stream, Instant deadline) {
  connected_ = io::Handle::none;
  failure_ = Error::none;
  async::Scope& outer = *co_await async::current_scope();
  async::Scope attempts(outer, outer.name());
  std::size_t next = 0;
  Status over;
  while (over && connected_ == io::Handle::none && (next < addresses_.count || running_ > 0)) {
    if (next < addresses_.count) {
      ++running_;
      attempts.spawn(attempt(next++, deadline));
    }
    const bool last = next == addresses_.count;
    const Instant patience =
        last ? deadline : std::min(deadline, after(scheduler_.now(), attempt_delay));
    const Status rang = co_await ended_.wait(patience);
    const bool given_up = rang.error() == Error::timed_out && scheduler_.now() >= deadline;
    if (rang.error() == Error::cancelled || given_up) over = rang;
  }
  attempts.cancel();
  co_await attempts.join();
  if (connected_ == io::Handle::none) {
    // Every attempt was cancelled, and so are we, before we could hear of it.
    const Error failure = failure_ == Error::none ? Error::cancelled : failure_;
    co_return over ? Status(failure) : over;
  }
  stream.adopt(std::exchange(connected_, io::Handle::none));
  co_return Status();
}

// The first to connect wins; whoever comes second closes again.
Task<void> Dialer::attempt(std::size_t index, Instant deadline) {
  io::Address address = addresses_.all[index];
  const auto socket = system_.socket(io::Transport::tcp, address.family);
  Status status = socket ? Status() : Status(socket.error());
  if (socket) {
    const Status answered = co_await async::connect(*socket, address, deadline, path_.data());
    status = answered;
  }
  const bool won = status && connected_ == io::Handle::none;
  if (won || connected_ == io::Handle::none) peer_ = address;
  if (won)
    connected_ = *socket;
  else if (socket)
    scheduler_.reactor().discard(*socket);
  if (!status && status.error() != Error::cancelled) failure_ = status.error();
  --running_;
  ended_.ring();
}

}  // namespace runnel::net
