// The null sink: takes every event and keeps none. For rehearsals and measurements: what it counts
// is what a real sink would have been given. It encodes nothing.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType null_type;

}  // namespace runnel::sinks
