// A sink whose batches are bytes on one connection, to a peer that never answers: a batch is
// delivered when the peer's kernel has acknowledged its last byte. What the peer's program had not
// read when it died is lost (docs/sink-tcp.md).
#pragma once

#include "sinks/sending/uplink.hpp"

namespace runnel::sinks {

struct StreamSinkMemory {
  UplinkMemory uplink;
};

class StreamSink final : public pipeline::Sink {
 public:
  static StreamSinkMemory carve(Region& region, const Destination& to);
  StreamSink(pipeline::SinkContext& context, const Destination& to, const StreamSinkMemory& memory)
      : to_(to), uplink_(context, to.uplink, memory.uplink) {}

  async::Task<pipeline::Started> start() override;
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override;
  async::Task<void> shut() override { co_await uplink_.end(); }

 private:
  async::Task<Status> send(Bytes bytes);

  const Destination& to_;
  Uplink uplink_;
  Text<512> reason_;
};

}  // namespace runnel::sinks
