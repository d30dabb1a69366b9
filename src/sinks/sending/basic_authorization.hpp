// The value of Authorization and Proxy-Authorization for a name and a password (RFC 7617).
#pragma once

#include <string>
#include <string_view>

namespace runnel::sinks {

// Of "user:password", which is not longer than this.
inline constexpr std::size_t basic_secret_bytes_max = 1025;
// Start-up only. "Basic dXNlcjpwYXNzd29yZA==".
std::string basic_authorization(std::string_view user_and_password);

}  // namespace runnel::sinks
