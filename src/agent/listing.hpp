// What `runnel list` prints, and the option tables of the documentation: generated from the tables
// that also check the configuration, so that they cannot differ. Start-up only.
#pragma once

#include <string>
#include <string_view>

#include "agent/components.hpp"
#include "base/error.hpp"

namespace runnel::agent {

// Every type: its name, whether it is active or passive, and what it does.
std::string list_types(const Registry& registry);

// The options of one type, aligned in columns; or as a markdown table, as in docs/. A name that is
// both a source's and a sink's lists both. The markdown of a sink has its own options only. "agent"
// lists the options of [agent], "sinks" those that all sinks share. An unknown name is wrong usage.
Built<std::string> list_type(const Registry& registry, std::string_view name, bool markdown);

}  // namespace runnel::agent
