// `runnel rehearse`: what an outage would do to a configuration, without running it
// (docs/rehearse.md).
#pragma once

#include <string>
#include <string_view>

#include "agent/rehearse/request.hpp"
#include "agent/settings.hpp"
#include "base/error.hpp"

namespace runnel::agent {

// What is to be printed. `file_name` is only for messages. The problem (exit code 64): an event of
// that size fits no ring or block of one of the channels.
Built<std::string> rehearse_outage(const Settings& settings, const RehearseRequest& request,
                                   std::string_view file_name);

}  // namespace runnel::agent
