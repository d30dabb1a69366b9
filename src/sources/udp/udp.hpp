// The udp source (passive): listens for datagrams and makes an event of each, or of each line in
// it. What the kernel drops because its buffer is full is counted and reported.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sources {

extern const pipeline::SourceType udp_type;

}  // namespace runnel::sources
