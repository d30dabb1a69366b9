#include "sources/listening/tls_clients.hpp"

namespace runnel::sources {

TlsMemory TlsClients::carve(Region& region, const net::TlsSettings& settings, std::size_t clients) {
  TlsMemory memory;
  memory.context = region.bytes(net::tls_context_bytes(settings), "TLS: certificates");
  memory.clients = region.array<TlsClient>(clients, "TLS: clients");
  memory.sessions = region.bytes(clients * net::tls_session_bytes, "TLS: sessions");
  memory.plain = region.bytes(clients * plain_bytes, "TLS: what was decrypted");
  net::TlsStream::carve_frames(region, clients);
  region.frames(clients, net::TcpStream::frame_bytes);
  return memory;
}

TlsClients::~TlsClients() {
  // The region does not: what it holds is never destroyed.
  for (TlsClient& client : memory_.clients) {
    client.stream.reset();
    client.session.reset();
    client.tcp.reset();
  }
}

pipeline::Started TlsClients::start(pipeline::SourceContext& context,
                                    const net::TlsSettings& settings) {
  auto made = net::make_tls_context(context.network, context.system, settings, memory_.context,
                                    context.name);
  if (!made) return tl::unexpected(made.error());
  context_ = std::move(*made);
  std::size_t index = 0;
  for (TlsClient& client : memory_.clients) {
    client.tcp.emplace(context.reactor());
    client.session = context_->make_session(
        memory_.sessions.subspan(index * net::tls_session_bytes, net::tls_session_bytes));
    client.stream.emplace(*client.session, *client.tcp);
    client.plain = memory_.plain.subspan(index * plain_bytes, plain_bytes);
    ++index;
  }
  return {};
}

}  // namespace runnel::sources
