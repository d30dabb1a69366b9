// What is configured of a nats sink, checked.
#pragma once

#include <string>
#include <vector>

#include "sinks/sending/uplink.hpp"

namespace runnel::sinks {

struct NatsSettings {
  std::vector<Endpoint> servers;
  bool jetstream = true;
  std::uint32_t window = 256;    // publishes that wait for their acknowledgement
  std::uint32_t events_max = 0;  // of a frame
  std::string user, password, token;
  UplinkSettings uplink;
};

}  // namespace runnel::sinks
