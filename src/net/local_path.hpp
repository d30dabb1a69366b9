// Unix sockets as a configuration names them: "unix:/run/x.sock", also "unix:///run/x.sock".
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace runnel::net {

inline constexpr std::string_view local_scheme = "unix:";

// What stands where a host could: no name and no address begins with a slash.
inline bool is_local_path(std::string_view host) { return host.starts_with('/'); }

// Of what is written behind the scheme the path: absolute, of a file, at most
// io::local_path_bytes_max bytes without control characters. The failure says what is wrong with it
// and how it should look. Start-up only.
tl::expected<std::string, std::string> parse_local_path(std::string_view text);

}  // namespace runnel::net
