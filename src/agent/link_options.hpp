// [links.NAME]: what sinks share that send over one uplink. Start-up only.
#pragma once

#include "agent/section.hpp"
#include "agent/settings.hpp"

namespace runnel::agent {

std::span<const pipeline::Option> link_options();

void read_link(Section& section, Settings& settings);
// `link` and `priority` of the sink that was added last: `values` are those of its section.
void choose_link(Section& section, const pipeline::OptionValues& values, Settings& settings);

// "01:00-05:30": hours and minutes of the day in UTC; past midnight when it ends before it begins.
tl::expected<pipeline::DayWindow, std::string> parse_day_window(std::string_view text);

}  // namespace runnel::agent
