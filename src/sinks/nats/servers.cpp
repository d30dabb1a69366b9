#include "sinks/nats/servers.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace runnel::sinks {
namespace {

bool stands_in_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == ':';
}

}  // namespace

NatsServers::NatsServers(std::span<const Endpoint> configured, std::uint64_t random)
    : configured_(configured) {
  RUNNEL_ASSERT(!configured.empty());
  std::size_t longest = host_bytes_max;
  for (const Endpoint& each : configured) longest = std::max(longest, each.host.size());
  current_.host.reserve(longest);
  current_.secure = configured.front().secure;
  at_ = static_cast<std::size_t>(random % configured.size());
  choose();
}

void NatsServers::advance() {
  at_ = (at_ + 1) % count();
  choose();
}

void NatsServers::choose() {
  if (at_ < configured_.size()) {
    current_.host.assign(configured_[at_].host);
    current_.port = configured_[at_].port;
    return;
  }
  const Learned& learned = learned_[at_ - configured_.size()];
  current_.host.assign(learned.text());
  current_.port = learned.port;
}

void NatsServers::learn(std::string_view url) {
  const auto colon = url.rfind(':');
  if (colon == std::string_view::npos || learned_count_ == learned_max) return;
  std::string_view host = url.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = parse_number(url.substr(colon + 1));
  if (host.empty() || host.size() > host_bytes_max || !std::ranges::all_of(host, stands_in_host) ||
      !port || *port == 0 || *port > 65535)
    return;
  const auto number = static_cast<std::uint16_t>(*port);
  if (knows(host, number)) return;
  Learned& learned = learned_[learned_count_++];
  learned.size = static_cast<std::uint8_t>(host.copy(learned.host.data(), host_bytes_max));
  learned.port = number;
}

bool NatsServers::knows(std::string_view host, std::uint16_t port) const {
  for (const Endpoint& each : configured_)
    if (each.host == host && each.port == port) return true;
  for (const Learned& each : std::span(learned_).first(learned_count_))
    if (each.text() == host && each.port == port) return true;
  return false;
}

}  // namespace runnel::sinks
