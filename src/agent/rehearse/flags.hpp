// The flags of `runnel rehearse`, as they were typed. Start-up only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "agent/rehearse/request.hpp"

namespace runnel::agent::rehearse {

struct TypedFlags {
  std::optional<std::string_view> outage, rate, event_bytes, link, ratio;
};

// All but `ratio` have to be there. The failure is a sentence for a person that names the flag.
tl::expected<RehearseRequest, std::string> read_request(const TypedFlags& typed);

}  // namespace runnel::agent::rehearse
