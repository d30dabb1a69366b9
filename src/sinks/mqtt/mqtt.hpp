// The `mqtt` sink: publishes each event as a message to a broker, MQTT 3.1.1 or 5.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType mqtt_type;

}  // namespace runnel::sinks
