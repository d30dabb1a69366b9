// The agent's way to the network, as its components get it: names are looked up and TLS is spoken
// by libraries of the platform. Memory for names is planned when some component's destination is
// one.
#pragma once

#include <memory>
#include <optional>

#include "agent/settings.hpp"
#include "async/scope.hpp"
#include "net/dns_resolver.hpp"
#include "net/libraries.hpp"
#include "net/numeric_resolver.hpp"
#include "net/services.hpp"

namespace runnel::agent {

bool looks_up_names(const Settings& settings);

class Network {
 public:
  Network(io::System& system, const net::Libraries& libraries);
  ~Network() { end(); }

  // In both passes, only when names are looked up; `network` is null when measuring.
  static void build_names(Region& region, net::NameLibrary& library, Network* network,
                          async::Scheduler* scheduler);
  // Opens the names that were built. Start-up only, before tasks run.
  Built<void> open_names();
  // Questions that are open are answered with `cancelled`.
  async::Task<void> shut();

  const net::Services& services() const { return services_; }
  const net::Libraries& libraries() const { return libraries_; }

 private:
  void end();

  net::Libraries libraries_;
  net::SystemSurroundings surroundings_;
  net::NumericResolver numeric_;
  net::Services services_;

  net::DnsResolver::Memory names_memory_;
  void* resolver_place_ = nullptr;  // null: no names
  async::Scope* scope_ = nullptr;
  std::unique_ptr<net::NameService> names_;
  net::DnsResolver* resolver_ = nullptr;
};

}  // namespace runnel::agent
