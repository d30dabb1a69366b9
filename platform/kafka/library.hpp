// librdkafka as net::KafkaLibrary. One of an agent.
#pragma once

#include "net/kafka.hpp"

namespace runnel::kafka {

class Library final : public net::KafkaLibrary {
 public:
  Built<std::unique_ptr<net::KafkaProducer>> open(const net::KafkaSettings& settings) override;
};

}  // namespace runnel::kafka
