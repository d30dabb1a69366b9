// io::Address to and from the kernel's socket addresses.
#pragma once

#include <sys/socket.h>

#include "io/address.hpp"

namespace runnel::linux_os {

// Returns the length for bind, connect and sendto; 0 when the address has no family.
socklen_t to_kernel(const io::Address& address, sockaddr_storage& into);
// An address of another family, or one that is cut short, becomes one without a family.
io::Address from_kernel(const void* address, socklen_t size);

}  // namespace runnel::linux_os
