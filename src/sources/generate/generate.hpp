// The generate source (active): makes events of its own, the same ones for the same seed. For
// tests, rehearsals and measurements.
#pragma once

#include "pipeline/component.hpp"

namespace runnel::sources {

extern const pipeline::SourceType generate_type;

}  // namespace runnel::sources
