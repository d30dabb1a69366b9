// The tcp source (passive): listens for byte streams and makes an event of every frame. When the
// channel is full it stops reading, so that its clients wait and nothing is lost.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sources {

extern const pipeline::SourceType tcp_type;

}  // namespace runnel::sources
