// "https://host:port/path?query" (RFC 3986, as far as a request needs it); over a Unix socket as
// nginx writes it: "http://unix:/run/x.sock:/path?query".
#pragma once

#include "sinks/sending/endpoint.hpp"

namespace runnel::sinks {

struct Url {
  Endpoint endpoint;
  std::string authority;  // for Host: as it was written; of a Unix socket "localhost"
  std::string target;     // path and query, never empty
};

// The failure says what is wrong with it and what to write.
tl::expected<Url, std::string> parse_url(std::string_view text);

}  // namespace runnel::sinks
