// What a platform brings to reach the network: who asks the name servers, TLS, and who speaks to
// Kafka. Null: it has none, and what needs it says so at start.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "base/region.hpp"
#include "net/name_service.hpp"
#include "net/tls.hpp"

namespace runnel::net {

class KafkaLibrary;  // net/kafka.hpp

class NameLibrary {
 public:
  virtual ~NameLibrary() = default;
  // The memory of one service, in both passes; the last one is that which `open` uses.
  virtual void carve(Region& region) = 0;
  // Start-up only. One at a time.
  virtual Built<std::unique_ptr<NameService>> open() = 0;
};

struct Libraries {
  NameLibrary* names = nullptr;
  TlsLibrary* tls = nullptr;
  KafkaLibrary* kafka = nullptr;
};

}  // namespace runnel::net
