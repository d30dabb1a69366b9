// A sink's connection to its destination: opened when it is needed, with deadlines for everything,
// with TLS where the address says so, and counted. Between deliveries the runner backs off; an
// uplink itself never waits to try again.
#pragma once

#include <optional>

#include "net/dialer.hpp"
#include "net/tcp_stream.hpp"
#include "net/tls_stream.hpp"
#include "pipeline/component.hpp"
#include "sinks/sending/endpoint.hpp"

namespace runnel::sinks {

struct UplinkSettings {
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(30);
  std::optional<net::TlsSettings> tls;  // none: it is not spoken
};

// Of a sink that `connects`. TLS for an endpoint that is `secure`.
pipeline::Checked<UplinkSettings> uplink_settings(const pipeline::OptionValues& values,
                                                  const Endpoint& endpoint);
pipeline::Checked<Endpoint> endpoint_from(const pipeline::OptionValues& values,
                                          std::string_view option, std::uint16_t standard_port = 0);

// Where a sink sends to, and how.
struct Destination {
  Endpoint endpoint;
  UplinkSettings uplink;
};
pipeline::Checked<Destination> destination_from(const pipeline::OptionValues& values,
                                                Endpoint endpoint);

struct UplinkMemory {
  MutableBytes tls_context, tls_session;  // empty: no TLS
};

class Uplink {
 public:
  static UplinkMemory carve(Region& region, const UplinkSettings& settings);
  // All of them outlive it.
  Uplink(pipeline::SinkContext& context, const UplinkSettings& settings,
         const UplinkMemory& memory);

  // Reads the files of TLS. Once, before anything else.
  pipeline::Started start();

  bool is_open() const { return tcp_.is_open(); }
  // Connects to `endpoint`, which stays until it is closed again. It must be closed. With TLS, if
  // there are settings for it: `secure` has been called.
  async::Task<Status> open(const Endpoint& endpoint);
  // The two steps of that, for protocols that speak in clear first.
  async::Task<Status> connect(const Endpoint& endpoint);
  async::Task<Status> secure(const Endpoint& endpoint);
  // What the last failure to open has to say beyond its error ("the certificate expired on ...");
  // may be empty. Until the next attempt.
  std::string_view reason() const { return reason_; }
  void close();
  // Says goodbye first, where the peer could take an end for a cut (TLS). Bounded.
  async::Task<void> end();

  // All of it, as fast as the link allows and as long as it gets on: `timed_out` after a
  // reply_timeout without progress.
  async::Task<Status> write(Bytes bytes);
  // 1 to `into.size()` bytes; `closed` at the end; `timed_out` at the deadline, and the connection
  // stays as it was.
  async::Task<Result<std::uint32_t>> read(MutableBytes into, Instant deadline);
  // Within reply_timeout.
  async::Task<Result<std::uint32_t>> read(MutableBytes into);
  Instant reply_deadline() const { return after(context_.now(), settings_.reply_timeout); }

  // Whether the connection that was idle can still be used: the peer may have ended it.
  bool is_alive() const;
  // Until the peer's kernel has acknowledged everything; of a Unix socket, until the peer's program
  // has read it. An error when it did not, or when the peer
  // said goodbye meanwhile: then nobody knows what it has read.
  async::Task<Status> acknowledged();

 private:
  net::Stream& stream() { return secured_ ? static_cast<net::Stream&>(*tls_) : tcp_; }
  void count(std::size_t admitted);

  pipeline::SinkContext& context_;
  const UplinkSettings& settings_;
  UplinkMemory memory_;
  net::TcpStream tcp_;
  net::Dialer dialer_;
  net::InPlace<net::TlsContext> tls_context_;
  net::InPlace<net::TlsSession> tls_session_;
  std::optional<net::TlsStream> tls_;
  bool secured_ = false;
  std::string_view reason_;
  std::uint64_t counted_ = 0;  // of what this connection has sent
};

}  // namespace runnel::sinks
