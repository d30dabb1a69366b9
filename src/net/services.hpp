// What the agent has once and its components share to reach the network.
#pragma once

#include "net/resolver.hpp"
#include "net/tls.hpp"

namespace runnel::net {

class KafkaLibrary;  // net/kafka.hpp

struct Services {
  Resolver* resolver = nullptr;             // never null while components live
  TlsLibrary* tls = nullptr;                // null: this platform has none
  TlsSurroundings* surroundings = nullptr;  // set when `tls` is
  KafkaLibrary* kafka = nullptr;            // null: this build has none
};

// Reads the files that `settings` name and makes a context in `memory` (`tls_context_bytes`).
// Start-up only. `settings` and `owner` as for `TlsLibrary::make_context`.
Built<InPlace<TlsContext>> make_tls_context(const Services& services, io::System& system,
                                            const TlsSettings& settings, MutableBytes memory,
                                            const char* owner);

}  // namespace runnel::net
