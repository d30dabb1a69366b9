// The `http` sink: each batch is the body of one request.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType http_type;

}  // namespace runnel::sinks
