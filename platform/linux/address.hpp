// io::Address to and from the kernel's socket addresses.
#pragma once

#include <sys/socket.h>

#include "io/address.hpp"

namespace runnel::linux_os {

// Returns the length for bind, connect and sendto; 0 when the address has no family, or is that of
// a Unix socket and `path` is none that it can have.
socklen_t to_kernel(const io::Address& address, sockaddr_storage& into, const char* path = nullptr);
// An address of another family, or one that is cut short, becomes one without a family. Nothing at
// all is what Unix sockets without a name show of themselves.
io::Address from_kernel(const void* address, socklen_t size);

}  // namespace runnel::linux_os
