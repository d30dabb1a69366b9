#include "sinks/sending/stream_sink.hpp"

namespace runnel::sinks {

using async::Task;
using pipeline::Delivery;

StreamSinkMemory StreamSink::carve(Region& region, const Destination& to) {
  constexpr std::size_t frame_bytes = 768;
  region.frames(4, frame_bytes);  // start, deliver, send, shut
  return {Uplink::carve(region, to.uplink)};
}

Task<pipeline::Started> StreamSink::start() { co_return uplink_.start(); }

Task<Delivery> StreamSink::deliver(const pipeline::Frame& frame) {
  const Status sent = co_await send(frame.wire);
  Delivery delivery;
  if (sent) co_return delivery;
  uplink_.close();
  delivery.outcome = Delivery::Outcome::retry;
  delivery.error = sent.error();
  reason_.clear();
  reason_ << to_.endpoint;
  if (!uplink_.reason().empty()) reason_ << ": " << uplink_.reason();
  delivery.reason = reason_.text();
  co_return delivery;
}

Task<Status> StreamSink::send(Bytes bytes) {
  if (!uplink_.is_alive()) {
    uplink_.close();
    const Status opened = co_await uplink_.open(to_.endpoint);
    if (!opened) co_return opened;
  }
  const Status written = co_await uplink_.write(bytes);
  if (!written) co_return written;
  const Status acknowledged = co_await uplink_.acknowledged();
  co_return acknowledged;
}

}  // namespace runnel::sinks
