// The `otlp` sink: exports each batch as OTLP logs, over HTTP in JSON.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType otlp_type;

}  // namespace runnel::sinks
