// What an error of librdkafka or of a broker means for the message that it is about.
#pragma once

#include <librdkafka/rdkafka.h>

#include "net/kafka.hpp"

namespace runnel::kafka {

net::KafkaReport::Verdict verdict_on(rd_kafka_resp_err_t error);
Error error_from(rd_kafka_resp_err_t error);

}  // namespace runnel::kafka
