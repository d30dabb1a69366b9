#include "net/numeric_resolver.hpp"

#include "base/text.hpp"

namespace runnel::net {

Result<io::Address> numeric_address(std::string_view host, std::uint16_t port) {
  const bool bare_ipv6 = host.find(':') != host.npos && !host.starts_with('[');
  const Text<128> text(bare_ipv6 ? "[" : "", host, bare_ipv6 ? "]:" : ":", port);
  if (text.cut()) return fail(Error::malformed);
  return io::parse_address(text.text());
}

async::Task<Status> NumericResolver::resolve(std::string_view host, std::uint16_t port,
                                             Addresses& into, Instant) {
  into.count = 0;
  const auto address = numeric_address(host, port);
  if (!address) co_return Error::not_found;
  into.all[into.count++] = *address;
  co_return Status();
}

}  // namespace runnel::net
