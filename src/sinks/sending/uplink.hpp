// A sink's connection to its destination: opened when it is needed, with deadlines for everything,
// and counted. Between deliveries the runner backs off; an uplink itself never waits to try again.
#pragma once

#include "net/dialer.hpp"
#include "net/tcp_stream.hpp"
#include "pipeline/component.hpp"
#include "sinks/sending/endpoint.hpp"

namespace runnel::sinks {

struct UplinkSettings {
  Duration connect_timeout = std::chrono::seconds(10);
  Duration reply_timeout = std::chrono::seconds(30);
};

inline constexpr pipeline::Option connect_timeout_option = {
    .name = "connect_timeout",
    .type = pipeline::OptionType::duration,
    .standard = "10s",
    .help = "an attempt to connect, name and all, is given up after so long",
    .minimum = 1'000'000,
    .maximum = 3'600'000'000'000,
};
inline constexpr pipeline::Option reply_timeout_option = {
    .name = "reply_timeout",
    .type = pipeline::OptionType::duration,
    .standard = "30s",
    .help = "a connection is given up when nothing moves on it for so long while something should",
    .minimum = 1'000'000,
    .maximum = 3'600'000'000'000,
};
UplinkSettings uplink_settings(const pipeline::OptionValues& values);
pipeline::Checked<Endpoint> endpoint_from(const pipeline::OptionValues& values,
                                          std::string_view option, std::uint16_t standard_port = 0);

class Uplink {
 public:
  static void carve(Region& region);
  // All of them outlive it.
  Uplink(pipeline::SinkContext& context, const UplinkSettings& settings);

  bool is_open() const { return tcp_.is_open(); }
  // Connects to `endpoint`, which stays until it is closed again. It must be closed.
  async::Task<Status> open(const Endpoint& endpoint);
  void close() { tcp_.close(); }

  // All of it, as long as it gets on: `timed_out` after a reply_timeout without progress.
  async::Task<Status> write(Bytes bytes);
  // 1 to `into.size()` bytes; `closed` at the end; `timed_out` at the deadline, and the connection
  // stays as it was.
  async::Task<Result<std::uint32_t>> read(MutableBytes into, Instant deadline);
  // Within reply_timeout.
  async::Task<Result<std::uint32_t>> read(MutableBytes into);
  Instant reply_deadline() const { return after(context_.now(), settings_.reply_timeout); }

  // Whether the connection that was idle can still be used: the peer may have ended it.
  bool is_alive() const;
  // Until the peer's kernel has acknowledged everything. An error when it did not, or when the peer
  // said goodbye meanwhile: then nobody knows what it has read.
  async::Task<Status> acknowledged();

 private:
  pipeline::SinkContext& context_;
  const UplinkSettings& settings_;
  net::TcpStream tcp_;
  net::Dialer dialer_;
};

}  // namespace runnel::sinks
