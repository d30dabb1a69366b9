// The mqtt sink at work: one PUBLISH for each event, and a frame is delivered when the server has
// acknowledged all of them (QoS 1), or its kernel has their last byte (QoS 0).
#pragma once

#include "sinks/mqtt/flight.hpp"
#include "sinks/mqtt/session.hpp"

namespace runnel::sinks {

struct MqttMemory {
  FlightMemory flight;
  MqttSessionMemory session;
  MutableBytes outgoing;  // messages with the numbers under which they are sent
};

class MqttSink final : public pipeline::Sink, private MqttAnswers {
 public:
  static MqttMemory carve(Region& region, const MqttSettings& settings);
  MqttSink(pipeline::SinkContext& context, const MqttSettings& settings, const MqttMemory& memory);

  async::Task<pipeline::Started> start() override;
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override;
  async::Task<void> shut() override;

 private:
  async::Task<Status> send(const pipeline::Frame& frame);
  async::Task<Status> send_unacknowledged(const pipeline::Frame& frame);
  async::Task<Status> send_acknowledged(const pipeline::Frame& frame);
  async::Task<Status> send_ready(const pipeline::Frame& frame);
  async::Task<Status> send_large(Bytes message, Flight::Outgoing next);
  Status answered(const codec::mqtt::Puback& puback) override;
  bool is_too_large(Bytes message) const {
    return message.size() > session_.limits().packet_bytes_max;
  }
  void note_too_large();
  void note_refusal(std::string_view why, std::string_view words);

  const MqttSettings& settings_;
  MutableBytes outgoing_;
  Flight flight_;
  MqttSession session_;
  std::uint32_t refused_ = 0;  // of the frame at hand
  bool put_back_ = false;      // the server wants some of it later
  Text<512> refusal_;
};

}  // namespace runnel::sinks
