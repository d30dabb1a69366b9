// net::KafkaSettings as librdkafka wants to be told them.
#pragma once

#include <memory>

#include <librdkafka/rdkafka.h>

#include "net/kafka.hpp"

namespace runnel::kafka {

struct ConfigurationEnd {
  void operator()(rd_kafka_conf_t* configuration) const { ::rd_kafka_conf_destroy(configuration); }
};
using Configuration = std::unique_ptr<rd_kafka_conf_t, ConfigurationEnd>;

// Start-up only. The problem never shows the password.
Built<Configuration> make_configuration(const net::KafkaSettings& settings);

}  // namespace runnel::kafka
