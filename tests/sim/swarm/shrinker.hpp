// Makes a failing seed small: leaves out faults, peers and traits of its scenario for as long as
// the same promise is broken without them.
#pragma once

#include "tests/sim/swarm/children.hpp"

namespace runnel::swarm {

// `selection` is what failed; the smaller one fails with the same verdict.
Selection shrink(const FailedSeed& failure, const Selection& selection);
// "--seed 7 --only-faults 3,5 --without shuffle"
std::string options_text(std::uint64_t seed, const Selection& selection);
std::string faults_text(const Scenario& scenario, const Selection& selection);

}  // namespace runnel::swarm
