// From each verb to what the kernel is asked, and from its answer to the outcome. Verbs whose
// request needs memory for as long as it waits (accept, recv_from) ask for readiness and then make
// the call themselves; connect and send_to try at once, which never waits.
#include <bit>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/sysmacros.h>

#include "platform/linux/calls.hpp"
#include "platform/linux/errno.hpp"
#include "platform/uring/ftruncate.hpp"
#include "platform/uring/operation_flags.hpp"
#include "platform/uring/uring_reactor.hpp"

namespace runnel::uring {
namespace {

using io::Operation;
using io::Verb;

bool is_folder(int descriptor) {
  struct stat info;
  return ::fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode);
}

void fill(io::FileInfo& into, const struct statx& from) {
  into.kind = S_ISREG(from.stx_mode)   ? io::FileInfo::Kind::regular
              : S_ISDIR(from.stx_mode) ? io::FileInfo::Kind::folder
                                       : io::FileInfo::Kind::other;
  into.device = ::makedev(from.stx_dev_major, from.stx_dev_minor);
  into.inode = from.stx_ino;
  into.size = from.stx_size;
  into.modified_ns = from.stx_mtime.tv_sec * 1'000'000'000 + from.stx_mtime.tv_nsec;
}

void prepare(io_uring_sqe& request, const Operation& operation) {
  const int fd = static_cast<int>(operation.handle);
  switch (operation.verb) {
    case Verb::recv:
      io_uring_prep_recv(&request, fd, operation.data, operation.size, 0);
      return;
    case Verb::send:
      io_uring_prep_send(&request, fd, operation.data, operation.size, MSG_NOSIGNAL);
      return;
    case Verb::open:
      io_uring_prep_openat(&request, AT_FDCWD, operation.path, linux_os::open_flags(operation.mode),
                           linux_os::created_file_mode(operation.mode));
      return;
    case Verb::read:
      io_uring_prep_read(&request, fd, operation.data, operation.size, operation.offset);
      return;
    case Verb::write:
      io_uring_prep_write(&request, fd, operation.data, operation.size, operation.offset);
      return;
    case Verb::sync:
      // The entries of a folder count as its metadata, which fdatasync may leave behind.
      io_uring_prep_fsync(&request, fd, is_folder(fd) ? 0 : IORING_FSYNC_DATASYNC);
      return;
    case Verb::truncate:
      prepare_ftruncate(request, fd, operation.offset);
      return;
    case Verb::allocate:
      io_uring_prep_fallocate(&request, fd, 0, static_cast<off_t>(operation.offset),
                              static_cast<off_t>(operation.size));
      return;
    case Verb::rename:
      io_uring_prep_renameat(&request, AT_FDCWD, operation.path, AT_FDCWD, operation.path_to,
                             operation.mode == io::OpenMode::exclusive ? RENAME_NOREPLACE : 0);
      return;
    case Verb::unlink:
      io_uring_prep_unlinkat(&request, AT_FDCWD, operation.path, 0);
      return;
    case Verb::close:
      io_uring_prep_close(&request, fd);
      return;
    default:
      RUNNEL_ASSERT(false && "a verb without a request of its own");
  }
}

}  // namespace

void UringReactor::start(Operation& operation) {
  switch (operation.verb) {
    case Verb::accept:
    case Verb::recv_from:
    case Verb::ready:
      wait_until_ready(operation);
      return;
    case Verb::connect:
    case Verb::send_to:
      attempt(operation);
      return;
    case Verb::stat:
      start_stat(operation);
      return;
    case Verb::recv_stream:
    case Verb::recv_from_stream:
      arm(static_cast<io::StreamOperation&>(operation));
      return;
    case Verb::truncate:
      if (!truncates_) {
        // Before Linux 6.9 there is no request for it; the call waits for the file system.
        attempt(operation);
        return;
      }
      break;
    default:
      break;
  }
  io_uring_sqe& request = request_for(operation);
  prepare(request, operation);
  io_uring_sqe_set_data(&request, &operation);
}

void UringReactor::start_stat(Operation& operation) {
  if (stats_free_ == 0) {
    set(operation, waiting_for_stat);
    waiting_for_stat_.push_back(operation.driver_link);
    return;
  }
  const int slot = std::countr_zero(stats_free_);
  stats_free_ &= ~(1U << slot);
  operation.driver_data = &stats_[static_cast<std::size_t>(slot)];
  io_uring_sqe& request = request_for(operation);
  const bool by_path = operation.path != nullptr;
  io_uring_prep_statx(&request, by_path ? AT_FDCWD : static_cast<int>(operation.handle),
                      by_path ? operation.path : "", by_path ? 0 : AT_EMPTY_PATH, STATX_BASIC_STATS,
                      static_cast<struct statx*>(operation.driver_data));
  io_uring_sqe_set_data(&request, &operation);
}

void UringReactor::wait_until_ready(Operation& operation) {
  const bool to_write = linux_os::waits_to_write(operation.verb);
  io_uring_sqe& request = request_for(operation);
  set(operation, polling);
  io_uring_prep_poll_add(&request, static_cast<int>(operation.handle), to_write ? POLLOUT : POLLIN);
  io_uring_sqe_set_data(&request, &operation);
}

// The handle is ready, or may be.
void UringReactor::attempt(Operation& operation) {
  switch (operation.verb) {
    case Verb::ready:
      finish(operation, Error::none);
      return;
    case Verb::recv_stream:
    case Verb::recv_from_stream:
      receive_ready(static_cast<io::StreamOperation&>(operation));
      return;
    case Verb::accept:
    case Verb::connect:
    case Verb::recv_from:
    case Verb::send_to:
    case Verb::truncate:
      if (linux_os::perform(operation)) {
        finish(operation, operation.error);
      } else {
        wait_until_ready(operation);
      }
      return;
    default:
      start(operation);
      return;
  }
}

void UringReactor::conclude(Operation& operation, int result) {
  if (operation.verb == Verb::stat) {
    auto* slot = static_cast<struct statx*>(operation.driver_data);
    if (result == 0) fill(*operation.info, *slot);
    stats_free_ |= 1U << (slot - stats_.data());
    if (io::DriverLink* next = waiting_for_stat_.take_front()) {
      clear(*next->operation, waiting_for_stat);
      start_stat(*next->operation);
    }
  }
  if (result == -EAGAIN || result == -EINTR) {
    if (has(operation, cancel_wanted)) {
      finish(operation, Error::cancelled);
    } else if (result == -EAGAIN) {
      // Older kernels do not wait by themselves when the handle is a non-blocking one.
      wait_until_ready(operation);
    } else {
      start(operation);
    }
    return;
  }
  operation.result = result < 0 ? 0 : result;
  finish(operation, result < 0 ? linux_os::error_from_errno(-result) : Error::none);
}

}  // namespace runnel::uring
