// The `victorialogs` sink: sends each batch to VictoriaLogs as JSON lines.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType victorialogs_type;

}  // namespace runnel::sinks
