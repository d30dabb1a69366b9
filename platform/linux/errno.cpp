#include "platform/linux/errno.hpp"

#include <cerrno>

#include "base/log.hpp"

namespace runnel::linux_os {
namespace {

struct Row {
  int number;
  Error error;
};

constexpr Row rows[] = {
    {0, Error::none},
    {ECANCELED, Error::cancelled},
    {ETIMEDOUT, Error::timed_out},
    {ETIME, Error::timed_out},
    {EPIPE, Error::closed},
    {ENOTCONN, Error::closed},
    {ESHUTDOWN, Error::closed},
    {ECONNRESET, Error::reset},
    {ECONNABORTED, Error::reset},
    {ECONNREFUSED, Error::refused},
    {ENETUNREACH, Error::unreachable},
    {EHOSTUNREACH, Error::unreachable},
    {ENETDOWN, Error::unreachable},
    {EHOSTDOWN, Error::unreachable},
    {ENETRESET, Error::unreachable},
    {ENOENT, Error::not_found},
    {ENODEV, Error::not_found},
    {ENXIO, Error::not_found},
    {ESRCH, Error::not_found},
    {EEXIST, Error::exists},
    {ENOTEMPTY, Error::exists},
    {EACCES, Error::access},
    {EPERM, Error::access},
    {EADDRINUSE, Error::in_use},
    {EBUSY, Error::in_use},
    {ETXTBSY, Error::in_use},
    {EADDRNOTAVAIL, Error::not_available},
    {EAFNOSUPPORT, Error::not_available},
    {EISDIR, Error::is_folder},
    {ENOTDIR, Error::not_folder},
    {ENOSPC, Error::no_space},
    {EDQUOT, Error::no_space},
    {EROFS, Error::read_only},
    {EIO, Error::io},
    {EUCLEAN, Error::io},
    {EREMOTEIO, Error::io},
    {ESTALE, Error::io},
    {EMFILE, Error::too_many_handles},
    {ENFILE, Error::too_many_handles},
    {ENOMEM, Error::no_memory},
    {ENOBUFS, Error::no_buffers},
    {EAGAIN, Error::would_block},
    {EINPROGRESS, Error::would_block},
    {EINTR, Error::would_block},
    {EMSGSIZE, Error::too_large},
    {EFBIG, Error::too_large},
    {ENAMETOOLONG, Error::too_large},
    {EOVERFLOW, Error::too_large},
    {ELOOP, Error::malformed},
    {EXDEV, Error::unsupported},
    {EOPNOTSUPP, Error::unsupported},
    {ENOSYS, Error::unsupported},
    {ENOTTY, Error::unsupported},
    {ESPIPE, Error::unsupported},
    {EPROTONOSUPPORT, Error::unsupported},
    {EPROTOTYPE, Error::unsupported},
    {EINVAL, Error::unsupported},
};

}  // namespace

Error error_from_errno(int number) {
  for (const Row& row : rows)
    if (row.number == number) return row.error;
  log_error("platform", "the kernel answered with the unknown error number ", number);
  return Error::unexpected;
}

Error last_error() { return error_from_errno(errno); }

}  // namespace runnel::linux_os
