// mbedTLS as net::TlsLibrary. One of an agent.
#pragma once

#include "net/tls.hpp"

namespace runnel::mbedtls {

class Library final : public net::TlsLibrary {
 public:
  Built<net::InPlace<net::TlsContext>> make_context(MutableBytes memory,
                                                    const net::TlsSettings& settings,
                                                    const net::TlsFiles& files,
                                                    net::TlsSurroundings& surroundings,
                                                    const char* owner) override;

 private:
  net::HandshakePace pace_;
};

}  // namespace runnel::mbedtls
