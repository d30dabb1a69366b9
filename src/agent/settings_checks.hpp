// What no section can see alone: that every channel has both ends, that records fit, that the agent
// does not read what it writes. Fills in what components learn from each other.
#pragma once

#include <vector>

#include "agent/section.hpp"
#include "agent/settings.hpp"

namespace runnel::agent {

// The sections that the parts of Settings were read from, index by index.
struct Sections {
  std::vector<Section> channels, sources, sinks;
  // False: some links could not be read, so a channel that looks unused may be used.
  bool source_links_known = true;
  bool sink_links_known = true;
};

void check_together(Settings& settings, Sections& sections);

}  // namespace runnel::agent
