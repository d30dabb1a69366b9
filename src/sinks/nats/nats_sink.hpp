// The nats sink at work. Every event of a frame is published by itself. With JetStream each is
// acknowledged by itself, too: a window of them is under way, and a retry publishes only those that
// nobody has acknowledged, under the same Nats-Msg-Id. Without, a PONG behind the last one says
// that the server has read them all.
#pragma once

#include "sinks/nats/connection.hpp"
#include "sinks/nats/publishing.hpp"
#include "sinks/sending/event_set.hpp"

namespace runnel::sinks {

struct NatsMemory {
  NatsConnection::Memory connection;
  MutableBytes outgoing;
  std::span<std::uint64_t> settled;
  std::span<PublishWindow::Slot> window;
};

class NatsSink final : public pipeline::Sink, private NatsInbox {
 public:
  static NatsMemory carve(Region& region, const NatsSettings& settings);
  NatsSink(pipeline::SinkContext& context, const NatsSettings& settings, const NatsMemory& memory);

  async::Task<pipeline::Started> start() override { co_return connection_.start(); }
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override;
  async::Task<void> shut() override;

 private:
  void begin(const pipeline::Frame& frame);
  async::Task<Status> make_ready();
  async::Task<Status> publish(const pipeline::Frame& frame);
  async::Task<Status> fill(const pipeline::Frame& frame);
  async::Task<Status> publish_one(const codec::NatsPublish& publish);
  async::Task<Status> send_outgoing();
  async::Task<Status> await_answers(const pipeline::Frame& frame);
  async::Task<Status> await_pong();
  void receive(const codec::NatsOperation& message) override;
  void answered(std::uint32_t event, const codec::NatsOperation& message);
  void refuse(std::string_view why, std::string_view subject);
  void fail(Error error);
  bool may_publish(const pipeline::Frame& frame) const {
    return failure_ == Error::none && next_ < frame.events;
  }
  pipeline::Delivery failed(Error error);

  pipeline::SinkContext& context_;
  const NatsSettings& settings_;
  NatsServers servers_;
  NatsConnection connection_;
  TextWriter outgoing_;
  EventSet settled_;
  PublishWindow window_;
  Text<64> inbox_;

  // Of the frame at hand, over all attempts.
  bool begun_ = false;
  pipeline::BatchId id_;
  std::uint32_t refused_ = 0;
  // Of the attempt. The frame stays as long as its answers may come.
  const pipeline::Frame* frame_ = nullptr;
  std::uint32_t next_ = 0;
  Error failure_ = Error::none;
  std::uint32_t failures_ = 0;  // on this connection, since something was acknowledged
  Text<300> reason_;
  Text<200> refusal_;
};

}  // namespace runnel::sinks
