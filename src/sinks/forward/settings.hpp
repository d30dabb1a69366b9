// What the forward sink is told, checked.
#pragma once

#include <string>

#include "sinks/forward/tag_template.hpp"
#include "sinks/sending/uplink.hpp"

namespace runnel::sinks {

struct ForwardSettings {
  static constexpr std::size_t name_bytes_max = 255;  // of host, user, password and shared key

  Endpoint endpoint;
  UplinkSettings uplink;
  TagTemplate tag;
  bool require_ack = true;
  std::string_view compressed;  // as the option of a message says it; empty: not at all
  std::string hostname;         // empty: the name of this installation
  std::string shared_key;       // empty: the server greets nobody
  std::string user, password;
};

}  // namespace runnel::sinks
