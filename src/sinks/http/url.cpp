#include "sinks/http/url.hpp"

#include <algorithm>

namespace runnel::sinks {

tl::expected<Url, std::string> parse_url(std::string_view text) {
  using Wrong = tl::unexpected<std::string>;
  constexpr std::string_view scheme = "http://";
  constexpr std::uint16_t standard_port = 80;
  if (text.starts_with("https://"))
    return Wrong(
        "is an https address, but this version has no TLS yet; send over a tunnel or a "
        "local proxy that has");
  if (!text.starts_with(scheme))
    return Wrong(concat("is not an address such as \"http://192.0.2.1:8080/path\""));
  text.remove_prefix(scheme.size());
  const auto slash = std::min(text.find_first_of("/?#"), text.size());
  Url url;
  url.authority = std::string(text.substr(0, slash));
  if (url.authority.find('@') != std::string::npos)
    return Wrong("has a user in it: use the options user and password");
  auto endpoint = parse_endpoint(url.authority, standard_port);
  if (!endpoint) return Wrong(concat("is no address: ", endpoint.error()));
  url.endpoint = std::move(*endpoint);
  const std::string_view target = text.substr(slash);
  const bool visible =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!visible || target.find('#') != target.npos)
    return Wrong("has characters in its path that must be written as %XX");
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace runnel::sinks
