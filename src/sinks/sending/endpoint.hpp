// Where a network sink sends to, as it is configured: "logs.example.org:514", "192.0.2.1:514",
// "[2001:db8::1]:514"; with TLS "tls://logs.example.org:6514"; on this machine
// "unix:/run/logs.sock".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/local_path.hpp"

namespace runnel::sinks {

struct Endpoint {
  std::string host;  // without brackets; of a Unix socket its path, which begins with a slash
  std::uint16_t port = 0;
  bool secure = false;  // by TLS

  bool is_name() const;  // has to be looked up
  bool is_local() const { return net::is_local_path(host); }
};

// The failure says what is wrong and what to write: "\"db\" has no port: write ...". A
// `standard_port` of 0: a port has to be named.
tl::expected<Endpoint, std::string> parse_endpoint(std::string_view text,
                                                   std::uint16_t standard_port = 0);
TextWriter& operator<<(TextWriter& out, const Endpoint& endpoint);

}  // namespace runnel::sinks
