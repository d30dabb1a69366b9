// librdkafka as net::KafkaProducer. It wakes us through an eventfd: whenever something comes into
// its queue that was empty, one of its threads writes to it.
#pragma once

#include "base/text.hpp"
#include "platform/kafka/configuration.hpp"

namespace runnel::kafka {

class Producer final : public net::KafkaProducer {
 public:
  // Start-up only.
  static Built<std::unique_ptr<Producer>> create(const net::KafkaSettings& settings);
  ~Producer() override;
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  io::Handle watched() const override { return static_cast<io::Handle>(bell_); }
  Status send(const net::KafkaMessage& message) override;
  std::optional<net::KafkaReport> take_report() override;
  void give_up() override;
  bool is_broken() const override;
  Status renew() override;
  std::string_view complaint() const override { return complaint_.text(); }
  void forget_complaint() override { complaint_.clear(); }

 private:
  Producer(Configuration configuration, int bell)
      : configuration_(std::move(configuration)), bell_(bell) {}
  // What is wrong, for a person; empty: nothing.
  std::string_view open();
  void close();
  bool next_event();
  void note_trouble();
  void silence_bell() const;

  Configuration configuration_;  // every producer gets a copy of it
  int bell_;
  rd_kafka_t* producer_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  rd_kafka_event_t* event_ = nullptr;  // whose reports are being taken
  std::array<char, 512> problem_ = {};
  Text<256> complaint_;
};

}  // namespace runnel::kafka
