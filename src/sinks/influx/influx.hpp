// The `influx` sink: each batch is one write of line protocol to InfluxDB, 1.x or 2.x.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType influx_type;

}  // namespace runnel::sinks
