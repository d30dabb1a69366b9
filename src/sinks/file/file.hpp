// The file sink: rolling files below a fixed folder, one frame of a batch after the other.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType file_type;

}  // namespace runnel::sinks
