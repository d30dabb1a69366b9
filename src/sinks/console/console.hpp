// The console sink: writes frames to standard output, be it a terminal, a pipe or a file. A reader
// that is slow is waited for; one that is gone (a closed pipe) makes delivery fail and be tried
// again. Delivered means handed to the kernel.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sinks {

extern const pipeline::SinkType console_type;

}  // namespace runnel::sinks
