#include "platform/linux/calls.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "platform/linux/address.hpp"
#include "platform/linux/errno.hpp"
#include "platform/linux/uninterrupted.hpp"

namespace runnel::linux_os {
namespace {

using io::Operation;

int descriptor_of(const Operation& operation) { return static_cast<int>(operation.handle); }

bool is_ready(int descriptor, short events) {
  pollfd asked = {descriptor, events, 0};
  // Errors and hang-ups count as ready: the call itself then says what they are.
  return uninterrupted([&] { return ::poll(&asked, 1, 0); }) != 0;
}

// The end of a verb whose call answers with a count, a descriptor or -1.
template <class Integer>
Progress done(Operation& operation, Integer answer) {
  if (answer < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Progress::would_block;
    operation.error = last_error();
    operation.result = 0;
    return Progress::done;
  }
  operation.error = Error::none;
  operation.result = static_cast<std::int32_t>(answer);
  return Progress::done;
}

// For calls that have no notion of blocking: EAGAIN is then a refusal like any other.
Progress done_status(Operation& operation, int answer) {
  operation.error = answer < 0 ? last_error() : Error::none;
  operation.result = 0;
  return Progress::done;
}

Progress accept(Operation& operation) {
  const int listener = descriptor_of(operation);
  // The listener itself may be a blocking one: there is no per-call flag for accept.
  if (!is_ready(listener, POLLIN)) return Progress::would_block;
  sockaddr_storage from = {};
  socklen_t size = sizeof(from);
  const int accepted = uninterrupted([&] {
    size = sizeof(from);
    return ::accept4(listener, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC);
  });
  if (accepted >= 0 && operation.peer != nullptr) *operation.peer = from_kernel(&from, size);
  return done(operation, accepted);
}

// Linux lets connect be called again once the socket is writable: it then answers for the attempt
// that is under way, with success or with the error that SO_ERROR would have given.
Progress connect(Operation& operation) {
  RUNNEL_ASSERT(operation.peer != nullptr);
  const int descriptor = descriptor_of(operation);
  sockaddr_storage to;
  const socklen_t size = to_kernel(*operation.peer, to, operation.path);
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0) return done_status(operation, flags);
  // Given back afterwards: io_uring answers EAGAIN on descriptors that are non-blocking.
  const bool was_blocking = (flags & O_NONBLOCK) == 0;
  if (was_blocking) ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  const int answer =
      uninterrupted([&] { return ::connect(descriptor, reinterpret_cast<sockaddr*>(&to), size); });
  const int reason = errno;
  if (was_blocking) ::fcntl(descriptor, F_SETFL, flags);
  // A Unix socket whose backlog is full; it never becomes ready for another attempt.
  const bool refuses = reason == EAGAIN && operation.peer->family == io::Family::local;
  errno = refuses ? ECONNREFUSED : reason;
  if (answer < 0 && (reason == EINPROGRESS || reason == EALREADY)) return Progress::would_block;
  return done_status(operation, answer);
}

Progress receive(Operation& operation) {
  return done(operation, uninterrupted([&] {
                return ::recv(descriptor_of(operation), operation.data, operation.size,
                              MSG_DONTWAIT);
              }));
}

Progress send(Operation& operation) {
  return done(operation, uninterrupted([&] {
                return ::send(descriptor_of(operation), operation.data, operation.size,
                              MSG_DONTWAIT | MSG_NOSIGNAL);
              }));
}

ssize_t receive_datagram(int descriptor, std::byte* into, std::size_t size, io::Address* peer,
                         bool& truncated) {
  sockaddr_storage from = {};
  iovec piece = {into, size};
  msghdr message = {};
  const ssize_t answer = uninterrupted([&] {
    message = {};
    message.msg_name = &from;
    message.msg_namelen = sizeof(from);
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    return ::recvmsg(descriptor, &message, MSG_DONTWAIT);
  });
  if (answer < 0) return answer;
  truncated = (message.msg_flags & MSG_TRUNC) != 0;
  if (peer != nullptr) *peer = from_kernel(&from, message.msg_namelen);
  return answer;
}

Progress receive_from(Operation& operation) {
  bool truncated = false;
  const ssize_t answer = receive_datagram(descriptor_of(operation), operation.data, operation.size,
                                          operation.peer, truncated);
  operation.truncated = truncated;
  return done(operation, answer);
}

Progress send_to(Operation& operation) {
  RUNNEL_ASSERT(operation.peer != nullptr);
  sockaddr_storage to;
  const socklen_t size = to_kernel(*operation.peer, to);
  return done(operation, uninterrupted([&] {
                return ::sendto(descriptor_of(operation), operation.data, operation.size,
                                MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to),
                                size);
              }));
}

Progress ready(Operation& operation) {
  if (!is_ready(descriptor_of(operation), POLLIN)) return Progress::would_block;
  return done_status(operation, 0);
}

Progress open(Operation& operation) {
  const int opened = uninterrupted([&] {
    return ::openat(AT_FDCWD, operation.path, open_flags(operation.mode),
                    created_file_mode(operation.mode));
  });
  if (opened < 0) return done_status(operation, opened);
  return done(operation, opened);
}

Progress read(Operation& operation) {
  const int descriptor = descriptor_of(operation);
  const std::size_t size = std::min(operation.size, piece_bytes_max);
  ssize_t answer = uninterrupted([&] {
    return ::pread64(descriptor, operation.data, size, static_cast<off64_t>(operation.offset));
  });
  if (answer < 0 && errno == ESPIPE) {
    // A pipe or a terminal has no offset, and may be a blocking one.
    if (!is_ready(descriptor, POLLIN)) return Progress::would_block;
    answer = uninterrupted([&] { return ::read(descriptor, operation.data, size); });
  }
  return done(operation, answer);
}

Progress write(Operation& operation) {
  const int descriptor = descriptor_of(operation);
  const auto written = static_cast<std::uint32_t>(operation.result);
  RUNNEL_ASSERT(written <= operation.size);
  const std::byte* from = operation.data + written;
  const std::size_t size = std::min(operation.size - written, piece_bytes_max);
  ssize_t answer = -1;
  bool has_offset = operation.offset != io::current_position;
  if (has_offset)
    answer = uninterrupted([&] {
      return ::pwrite64(descriptor, from, size, static_cast<off64_t>(operation.offset + written));
    });
  if (!has_offset || (answer < 0 && errno == ESPIPE)) {
    has_offset = false;
    if (!is_ready(descriptor, POLLOUT)) return Progress::would_block;
    // A writable pipe takes a page without blocking, not more.
    constexpr std::size_t pipe_bytes_max = 4096;
    answer =
        uninterrupted([&] { return ::write(descriptor, from, std::min(size, pipe_bytes_max)); });
  }
  if (answer < 0) {
    if (errno == EAGAIN && !has_offset) return Progress::would_block;
    // What went before is reported as a short write; the next attempt meets the error again.
    operation.error = written > 0 ? Error::none : last_error();
    return Progress::done;
  }
  operation.error = Error::none;
  operation.result += static_cast<std::int32_t>(answer);
  if (static_cast<std::uint32_t>(operation.result) == operation.size) return Progress::done;
  const bool short_of_room = has_offset && static_cast<std::size_t>(answer) < size;
  return short_of_room ? Progress::done : Progress::more;
}

Progress sync(Operation& operation) {
  const int descriptor = descriptor_of(operation);
  const bool folder = is_folder(descriptor);
  return done_status(operation, uninterrupted([&] {
                       return folder ? ::fsync(descriptor) : ::fdatasync(descriptor);
                     }));
}

Progress stat(Operation& operation) {
  RUNNEL_ASSERT(operation.info != nullptr);
  struct statx info;
  const unsigned wanted = STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME;
  const int answer = uninterrupted([&] {
    return operation.path != nullptr
               ? ::statx(AT_FDCWD, operation.path, 0, wanted, &info)
               : ::statx(descriptor_of(operation), "", AT_EMPTY_PATH, wanted, &info);
  });
  if (answer < 0) return done_status(operation, answer);
  using Kind = io::FileInfo::Kind;
  io::FileInfo& result = *operation.info;
  result.kind = S_ISREG(info.stx_mode)   ? Kind::regular
                : S_ISDIR(info.stx_mode) ? Kind::folder
                                         : Kind::other;
  result.device = makedev(info.stx_dev_major, info.stx_dev_minor);
  result.inode = info.stx_ino;
  result.size = info.stx_size;
  result.modified_ns = info.stx_mtime.tv_sec * 1'000'000'000 + info.stx_mtime.tv_nsec;
  return done_status(operation, answer);
}

int rename_exclusively(const char* from, const char* to) {
  const int answer = ::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
  if (answer == 0 || errno != EINVAL) return answer;
  // A file system without that flag: a link refuses an existing name just as atomically.
  if (::link(from, to) < 0) return -1;
  return ::unlink(from);
}

Progress rename(Operation& operation) {
  const bool exclusive = operation.mode == io::OpenMode::exclusive;
  return done_status(operation, uninterrupted([&] {
                       return exclusive ? rename_exclusively(operation.path, operation.path_to)
                                        : ::rename(operation.path, operation.path_to);
                     }));
}

Progress truncate(Operation& operation) {
  return done_status(operation, uninterrupted([&] {
                       return ::ftruncate64(descriptor_of(operation),
                                            static_cast<off64_t>(operation.offset));
                     }));
}

Progress allocate(Operation& operation) {
  return done_status(operation, uninterrupted([&] {
                       return ::fallocate64(descriptor_of(operation), 0,
                                            static_cast<off64_t>(operation.offset),
                                            static_cast<off64_t>(operation.size));
                     }));
}

}  // namespace

Progress advance(Operation& operation) {
  switch (operation.verb) {
    case io::Verb::accept:
      return accept(operation);
    case io::Verb::connect:
      return connect(operation);
    case io::Verb::recv:
      return receive(operation);
    case io::Verb::send:
      return send(operation);
    case io::Verb::recv_from:
      return receive_from(operation);
    case io::Verb::send_to:
      return send_to(operation);
    case io::Verb::ready:
      return ready(operation);
    case io::Verb::open:
      return open(operation);
    case io::Verb::read:
      return read(operation);
    case io::Verb::write:
      return write(operation);
    case io::Verb::sync:
      return sync(operation);
    case io::Verb::truncate:
      return truncate(operation);
    case io::Verb::allocate:
      return allocate(operation);
    case io::Verb::stat:
      return stat(operation);
    case io::Verb::rename:
      return rename(operation);
    case io::Verb::unlink:
      return done_status(operation, uninterrupted([&] { return ::unlink(operation.path); }));
    case io::Verb::close:
    case io::Verb::recv_stream:
    case io::Verb::recv_from_stream:
      break;
  }
  RUNNEL_ASSERT(false && "closing and streams are the driver's own");
  return Progress::done;
}

bool perform(Operation& operation) {
  Progress progress = advance(operation);
  while (progress == Progress::more) progress = advance(operation);
  return progress == Progress::done;
}

bool is_folder(int descriptor) {
  struct statx info;
  return ::statx(descriptor, "", AT_EMPTY_PATH, STATX_TYPE, &info) == 0 && S_ISDIR(info.stx_mode);
}

int open_flags(io::OpenMode mode) {
  const int always = O_CLOEXEC | O_NOCTTY | O_LARGEFILE;
  switch (mode) {
    case io::OpenMode::read:
      return always | O_NONBLOCK | O_RDONLY;
    case io::OpenMode::write:
      return always | O_NONBLOCK | O_WRONLY;
    case io::OpenMode::create:
    case io::OpenMode::secret:
      return always | O_NONBLOCK | O_RDWR | O_CREAT;
    case io::OpenMode::exclusive:
      return always | O_RDWR | O_CREAT | O_EXCL;
    case io::OpenMode::folder:
      return always | O_RDONLY | O_DIRECTORY;
  }
  RUNNEL_ASSERT(false && "not a mode of opening");
  return always;
}

}  // namespace runnel::linux_os
