#include "platform/linux/address.hpp"

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace runnel::linux_os {

socklen_t to_kernel(const io::Address& address, sockaddr_storage& into, const char* path) {
  into = {};
  switch (address.family) {
    case io::Family::none:
      return 0;
    case io::Family::ipv4: {
      sockaddr_in ipv4 = {};
      ipv4.sin_family = AF_INET;
      ipv4.sin_port = htons(address.port);
      std::memcpy(&ipv4.sin_addr, address.ip.data(), 4);
      std::memcpy(&into, &ipv4, sizeof(ipv4));
      return sizeof(ipv4);
    }
    case io::Family::ipv6: {
      sockaddr_in6 ipv6 = {};
      ipv6.sin6_family = AF_INET6;
      ipv6.sin6_port = htons(address.port);
      ipv6.sin6_scope_id = address.scope;
      std::memcpy(&ipv6.sin6_addr, address.ip.data(), 16);
      std::memcpy(&into, &ipv6, sizeof(ipv6));
      return sizeof(ipv6);
    }
    case io::Family::local: {
      static_assert(sizeof(sockaddr_un::sun_path) == io::local_path_bytes_max + 1);
      const std::size_t size = path == nullptr ? 0 : std::strlen(path);
      if (size == 0 || size > io::local_path_bytes_max) return 0;
      sockaddr_un local = {};
      local.sun_family = AF_UNIX;
      std::memcpy(local.sun_path, path, size);
      std::memcpy(&into, &local, sizeof(local));
      return sizeof(local);
    }
  }
  return 0;
}

io::Address from_kernel(const void* address, socklen_t size) {
  io::Address result;
  sa_family_t family = AF_UNSPEC;
  if (size >= sizeof(family)) std::memcpy(&family, address, sizeof(family));
  if (family == AF_UNIX || size == 0) {
    result.family = io::Family::local;
  } else if (family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, address, sizeof(ipv4));
    result.family = io::Family::ipv4;
    result.port = ntohs(ipv4.sin_port);
    std::memcpy(result.ip.data(), &ipv4.sin_addr, 4);
  } else if (family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, address, sizeof(ipv6));
    result.family = io::Family::ipv6;
    result.port = ntohs(ipv6.sin6_port);
    result.scope = ipv6.sin6_scope_id;
    std::memcpy(result.ip.data(), &ipv6.sin6_addr, 16);
  }
  return result;
}

}  // namespace runnel::linux_os
