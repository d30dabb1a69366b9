// The `nats` sink: every event a message, stored by JetStream or just published.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType nats_type;

}  // namespace runnel::sinks
