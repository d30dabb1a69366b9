// A rehearsal as sentences for a person who has to decide on a configuration. Start-up only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/rehearse/forecast.hpp"

namespace runnel::agent::rehearse {

struct NamedSink {
  std::string_view name;
  bool compresses = false;
  SinkForecast forecast;
};

struct NamedChannel {
  std::string_view name;
  std::string_view type;
  ChannelForecast forecast;
  std::vector<NamedSink> sinks;
};

// What was asked for, and what is taken for granted.
std::string introduction(std::string_view file_name, const RehearseRequest& load);
// Begins with an empty line.
std::string describe(const NamedChannel& channel, const RehearseRequest& load);

}  // namespace runnel::agent::rehearse
