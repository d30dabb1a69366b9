// Where a peer of a test is: "127.0.0.1:5170", or a Unix socket, "unix:/run/x.sock".
#pragma once

#include <string>
#include <string_view>

#include "io/system.hpp"

namespace runnel::sim {

struct PeerAddress {
  explicit PeerAddress(std::string_view text) {
    constexpr std::string_view local = "unix:";
    if (text.starts_with(local)) {
      address.family = io::Family::local;
      path = text.substr(local.size());
    } else {
      address = io::parse_address(text).value();
    }
  }
  io::ListenOptions options() const {
    io::ListenOptions options;
    options.path = path.c_str();
    return options;
  }

  io::Address address;
  std::string path;
};

}  // namespace runnel::sim
