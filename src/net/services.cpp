#include "net/services.hpp"

namespace runnel::net {

Built<InPlace<TlsContext>> make_tls_context(const Services& services, io::System& system,
                                            const TlsSettings& settings, MutableBytes memory,
                                            const char* owner) {
  if (services.tls == nullptr)
    return problem("the address asks for TLS, but this platform has none");
  const auto files = read_tls_files(system, settings);
  if (!files) return tl::unexpected(files.error());
  return services.tls->make_context(memory, settings, *files, *services.surroundings, owner);
}

}  // namespace runnel::net
