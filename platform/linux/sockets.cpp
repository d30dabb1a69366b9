#include <algorithm>
#include <array>
#include <cerrno>

#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/linux/address.hpp"
#include "platform/linux/errno.hpp"
#include "platform/linux/local_sockets.hpp"
#include "platform/linux/system.hpp"

namespace runnel::linux_os {
namespace {

constexpr std::uint32_t receive_buffer_bytes_max = 256U * 1024 * 1024;

// Closes what it still holds, so that every failure below is one return.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }
  io::Handle release() { return static_cast<io::Handle>(std::exchange(descriptor_, -1)); }

 private:
  int descriptor_;
};

int make_socket(io::Transport transport, io::Family family) {
  const int domain = family == io::Family::local  ? AF_UNIX
                     : family == io::Family::ipv6 ? AF_INET6
                                                  : AF_INET;
  const int type = transport == io::Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
  return ::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

bool set_option(int socket, int level, int name, int value) {
  return ::setsockopt(socket, level, name, &value, sizeof(value)) == 0;
}

bool is_any(const io::Address& address) {
  return std::all_of(address.ip.begin(), address.ip.end(), [](auto byte) { return byte == 0; });
}

void ask_for_receive_buffer(int socket, std::uint32_t bytes) {
  if (bytes == 0) return;
  const int wanted = static_cast<int>(std::min(bytes, receive_buffer_bytes_max));
  // With CAP_NET_ADMIN past net.core.rmem_max; otherwise as much as that allows.
  if (!set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, wanted))
    set_option(socket, SOL_SOCKET, SO_RCVBUF, wanted);
}

bool bind_patiently(int socket, const sockaddr* where, socklen_t size) {
  for (int attempt = 1;; ++attempt) {
    if (::bind(socket, where, size) == 0) return true;
    if (errno != EADDRINUSE || attempt == bind_attempts_max) return false;
    ::usleep(bind_pause_us);
  }
}

}  // namespace

Result<io::Handle> LinuxSystem::listen(io::Transport transport, const io::Address& address,
                                       const io::ListenOptions& options) {
  sockaddr_storage where;
  const socklen_t size = to_kernel(address, where, options.path);
  if (size == 0) return fail(Error::malformed);
  const bool local = address.family == io::Family::local;
  Socket socket(make_socket(transport, address.family));
  if (socket.get() < 0) return fail(last_error());

  // Restarting must not wait for the connections of the process before. Not for datagrams: there
  // it would let two processes share a port, and one of them starve.
  if (transport == io::Transport::tcp && !local)
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  // "[::]" means every address of this machine, those of IPv4 too.
  if (address.family == io::Family::ipv6)
    set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, is_any(address) ? 0 : 1);
  ask_for_receive_buffer(socket.get(), options.receive_buffer_bytes);

  const auto* const to = reinterpret_cast<const sockaddr*>(&where);
  if (local) {
    if (const Status bound = bind_local(socket.get(), options.path, to, size, options.mode); !bound)
      return fail(bound.error());
  } else if (!bind_patiently(socket.get(), to, size)) {
    return fail(last_error());
  }
  if (transport == io::Transport::tcp) {
    // Accepted connections inherit it: a reply in several sends does not wait for the peer's
    // acknowledgement, which may take its time.
    if (!local) set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    const auto backlog = static_cast<int>(std::clamp(options.backlog, 1U, 65535U));
    if (::listen(socket.get(), backlog) != 0) return fail(last_error());
  }
  return socket.release();
}

Result<io::Handle> LinuxSystem::socket(io::Transport transport, io::Family family) {
  if (family == io::Family::none) return fail(Error::malformed);
  const int made = make_socket(transport, family);
  if (made < 0) return fail(last_error());
  // What is sent is whole: nothing is gained by waiting for more.
  if (transport == io::Transport::tcp && family != io::Family::local)
    set_option(made, IPPROTO_TCP, TCP_NODELAY, 1);
  return static_cast<io::Handle>(made);
}

Result<io::Address> LinuxSystem::local_address(io::Handle handle) {
  sockaddr_storage address;
  socklen_t size = sizeof(address);
  if (::getsockname(static_cast<int>(handle), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return fail(last_error());
  return from_kernel(&address, size);
}

Result<io::StreamState> LinuxSystem::stream_state(io::Handle handle) {
  const int socket = static_cast<int>(handle);
  if (is_local(socket)) return local_stream_state(socket);
  int broken = 0;
  socklen_t size = sizeof(broken);
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &broken, &size) != 0) return fail(last_error());
  if (broken != 0) return fail(error_from_errno(broken));
  tcp_info info = {};
  size = sizeof(info);
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return fail(last_error());
  // Once it is closed the queue is empty, whatever became of it.
  if (info.tcpi_state == TCP_CLOSE) return fail(Error::reset);
  int unacknowledged = 0;
  if (::ioctl(socket, SIOCOUTQ, &unacknowledged) != 0) return fail(last_error());
  io::StreamState state;
  state.unacknowledged_bytes = static_cast<std::uint64_t>(unacknowledged);
  state.peer_finished = info.tcpi_state == TCP_CLOSE_WAIT;
  return state;
}

Result<std::uint64_t> LinuxSystem::datagrams_dropped(io::Handle handle) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> values = {};
  socklen_t size = sizeof(values);
  if (::getsockopt(static_cast<int>(handle), SOL_SOCKET, SO_MEMINFO, values.data(), &size) != 0)
    return fail(last_error());
  return std::uint64_t{values[SK_MEMINFO_DROPS]};
}

}  // namespace runnel::linux_os
