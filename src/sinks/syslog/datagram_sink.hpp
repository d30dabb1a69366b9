// Sends each event of a frame as one datagram (RFC 5426), over a socket that is connected, so that
// it hears when nobody listens. Nothing acknowledges a datagram: a batch is delivered when the
// kernel has taken it and nobody has refused it within `refusal_patience` of its first datagram.
// One that was refused is sent again, whole.
#pragma once

#include "net/resolver.hpp"
#include "pipeline/component.hpp"
#include "sinks/sending/uplink.hpp"

namespace runnel::sinks {

struct DatagramSinkMemory {};

class DatagramSink final : public pipeline::Sink {
 public:
  static constexpr Duration refusal_patience = std::chrono::milliseconds(10);
  // A name may have moved, and no connection ends that would tell.
  static constexpr Duration looked_up_every = std::chrono::minutes(1);

  static DatagramSinkMemory carve(Region& region, const Destination& to);
  DatagramSink(pipeline::SinkContext& context, const Destination& to,
               const DatagramSinkMemory& memory);

  async::Task<pipeline::Started> start() override { co_return pipeline::Started(); }
  // The frame must have `ends`.
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override;
  async::Task<void> shut() override;

 private:
  async::Task<Status> send(const pipeline::Frame& frame);
  async::Task<Status> open();
  async::Task<Status> connect(const io::Address& peer);
  async::Task<Status> hear_refusal(Instant until);
  void close();

  pipeline::SinkContext& context_;
  const Destination& to_;
  bool is_name_;
  io::Handle socket_ = io::Handle::none;
  io::Address peer_;
  net::Addresses addresses_;
  std::uint32_t failures_ = 0;  // each makes the next address the one to try
  Instant look_up_due_ = Instant::min();
  std::uint32_t too_large_ = 0;  // datagrams of the frame at hand that no kernel takes
  Text<512> reason_;
};

}  // namespace runnel::sinks
