#include "sinks/syslog/datagram_sink.hpp"

#include <utility>

#include "async/operations.hpp"
#include "pipeline/shared_link.hpp"

namespace runnel::sinks {

using async::Task;
using pipeline::Delivery;
using pipeline::Frame;

DatagramSinkMemory DatagramSink::carve(Region& region, const Destination&) {
  constexpr std::size_t frame_bytes = 768;
  region.frames(6, frame_bytes);  // start, deliver or shut, send, open, connect, hear_refusal
  region.frames(1, net::Resolver::frame_bytes);
  region.frames(1, pipeline::SharedLink::frame_bytes);
  region.handles(1);
  return {};
}

DatagramSink::DatagramSink(pipeline::SinkContext& context, const Destination& to,
                           const DatagramSinkMemory&)
    : context_(context), to_(to), is_name_(to.endpoint.is_name()) {}

Task<Delivery> DatagramSink::deliver(const Frame& frame) {
  RUNNEL_ASSERT(frame.ends.size() == frame.events);
  too_large_ = 0;
  const Status sent = co_await send(frame);
  Delivery delivery;
  if (sent && too_large_ == 0) co_return delivery;
  reason_.clear();
  reason_ << to_.endpoint;
  delivery.reason = reason_.text();
  if (sent) {
    delivery.error = Error::too_large;
    delivery.refused_events = too_large_;
    co_return delivery;
  }
  close();
  ++failures_;
  delivery.outcome = Delivery::Outcome::retry;
  delivery.error = sent.error();
  if (sent.error() == Error::not_found) reason_ << ": no name server knows this name";
  delivery.reason = reason_.text();
  co_return delivery;
}

Task<void> DatagramSink::shut() {
  close();
  co_return;
}

Task<Status> DatagramSink::send(const Frame& frame) {
  const Status opened = co_await open();
  if (!opened) co_return opened;
  Instant patience = after(context_.now(), refusal_patience);
  std::size_t begin = 0;
  for (const std::uint32_t end : frame.ends) {
    const Bytes datagram = frame.plain.subspan(begin, end - frame.offset - begin);
    if (pipeline::SharedLink* const link = context_.link; link != nullptr) {
      const Status admitted = co_await link->admit(datagram.size(), context_.priority);
      if (!admitted) co_return admitted;
    }
    if (begin == 0) patience = after(context_.now(), refusal_patience);
    begin += datagram.size();
    const auto sent =
        co_await async::send(socket_, datagram, after(context_.now(), to_.uplink.reply_timeout));
    if (sent)
      context_.counters.wire_bytes += *sent;
    else if (sent.error() == Error::too_large)
      ++too_large_;
    else
      co_return sent.error();
  }
  const Status heard = co_await hear_refusal(patience);
  co_return heard;
}

// What a receiver of syslog says is nothing of ours, but the error of an earlier send is.
Task<Status> DatagramSink::hear_refusal(Instant until) {
  std::byte nothing[1];
  for (;;) {
    const auto received = co_await async::recv(socket_, nothing, until);
    if (received && context_.now() < until) continue;
    const bool refused = !received && received.error() != Error::timed_out;
    co_return refused ? Status(received.error()) : Status();
  }
}

Task<Status> DatagramSink::open() {
  const bool is_open = socket_ != io::Handle::none;
  const bool is_due = is_name_ && context_.now() >= look_up_due_;
  if (is_open && !is_due) co_return Status();
  const Endpoint& to = to_.endpoint;
  const Status resolved = co_await context_.network.resolver->resolve(
      to.host, to.port, addresses_, after(context_.now(), to_.uplink.connect_timeout));
  look_up_due_ = after(context_.now(), looked_up_every);
  // The old address is better than none.
  if (!resolved) co_return is_open&& resolved.error() != Error::cancelled ? Status() : resolved;
  RUNNEL_ASSERT(addresses_.count > 0);
  const io::Address& address = addresses_.all[failures_ % addresses_.count];
  if (is_open && address == peer_) co_return Status();
  close();
  const Status connected = co_await connect(address);
  co_return connected;
}

Task<Status> DatagramSink::connect(const io::Address& peer) {
  peer_ = peer;
  const auto made = context_.system.socket(io::Transport::udp, peer.family);
  if (!made) co_return made.error();
  socket_ = *made;
  const Status connected = co_await async::connect(socket_, peer_);
  if (connected) ++context_.counters.connections;
  co_return connected;
}

void DatagramSink::close() {
  if (socket_ != io::Handle::none)
    context_.reactor().discard(std::exchange(socket_, io::Handle::none));
}

}  // namespace runnel::sinks
