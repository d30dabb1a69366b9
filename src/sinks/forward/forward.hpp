// The forward sink: a client of the Fluentd Forward Protocol Specification v1, which Fluentd,
// Fluent Bit, Vector and others receive. A batch is one PackedForward or CompressedPackedForward
// message, or one for each tag in it; it is delivered when the server has acknowledged it by the
// chunk that it was sent with, which is the same at every retry. Fails a delivery whenever
// something is not as it should be, and begins the next one with a new connection.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType forward_type;

}  // namespace runnel::sinks
