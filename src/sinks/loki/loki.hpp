// The `loki` sink: pushes each batch to Loki.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType loki_type;

}  // namespace runnel::sinks
