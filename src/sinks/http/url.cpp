#include "sinks/http/url.hpp"

#include <algorithm>

namespace runnel::sinks {
namespace {

// A Unix socket's path ends at the next colon.
std::size_t authority_size(std::string_view text, bool local) {
  const auto end = local ? text.find(':', net::local_scheme.size()) : text.find_first_of("/?#");
  return std::min(end, text.size());
}

}  // namespace

tl::expected<Url, std::string> parse_url(std::string_view text) {
  using Wrong = tl::unexpected<std::string>;
  constexpr std::string_view scheme = "http://", secure_scheme = "https://";
  constexpr std::uint16_t standard_port = 80, secure_port = 443;
  const bool secure = text.starts_with(secure_scheme);
  if (!secure && !text.starts_with(scheme))
    return Wrong(concat("is not an address such as \"https://logs.example.org/path\""));
  text.remove_prefix(secure ? secure_scheme.size() : scheme.size());
  const bool local = text.starts_with(net::local_scheme);
  if (local && secure)
    return Wrong(concat("is a Unix socket, where TLS is not spoken: write \"http://", text, "\""));
  const auto end = authority_size(text, local);
  Url url;
  url.authority = std::string(text.substr(0, end));
  if (!local && url.authority.find('@') != std::string::npos)
    return Wrong("has a user in it: use the options user and password");
  auto endpoint = parse_endpoint(url.authority, secure ? secure_port : standard_port);
  if (!endpoint) return Wrong(concat("is no address: ", endpoint.error()));
  url.endpoint = std::move(*endpoint);
  url.endpoint.secure = secure;
  std::string_view target = text.substr(end);
  if (local) {
    url.authority = "localhost";
    if (!target.empty()) target.remove_prefix(1);
  }
  const bool visible =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!visible || target.find('#') != target.npos)
    return Wrong("has characters in its path that must be written as %XX");
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace runnel::sinks
