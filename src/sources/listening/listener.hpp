// The sockets of a passive source. What cannot be opened is one line for a person: which address,
// why, and what to do. The file of a Unix socket goes when it is closed in order; a process that is
// killed leaves it, and the next one replaces it.
#pragma once

#include "io/system.hpp"
#include "pipeline/context.hpp"
#include "sources/listening/listen_address.hpp"

namespace runnel::sources {

struct Listener {
  io::Handle handle = io::Handle::none;
  const ListenAddress* where = nullptr;
  io::Address local;                    // with port 0, the one that the kernel chose
  std::uint64_t device = 0, inode = 0;  // of a Unix socket: of its file
};
TextWriter& operator<<(TextWriter& out, const Listener& listener);

// Listens and logs where. `where` outlives the listener, which the caller closes.
Built<Listener> open_listener(pipeline::SourceContext& context, const ListenAddress& where,
                              std::uint32_t receive_buffer_bytes);
// No operation on it may be in flight.
void close_listener(pipeline::SourceContext& context, Listener& listener);

// Why `where` could not be listened on.
Problem listen_problem(const ListenAddress& where, Error error);

}  // namespace runnel::sources
