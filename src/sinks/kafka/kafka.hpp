// The `kafka` sink: every event a message, acknowledged by the brokers. Only a build with
// RUNNEL_KAFKA has it: what speaks to the brokers is librdkafka.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType kafka_type;

}  // namespace runnel::sinks
