// Opens the sockets of a passive source at start. What cannot be opened is one line for a person:
// which address, why, and what to do.
#pragma once

#include "io/system.hpp"
#include "pipeline/context.hpp"
#include "sources/listening/listen_address.hpp"

namespace runnel::sources {

// Listens and logs where; with port 0 that is the port the kernel chose. The caller discards the
// handle.
Built<io::Handle> open_listener(pipeline::SourceContext& context, const ListenAddress& where,
                                std::uint32_t receive_buffer_bytes);

// Why `where` could not be listened on.
Problem listen_problem(const ListenAddress& where, Error error);

}  // namespace runnel::sources
