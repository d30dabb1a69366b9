// One value of the configuration against its option. A value that came from a variable is a text
// and is read as what the option takes: `max_events = "${EVENTS}"`.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "agent/toml_reader.hpp"
#include "pipeline/options.hpp"

namespace runnel::agent {

// The failure is a sentence without its subject: "is a text; it takes true or false".
tl::expected<pipeline::OptionValues::Value, std::string> read_value(const pipeline::Option& option,
                                                                    const Node& node);

}  // namespace runnel::agent
