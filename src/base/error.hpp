// Expected failures are values. `Error` names what can go wrong while data flows; the platform
// translates errno into it once. Start-up failures, which a person reads, are `Problem`s.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace runnel {

enum class Error : std::uint8_t {
  none,
  cancelled,         // the scope was cancelled, or the operation was
  timed_out,         // the deadline of the wait passed first
  closed,            // end of stream, peer gone, channel closed
  reset,             // connection reset or aborted by the peer
  refused,           // connection refused
  unreachable,       // no route, network or host down
  not_found,         // ENOENT, ENODEV
  exists,            // EEXIST
  access,            // EACCES, EPERM
  in_use,            // EADDRINUSE, lock held by another process
  not_available,     // EADDRNOTAVAIL, missing capability of the kernel
  is_folder,         // a folder where a file is expected
  not_folder,        // a file where a folder is expected
  no_space,          // ENOSPC, EDQUOT
  read_only,         // EROFS
  io,                // EIO and its kin: the medium failed
  too_many_handles,  // EMFILE, ENFILE
  no_memory,         // a planned bound is full, or the kernel's
  no_buffers,        // a buffer pool ran dry
  no_room,           // the channel is full; wait for `writable`
  would_block,       // only inside the platform: try again when ready
  too_large,         // one over a stated limit
  malformed,         // bytes that do not follow their format
  unsupported,       // not possible here: verb, file type, version
  unexpected,        // an errno we do not know; the platform has logged it
};

// A stable lower-case word for logs and metrics: "no_space".
std::string_view name_of(Error error);
// A short sentence for a person: "no space left on the device".
std::string_view describe(Error error);

template <class T>
using Result = tl::expected<T, Error>;
using Failure = tl::unexpected<Error>;
inline Failure fail(Error error) { return Failure(error); }

// Success or an Error; what functions return that produce nothing else.
class [[nodiscard]] Status {
 public:
  constexpr Status() = default;
  constexpr Status(Error error) : error_(error) {}  // NOLINT: an Error is a Status
  constexpr bool ok() const { return error_ == Error::none; }
  constexpr explicit operator bool() const { return ok(); }
  constexpr Error error() const { return error_; }

 private:
  Error error_ = Error::none;
};

// Why something could not start: one line that says what, where in the configuration, why, and what
// to do. Start-up only (it allocates). `exit_code` is one of agent/exit_codes.hpp.
struct Problem {
  std::string text;
  int exit_code = 78;
};
template <class T>
using Built = tl::expected<T, Problem>;
inline tl::unexpected<Problem> problem(std::string text, int exit_code = 78) {
  return tl::unexpected<Problem>(Problem{std::move(text), exit_code});
}

}  // namespace runnel
