// [groups.NAME]: sinks that take turns at one channel. Names of the file into indices, every name
// that leads nowhere a complaint. Start-up only.
#pragma once

#include "agent/section.hpp"
#include "agent/settings.hpp"

namespace runnel::agent {

// The options of [groups.NAME], beside `sinks`.
std::span<const pipeline::Option> group_options();

// Adds the group and tells its sinks; `values_of_sinks` is what was read of settings.sinks, index
// by index.
void read_group(Section& section, Settings& settings,
                const std::vector<pipeline::OptionValues>& values_of_sinks);

// From the option `connections`; complains where there can only be one.
void choose_connections(Section& section, const pipeline::OptionValues& values, SinkConfig& sink);
// Makes a group of each sink with several: NAME, NAME.2, NAME.3. Last, when everything is checked:
// behind it there are more sinks than sections.
void add_connections(Settings& settings);

}  // namespace runnel::agent
