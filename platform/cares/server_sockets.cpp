#include "platform/cares/server_sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "platform/linux/errno.hpp"

namespace runnel::cares {
namespace {

std::uint32_t events_for(bool wants_writable) {
  return wants_writable ? std::uint32_t{EPOLLIN} | std::uint32_t{EPOLLOUT} : std::uint32_t{EPOLLIN};
}

bool is_link_local(const in6_addr& ip) {
  return ip.s6_addr[0] == 0xFE && (ip.s6_addr[1] & 0xC0) == 0x80;
}

}  // namespace

ServerSockets::~ServerSockets() {
  RUNNEL_ASSERT(open_count() == 0);
  if (set_ >= 0) ::close(set_);
}

Status ServerSockets::open() {
  set_ = ::epoll_create1(EPOLL_CLOEXEC);
  return set_ >= 0 ? Error::none : linux_os::last_error();
}

std::size_t ServerSockets::open_count() const {
  return static_cast<std::size_t>(std::count_if(
      members_.begin(), members_.end(), [](const Member& each) { return each.socket >= 0; }));
}

ServerSockets::Member* ServerSockets::find(int socket) {
  for (Member& each : members_)
    if (each.socket == socket) return &each;
  return nullptr;
}

void ServerSockets::each_ready(FunctionRef<void(int, bool, bool)> each) {
  epoll_event events[sockets_max];
  const int count = ::epoll_wait(set_, events, static_cast<int>(sockets_max), 0);
  for (int index = 0; index < count; ++index) {
    const epoll_event& event = events[index];
    // Closed meanwhile, on behalf of one before it.
    if (find(event.data.fd) == nullptr) continue;
    const bool failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    each(event.data.fd, failed || (event.events & EPOLLIN) != 0,
         failed || (event.events & EPOLLOUT) != 0);
  }
}

void ServerSockets::want_writable(int socket, bool wanted) {
  Member* member = find(socket);
  if (member == nullptr || member->wants_writable == wanted) return;
  member->wants_writable = wanted;
  epoll_event event = {};
  event.events = events_for(wanted);
  event.data.fd = socket;
  RUNNEL_ASSERT(::epoll_ctl(set_, EPOLL_CTL_MOD, socket, &event) == 0);
}

int ServerSockets::make(int domain, int type, int protocol) {
  Member* member = find(-1);
  if (member == nullptr) {
    errno = EMFILE;
    return -1;
  }
  const int made = ::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (made < 0) return -1;
  epoll_event event = {};
  event.events = events_for(false);
  event.data.fd = made;
  if (::epoll_ctl(set_, EPOLL_CTL_ADD, made, &event) != 0) {
    const int why = errno;
    ::close(made);
    errno = why;
    return -1;
  }
  *member = {made, type == SOCK_STREAM, false};
  return made;
}

// Closing takes it out of the set: nobody else holds it.
int ServerSockets::close(int socket) {
  Member* member = find(socket);
  RUNNEL_ASSERT(member != nullptr);
  *member = {};
  return ::close(socket);
}

int ServerSockets::connect(int socket, const sockaddr* address, socklen_t size) {
  sockaddr_in6 to;
  if (address->sa_family != AF_INET6 || size < sizeof(to)) return ::connect(socket, address, size);
  std::memcpy(&to, address, sizeof(to));
  // c-ares 1.18 keeps no interface with a server's address.
  for (std::size_t index = 0; is_link_local(to.sin6_addr) && index < settings_->server_count;
       ++index) {
    const auto& server = settings_->servers[index];
    if (std::memcmp(server.address.ip.data(), &to.sin6_addr, sizeof(to.sin6_addr)) == 0)
      to.sin6_scope_id = ::if_nametoindex(server.interface.data());
  }
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
}

ssize_t ServerSockets::receive(int socket, void* into, std::size_t size, int flags, sockaddr* from,
                               socklen_t* from_size) {
  const Member* member = find(socket);
  const bool is_datagram = member != nullptr && !member->is_stream;
  if (is_datagram && --datagrams_left_ < 0) {
    errno = EAGAIN;
    return -1;
  }
  const ssize_t got = ::recvfrom(socket, into, size, flags, from, from_size);
  // An empty datagram is not the end of a stream, which c-ares would take it for.
  if (is_datagram && got == 0) {
    errno = EAGAIN;
    return -1;
  }
  return got;
}

ssize_t ServerSockets::send(int socket, const iovec* pieces, int count) {
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

}  // namespace runnel::cares
