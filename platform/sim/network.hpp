// Sockets of all machines and what travels between them. A stream's bytes lie in the receiver's
// buffer from the moment they are sent and become readable when they arrive, in order; the sender
// waits while that buffer is full. Datagrams arrive each for itself, or not at all. A partition
// holds what streams sent until it heals and swallows datagrams. Sockets are reused; a SocketId of
// one that is gone is recognised by its generation.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "io/operation.hpp"
#include "io/system.hpp"
#include "platform/sim/files.hpp"
#include "platform/sim/world.hpp"

namespace runnel::sim {

// An operation that waits: its reactor and its slot there.
struct Waiter {
  SimReactor* reactor = nullptr;
  std::uint32_t slot = 0;
};
using WaitQueue = std::vector<Waiter>;

struct SocketId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0: none
};

// Bytes in, bytes out, in order. Keeps its memory.
class ByteQueue {
 public:
  std::size_t size() const { return bytes_.size() - begin_; }
  Bytes front(std::size_t count) const { return {bytes_.data() + begin_, count}; }
  void push(Bytes more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
  void pop(std::size_t count);
  void cut(std::size_t size) { bytes_.resize(begin_ + size); }
  void clear() {
    bytes_.clear();
    begin_ = 0;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;
};

inline constexpr std::size_t datagram_bytes_max = 65507;  // what IPv4 allows
inline constexpr std::size_t datagram_overhead =
    64;  // what the kernel counts with each in the queue

struct Datagram {
  io::Address from, to;
  SocketId sender;
  SocketId receiver;  // of a Unix socket
  std::vector<std::byte> bytes;
};

struct Socket {
  enum class Kind : std::uint8_t { free, fresh, connecting, stream, listener, datagram };
  Kind kind = Kind::free;
  std::uint32_t index = 0;
  std::uint32_t generation = 1;
  SimMachine* machine = nullptr;
  io::Family family = io::Family::none;
  io::Address local, peer;
  Inode node = no_inode;  // Unix sockets: the file that it is bound to
  WaitQueue readers, writers;

  // Streams. Invariant: arrived <= incoming.size() <= buffer_bytes.
  SocketId other;
  const SimMachine* peer_machine = nullptr;
  ByteQueue incoming;
  std::size_t arrived = 0;
  std::size_t buffer_bytes = 0;
  Instant last_arrival;        // of what was sent here: nothing overtakes
  bool finished = false;       // the peer's FIN has arrived
  bool dead = false;           // after a reset
  Error broken = Error::none;  // reported once; of connected datagram sockets, too
  std::uint32_t held = 0;      // arrivals that a partition holds back

  // Listeners.
  std::deque<SocketId> backlog;
  std::size_t backlog_max = 0;

  // Datagrams.
  std::deque<std::uint32_t> queue;  // in SimNetwork::datagrams_
  std::size_t queued_bytes = 0;     // of Unix sockets, with those on their way
  std::uint64_t dropped = 0;
  std::vector<SocketId> senders;  // Unix sockets: who waits for room here
};

class SimNetwork {
 public:
  explicit SimNetwork(SimWorld& world) : world_(world) {}

  // --- faults ------------------------------------------------------------------------------------
  void partition(const SimMachine& one, const SimMachine& other, bool cut);
  // Everything to or from this port, also within a machine.
  void partition_port(std::uint16_t port, bool cut);
  void heal();
  // Both ends of every connection to this port see a reset.
  void reset_connections(std::uint16_t port);

  // --- sockets, for SimSystem and SimMachine -----------------------------------------------------
  Result<SocketId> listen(SimMachine& machine, io::Transport transport, const io::Address& address,
                          const io::ListenOptions& options);
  SocketId make(SimMachine& machine, io::Transport transport, io::Family family);
  void close(SocketId id, bool silently = false);
  // Its peer's kernel has what has arrived there, read or not; that of a Unix socket's peer is
  // ours, and only what was read counts.
  Result<io::StreamState> state_of(SocketId id);
  Socket& socket(SocketId id) {
    RUNNEL_ASSERT(is_alive(id));
    return sockets_[id.index];
  }
  bool is_alive(SocketId id) const {
    return id.generation != 0 && sockets_[id.index].generation == id.generation;
  }

  // --- operations, for SimReactor ---------------------------------------------------------------

  // Waits in the socket's queue and goes on as far as it can at once.
  void start(SocketId id, SimReactor& reactor, std::uint32_t slot);
  // Fills a stream's buffers with what is there: the reactor's answer to an event of its own.
  void fill(SocketId id, SimReactor& reactor, std::uint32_t slot);
  void cancelled(SocketId id, std::uint32_t slot, const SimReactor& reactor);

  void handle(const Event& event);

 private:
  enum class Step : std::uint8_t { waits, done };
  struct Block {
    const SimMachine* one = nullptr;
    const SimMachine* other = nullptr;
    std::uint16_t port = 0;
  };
  static io::Operation& operation_of(const Waiter& waiter);
  static SocketId id_of(const Socket& socket) { return {socket.index, socket.generation}; }
  Socket* alive(std::uint32_t index, std::uint32_t generation);
  SocketId make_socket(SimMachine& machine, Socket::Kind kind, io::Family family);
  Status bind(Socket& socket, const io::Address& address);
  SimMachine* machine_at(const io::Address& address, SimMachine& from) const;
  Socket* bound_to(const SimMachine& machine, const io::Address& address, bool stream);
  bool is_blocked(const SimMachine& from, const SimMachine& to, std::uint16_t one_port,
                  std::uint16_t other_port) const;
  bool hold(const Event& event, Socket& receiver);
  void release_held();
  Duration latency(const SimMachine& from, const SimMachine& to);
  Duration latency_to(const Socket& from);  // its peer
  void tell(SocketId to, EventKind kind, Duration later, std::uint32_t amount = 0);
  void connect(Socket& socket, SimReactor& reactor, std::uint32_t slot);
  void connect_arrived(const Event& event);
  void take_client(Socket& listener, Socket& client);
  // local_sockets.cpp
  Status bind_local(Socket& socket, const char* path);
  Socket* bound_to(const SimMachine& machine, Inode node);
  void connect_local(Socket& socket, SimReactor& reactor, std::uint32_t slot);
  Step send_local_datagram(Socket& socket, const Waiter& waiter);
  void local_datagram_arrived(std::uint32_t number);
  void wake_senders(std::vector<SocketId> senders);
  void finish_connect(Socket& socket, Error error);
  void break_connection(Socket& socket, Error error);
  void datagram_arrived(const Event& event);
  void refuse_datagram(const Datagram& datagram, const SimMachine& by);
  void pump(Socket& socket);
  void pump_readers(Socket& socket);
  void pump_writers(Socket& socket);
  Step step_reader(Socket& socket, const Waiter& waiter);
  Step step_writer(Socket& socket, const Waiter& waiter);
  Step accept(Socket& listener, const Waiter& waiter);
  Step receive(Socket& socket, const Waiter& waiter);
  Step receive_datagram(Socket& socket, const Waiter& waiter);
  Step send(Socket& socket, const Waiter& waiter);
  Step send_datagram(Socket& socket, const Waiter& waiter, const io::Address& to);
  void consume(Socket& socket, std::size_t count);
  // Into a buffer of a stream operation, at most `room` bytes. There is something to take.
  void take_bytes(Socket& from, io::Buffer& into, std::size_t room);
  void take_datagram(Socket& from, io::Buffer& into, std::size_t room);
  bool is_readable(const Socket& socket) const;
  Error take_end(Socket& socket);
  std::uint32_t take_datagram_slot();
  void drop_datagram(std::uint32_t number) { free_datagrams_.push_back(number); }

  SimWorld& world_;
  std::deque<Socket> sockets_;
  std::vector<std::uint32_t> free_sockets_;
  std::vector<SocketId> bound_;  // listeners and datagram sockets
  std::deque<Datagram> datagrams_;
  std::vector<std::uint32_t> free_datagrams_;
  std::vector<Block> blocks_;
  std::vector<Event> held_;
  std::uint16_t next_port_ = 32768;
};

}  // namespace runnel::sim
