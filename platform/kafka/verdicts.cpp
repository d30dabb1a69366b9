#include "platform/kafka/verdicts.hpp"

namespace runnel::kafka {

using Verdict = net::KafkaReport::Verdict;

// Brokers answer for a batch of a partition, so that what they say of the bytes of one message they
// say of all that are with it. Of a topic it is true for each. What is not named here is tried
// again: no authorization, too, and a topic that nobody has made yet are put right by people.
Verdict verdict_on(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return Verdict::delivered;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return Verdict::refused_batch;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return Verdict::refused;
    default:
      return Verdict::failed;
  }
}

Error error_from(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return Error::none;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return Error::no_room;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return Error::too_large;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return Error::timed_out;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
      return Error::closed;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return Error::not_found;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      return Error::access;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return Error::unreachable;
    default:
      return Error::refused;
  }
}

}  // namespace runnel::kafka
