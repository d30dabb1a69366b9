// The kafka sink at work: every event a message, and a frame is delivered when each of its messages
// has a good report. What is delivered or refused is remembered over the attempts at a frame.
//
// Brokers refuse a whole batch of a partition for one message in it. Those it went with are sent
// again alone, one at a time, and only what is refused then is refused for good.
#pragma once

#include "async/scope.hpp"
#include "base/log.hpp"
#include "pipeline/component.hpp"
#include "sinks/kafka/kafka_format.hpp"
#include "sinks/sending/event_set.hpp"

namespace runnel::sinks {

struct KafkaSinkSettings {
  net::KafkaSettings producer;
  std::uint32_t events_max = 0;  // of a frame
};

struct KafkaMemory {
  std::span<std::uint64_t> settled, refused, suspects;
};

class KafkaSink final : public pipeline::Sink {
 public:
  static KafkaMemory carve(Region& region, const KafkaSinkSettings& settings);
  KafkaSink(pipeline::SinkContext& context, const KafkaSinkSettings& settings,
            const KafkaMemory& memory);

  async::Task<pipeline::Started> start() override;
  async::Task<pipeline::Delivery> deliver(const pipeline::Frame& frame) override;
  async::Task<void> shut() override;

 private:
  void begin(const pipeline::Frame& frame);
  void next_attempt();
  async::Task<void> keep_reading();
  async::Task<Status> send(const pipeline::Frame& frame, std::uint32_t window);
  bool fill(const pipeline::Frame& frame, std::uint32_t window);
  bool send_one(const pipeline::Frame& frame, std::uint32_t event);
  async::Task<Status> await_reports();
  void take_reports();
  void take(const net::KafkaReport& report);
  void refuse(std::uint32_t event, std::string_view why);
  void fail(Error error, std::uint32_t event, std::string_view why);
  pipeline::Delivery failed(Error error);
  std::string_view topic_of(std::uint32_t event) const;

  pipeline::SinkContext& context_;
  const KafkaSinkSettings& settings_;
  std::unique_ptr<net::KafkaProducer> producer_;

  // Of the frame at hand, over all attempts.
  bool begun_ = false;
  pipeline::BatchId id_;
  EventSet settled_;   // delivered or refused
  EventSet refused_;   // of those
  EventSet suspects_;  // were refused with others

  // Of the attempt. Tags have its number: what comes late of an earlier one means nothing.
  std::uint32_t attempt_ = 0;
  const pipeline::Frame* frame_ = nullptr;
  std::uint32_t next_ = 0;
  std::uint32_t under_way_ = 0;
  bool alone_ = false;  // suspects are sent
  Error failure_ = Error::none;
  Text<400> reason_;
  Text<400> refusal_;
  Occasional alone_complaint_;
  std::optional<async::Scope> keeper_;  // from the first delivery on
};

}  // namespace runnel::sinks
