#include "agent/network.hpp"

#include <algorithm>

namespace runnel::agent {

bool looks_up_names(const Settings& settings) {
  return std::any_of(settings.sinks.begin(), settings.sinks.end(),
                     [](const SinkConfig& sink) { return sink.plan->looks_up_names; });
}

Network::Network(io::System& system, const net::Libraries& libraries)
    : libraries_(libraries),
      surroundings_(system),
      services_{&numeric_, libraries.tls, &surroundings_, libraries.kafka} {}

void Network::build_names(Region& region, net::NameLibrary& library, Network* network,
                          async::Scheduler* scheduler) {
  library.carve(region);
  const net::DnsResolver::Memory memory = net::DnsResolver::carve(region);
  void* scope_place = region.place<async::Scope>("names: scope");
  void* resolver_place = region.place<net::DnsResolver>("names: resolver");
  if (network == nullptr) return;
  network->names_memory_ = memory;
  network->resolver_place_ = resolver_place;
  network->scope_ = new (scope_place) async::Scope(*scheduler, "names");
}

Built<void> Network::open_names() {
  if (resolver_place_ == nullptr) return {};
  auto names = libraries_.names->open();
  if (!names) return tl::unexpected(names.error());
  names_ = std::move(*names);
  resolver_ = new (resolver_place_) net::DnsResolver(names_memory_, *scope_, *names_);
  services_.resolver = resolver_;
  return {};
}

async::Task<void> Network::shut() {
  if (scope_ == nullptr) co_return;
  scope_->cancel();
  co_await scope_->join();
}

void Network::end() {
  if (resolver_ != nullptr) resolver_->~DnsResolver();
  if (scope_ != nullptr) scope_->~Scope();
}

}  // namespace runnel::agent
