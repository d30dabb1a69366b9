// The channel `journal`: a ring in memory with a ring on disk below it.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::channels {

extern const pipeline::ChannelType journal_type;

}  // namespace runnel::channels
