// What clients of `tls://` addresses need besides a connection: a session of TLS each, a stream
// over it, and room for what was decrypted; and one context for all. Made at start, used again for
// the next client. A session takes its memory when its client comes, all of it planned.
#pragma once

#include <optional>
#include <span>

#include "net/tcp_stream.hpp"
#include "net/tls_stream.hpp"
#include "pipeline/context.hpp"

namespace runnel::sources {

struct TlsClient {
  std::optional<net::TcpStream> tcp;
  net::InPlace<net::TlsSession> session;
  std::optional<net::TlsStream> stream;
  MutableBytes plain;
};

struct TlsMemory {
  MutableBytes context, sessions, plain;
  std::span<TlsClient> clients;
};

class TlsClients {
 public:
  static constexpr std::size_t plain_bytes = 4 * 1024;

  static TlsMemory carve(Region& region, const net::TlsSettings& settings, std::size_t clients);
  explicit TlsClients(const TlsMemory& memory) : memory_(memory) {}
  ~TlsClients();
  TlsClients(const TlsClients&) = delete;
  TlsClients& operator=(const TlsClients&) = delete;

  // Reads the files that `settings`, which outlive this, name. Once.
  pipeline::Started start(pipeline::SourceContext& context, const net::TlsSettings& settings);
  std::span<TlsClient> all() const { return memory_.clients; }

 private:
  TlsMemory memory_;
  net::InPlace<net::TlsContext> context_;
};

}  // namespace runnel::sources
