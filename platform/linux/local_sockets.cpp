#include "platform/linux/local_sockets.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "platform/linux/errno.hpp"

namespace runnel::linux_os {
namespace {

// Two that start at one path at the same time would both find it stale, and the slower one would
// remove what the faster one has just made. So the folder is locked from the look to the bind;
// where it cannot be (nobody may read it, somebody keeps it), it goes without.
class FolderLock {
 public:
  explicit FolderLock(std::string_view path) {
    std::array<char, io::local_path_bytes_max + 1> folder = {};
    path.substr(0, path.rfind('/') + 1).copy(folder.data(), folder.size() - 1);
    descriptor_ = ::open(folder.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ < 0) return;
    for (int attempt = 1; ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0; ++attempt) {
      if (errno != EWOULDBLOCK || attempt == bind_attempts_max) return;
      ::usleep(bind_pause_us);
    }
  }
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

// The file has its mode from the beginning: there is no moment in which others may connect.
int bind_with_mode(int socket, const sockaddr* where, socklen_t size, mode_t mode) {
  if (::fchmod(socket, mode) != 0) return -1;
  const mode_t before = ::umask(0);
  const int answer = ::bind(socket, where, size);
  const int reason = errno;
  ::umask(before);
  errno = reason;
  return answer;
}

// Whether a process has the socket at this path. It need not notice: asked for another type of
// socket than it is, the kernel says EPROTOTYPE where there is one, and refuses where there is
// none.
Status ask_who_has(const sockaddr* where, socklen_t size) {
  const int probe = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return last_error();
  const int answer = ::connect(probe, where, size);
  const int reason = errno;
  ::close(probe);
  if (answer == 0) return Error::in_use;
  if (reason == ECONNREFUSED || reason == ENOENT) return {};
  return reason == EACCES ? Error::access : Error::in_use;
}

// Ok: nothing is there any more.
Status clear_stale(const char* path, const sockaddr* where, socklen_t size) {
  struct stat info;
  if (::lstat(path, &info) != 0) return errno == ENOENT ? Status() : Status(last_error());
  if (!S_ISSOCK(info.st_mode)) return Error::exists;
  if (const Status free = ask_who_has(where, size); !free) return free;
  if (::unlink(path) != 0 && errno != ENOENT) return last_error();
  return {};
}

Status try_to_bind(int socket, const char* path, const sockaddr* where, socklen_t size,
                   mode_t mode) {
  if (bind_with_mode(socket, where, size, mode) == 0) return {};
  if (errno != EADDRINUSE) return last_error();
  if (const Status cleared = clear_stale(path, where, size); !cleared) return cleared;
  if (bind_with_mode(socket, where, size, mode) == 0) return {};
  return last_error();
}

}  // namespace

Status bind_local(int socket, const char* path, const sockaddr* where, socklen_t size,
                  std::uint16_t mode) {
  const FolderLock lock(path);
  for (int attempt = 1;; ++attempt) {
    const Status bound = try_to_bind(socket, path, where, size, mode);
    if (bound.error() != Error::in_use || attempt == bind_attempts_max) return bound;
    ::usleep(bind_pause_us);
  }
}

bool is_local(int socket) {
  int domain = 0;
  socklen_t size = sizeof(domain);
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

Result<io::StreamState> local_stream_state(int socket) {
  io::StreamState state;
  // What this socket holds of the kernel's memory: nothing once the peer has read everything. It is
  // asked first: a peer that dies leaves its error before its kernel drops what it had not read.
  int held = 0;
  if (::ioctl(socket, SIOCOUTQ, &held) != 0) return fail(last_error());
  state.unacknowledged_bytes = static_cast<std::uint64_t>(held);
  int broken = 0;
  socklen_t size = sizeof(broken);
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &broken, &size) != 0) return fail(last_error());
  if (broken != 0) return fail(error_from_errno(broken));
  pollfd asked = {socket, POLLRDHUP, 0};
  state.peer_finished = ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP)) != 0;
  return state;
}

}  // namespace runnel::linux_os
