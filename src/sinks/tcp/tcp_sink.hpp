// The `tcp` sink: events as lines or octet-counted frames over one connection.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType tcp_sink_type;

}  // namespace runnel::sinks
