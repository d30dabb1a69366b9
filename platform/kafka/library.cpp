#include "platform/kafka/library.hpp"

#include "platform/kafka/producer.hpp"

namespace runnel::kafka {

Built<std::unique_ptr<net::KafkaProducer>> Library::open(const net::KafkaSettings& settings) {
  auto producer = Producer::create(settings);
  if (!producer) return tl::unexpected(producer.error());
  return std::unique_ptr<net::KafkaProducer>(std::move(*producer));
}

}  // namespace runnel::kafka
