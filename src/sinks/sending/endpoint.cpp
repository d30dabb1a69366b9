#include "sinks/sending/endpoint.hpp"

#include <algorithm>

#include "net/numeric_resolver.hpp"

namespace runnel::sinks {
namespace {

constexpr std::size_t host_bytes_max = 253;  // RFC 1035 section 2.3.4, as text

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

constexpr std::string_view plain_scheme = "tcp://", secure_scheme = "tls://";

}  // namespace

bool Endpoint::is_name() const {
  return !is_local() && !net::numeric_address(host, port).has_value();
}

tl::expected<Endpoint, std::string> parse_endpoint(std::string_view text,
                                                   std::uint16_t standard_port) {
  using Wrong = tl::unexpected<std::string>;
  Endpoint endpoint;
  if (text.starts_with(net::local_scheme)) {
    auto path = net::parse_local_path(text.substr(net::local_scheme.size()));
    if (!path) return Wrong(std::move(path.error()));
    endpoint.host = std::move(*path);
    return endpoint;
  }
  if (net::is_local_path(text))
    return Wrong(concat("\"", text, "\" is a path: write \"unix:", text, "\""));
  endpoint.secure = text.starts_with(secure_scheme);
  if (endpoint.secure || text.starts_with(plain_scheme)) text.remove_prefix(secure_scheme.size());
  if (text.starts_with(net::local_scheme))
    return Wrong(concat("\"", text, "\" is a Unix socket, which has neither TLS nor TCP: write \"",
                        text, "\" alone"));
  std::string_view host = text, port;
  const auto bracket = text.rfind(']');
  const auto colon = text.rfind(':');
  const bool has_port = colon != text.npos && (bracket == text.npos || colon > bracket);
  if (has_port) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  endpoint.port = standard_port;
  if (has_port) {
    const auto number = parse_number(port);
    if (!number || *number == 0 || *number > 65535)
      return Wrong(concat("\"", port, "\" is not a port: a number from 1 to 65535"));
    endpoint.port = static_cast<std::uint16_t>(*number);
  }
  if (endpoint.port == 0)
    return Wrong(concat("\"", text, "\" has no port: write for example \"", text, ":5170\""));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!net::numeric_address(host, endpoint.port))
      return Wrong(concat("\"", host, "\" is not an IPv6 address"));
  } else if (host.find(':') != host.npos) {
    return Wrong(concat(
        "\"", text, "\": an IPv6 address stands in brackets, as in \"[::1]:", endpoint.port, "\""));
  } else if (host.empty() || host.size() > host_bytes_max ||
             !std::all_of(host.begin(), host.end(), is_host_character)) {
    return Wrong(concat("\"", host, "\" is not a host: a name or an address"));
  }
  endpoint.host = std::string(host);
  return endpoint;
}

TextWriter& operator<<(TextWriter& out, const Endpoint& endpoint) {
  if (endpoint.is_local()) return out << net::local_scheme << endpoint.host;
  const bool ipv6 = endpoint.host.find(':') != std::string::npos;
  return out << (ipv6 ? "[" : "") << endpoint.host << (ipv6 ? "]:" : ":") << endpoint.port;
}

}  // namespace runnel::sinks
