// Connects to a host: resolves its name and tries its addresses until one answers. The next address
// is tried when the one before has not answered within a quarter of a second, without giving that
// one up (RFC 8305 section 5): a family that is broken costs little. A Unix socket has one address,
// its path, and no name to look up.
#pragma once

#include <string_view>

#include "async/notice.hpp"
#include "base/region.hpp"
#include "io/system.hpp"
#include "net/resolver.hpp"
#include "net/tcp_stream.hpp"

namespace runnel::net {

class Dialer {
 public:
  static constexpr Duration attempt_delay = std::chrono::milliseconds(250);

  // What one dialer needs of the arena and of the driver's handles.
  static void carve(Region& region);
  Dialer(async::Scheduler& scheduler, io::System& system, Resolver& resolver)
      : scheduler_(scheduler), system_(system), resolver_(resolver) {}

  // Opens `stream`, which must be closed. One call at a time. Errors of the resolver, or that of
  // the last attempt; `timed_out` at the deadline. `host` stays until the task has ended. One that
  // begins with a slash is the path of a Unix socket, and has no port.
  async::Task<Status> dial(std::string_view host, std::uint16_t port, TcpStream& stream,
                           Instant deadline);
  // Whom the last success has connected to, or whom the last attempt tried.
  const io::Address& peer() const { return peer_; }

 private:
  void take_path(std::string_view path);
  async::Task<Status> race(TcpStream& stream, Instant deadline);
  async::Task<void> attempt(std::size_t index, Instant deadline);

  async::Scheduler& scheduler_;
  io::System& system_;
  Resolver& resolver_;
  Addresses addresses_;
  std::array<char, io::local_path_bytes_max + 1> path_ = {};  // with a zero behind it
  async::Notice ended_;                                       // an attempt has
  std::size_t running_ = 0;
  io::Handle connected_ = io::Handle::none;
  Error failure_ = Error::none;
  io::Address peer_;
};

}  // namespace runnel::net
