// Unix sockets, where they differ from those of the internet: their names are files, which outlive
// the process that made them, and their queues say something else.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include "io/system.hpp"

namespace runnel::linux_os {

// A process that was killed while io_uring waited on its sockets keeps them for a moment longer
// than itself: the kernel lets go of the ring in the background. Who restarts at once must not
// fail.
inline constexpr int bind_attempts_max = 100;
inline constexpr useconds_t bind_pause_us = 20'000;

// As io::System::listen has it. `where` is that path. Waits for two seconds at most, and
// as long for whoever has locked the folder.
Status bind_local(int socket, const char* path, const sockaddr* where, socklen_t size,
                  std::uint16_t mode);

bool is_local(int socket);
Result<io::StreamState> local_stream_state(int socket);

}  // namespace runnel::linux_os
