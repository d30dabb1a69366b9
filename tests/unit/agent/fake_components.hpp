// Small component types for the tests of the configuration: they have options of every type and
// plans that carve nothing, so that these tests stand when the real components change.
#pragma once

#include "agent/components.hpp"

namespace runnel::agent::testing {

const Registry& fake_components();

}  // namespace runnel::agent::testing
