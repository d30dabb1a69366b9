// mbedTLS as net::TlsLibrary. One of an agent.
#pragma once

#include "net/tls.hpp"

namespace runnel::mbedtls {

class Library final : public net::TlsLibrary {
 public:
  std::size_t context_bytes(const net::TlsSettings& settings) const override;
  std::size_t session_bytes() const override;
  Built<void> check(const net::TlsSettings& settings) const override;
  Built<net::InPlace<net::TlsContext>> make_context(MutableBytes memory,
                                                    const net::TlsSettings& settings,
                                                    const net::TlsFiles& files,
                                                    net::TlsSurroundings& surroundings) override;

 private:
  net::HandshakePace pace_;
};

}  // namespace runnel::mbedtls
