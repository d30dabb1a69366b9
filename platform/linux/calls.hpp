// The system call of each verb, made now and without waiting. Drivers that learn of readiness
// first (asio; io_uring without multishot) carry their operations out with these. Nothing here
// blocks, except what regular files and path names do by nature; no call moves more than
// `piece_bytes_max` of a file, so that a caller can attend to others in between.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "io/operation.hpp"

namespace runnel::linux_os {

inline constexpr std::uint32_t piece_bytes_max = 1024 * 1024;

enum class Progress : std::uint8_t {
  done,         // `result` and `error` are set
  would_block,  // try again when the handle is ready in the direction of `waits_to_write`
  more,         // a piece of a write is on its way: `result` counts what is written; call again
};

// One system call, or the few that a verb takes. Reads `result` as the bytes of a write that are
// done already: it must be 0 at the first call. Not for streams and not for `close`.
Progress advance(io::Operation& operation);

// `advance` until it is done (true) or would block (false; only a write to a pipe may have moved).
bool perform(io::Operation& operation);

// The direction a verb waits for when it would block.
inline bool waits_to_write(io::Verb verb) {
  return verb == io::Verb::connect || verb == io::Verb::send || verb == io::Verb::send_to ||
         verb == io::Verb::write;
}

// False also when the descriptor is not open.
bool is_folder(int descriptor);

// Flags of openat(2). Never blocks on a FIFO or a modem line that lies where a file was expected,
// and never makes a terminal the controlling one.
int open_flags(io::OpenMode mode);
inline unsigned created_file_mode(io::OpenMode mode) {
  return mode == io::OpenMode::secret ? 0600 : 0640;
}

}  // namespace runnel::linux_os
