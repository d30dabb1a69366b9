// The sockets by which c-ares talks to name servers. c-ares opens and closes them when it likes, in
// the middle of anything, so they are never handed to a reactor: they are members of one epoll
// set, and the set, which stays, is what a reactor watches.
#pragma once

#include <array>
#include <cstdint>

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/error.hpp"
#include "base/function_ref.hpp"
#include "io/operation.hpp"
#include "net/name_files.hpp"

namespace runnel::cares {

class ServerSockets {
 public:
  // A datagram socket and a stream for each server.
  static constexpr std::size_t sockets_max = 2 * net::NameSettings::servers_max;
  static constexpr std::size_t handles_max = sockets_max + 1;

  ServerSockets() = default;
  ~ServerSockets();
  ServerSockets(const ServerSockets&) = delete;
  ServerSockets& operator=(const ServerSockets&) = delete;

  Status open();
  // Readable when one of them is ready for what it waits for.
  io::Handle watched() const { return static_cast<io::Handle>(set_); }
  // For link-local servers; must stay.
  void set_servers(const net::NameSettings& settings) { settings_ = &settings; }

  // Those that are ready now. `each` may open and close sockets.
  void each_ready(FunctionRef<void(int socket, bool readable, bool writable)> each);
  // Whether a stream waits to become writable: to be connected, or to send on.
  void want_writable(int socket, bool wanted);
  // A turn's share of datagrams, so that a server that floods us does not hold up the loop.
  void begin_turn() { datagrams_left_ = datagrams_a_turn; }
  std::size_t open_count() const;

  // What c-ares calls instead of the system: as socket(2) and its kin, errno and all.
  int make(int domain, int type, int protocol);
  int close(int socket);
  int connect(int socket, const sockaddr* address, socklen_t size);
  ssize_t receive(int socket, void* into, std::size_t size, int flags, sockaddr* from,
                  socklen_t* from_size);
  ssize_t send(int socket, const iovec* pieces, int count);

 private:
  static constexpr int datagrams_a_turn = 16;
  struct Member {
    int socket = -1;
    bool is_stream = false;
    bool wants_writable = false;
  };
  Member* find(int socket);

  int set_ = -1;
  int datagrams_left_ = 0;
  std::array<Member, sockets_max> members_;
  const net::NameSettings* settings_ = nullptr;
};

}  // namespace runnel::cares
