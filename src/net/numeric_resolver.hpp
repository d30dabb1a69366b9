// Only addresses in numbers: where no names are to be resolved.
#pragma once

#include "net/resolver.hpp"

namespace runnel::net {

// A numeric address without a port, with or without the brackets of IPv6; `malformed` when it is
// something else.
Result<io::Address> numeric_address(std::string_view host, std::uint16_t port);

class NumericResolver final : public Resolver {
 public:
  // Never waits. `not_found` for every name.
  async::Task<Status> resolve(std::string_view host, std::uint16_t port, Addresses& into,
                              Instant deadline) override;
};

}  // namespace runnel::net
