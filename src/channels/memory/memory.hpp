// The memory channel: events wait in a ring of fixed size in this process's memory. It survives a
// slow destination, not the end of the process.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::channels {

extern const pipeline::ChannelType memory_type;

}  // namespace runnel::channels
