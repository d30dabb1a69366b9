// Receives datagrams: each batch that has arrived goes into one put. Shared by the sources that
// listen on UDP and Unix sockets for datagrams.
//
// When the channel is full nothing is read, and what then overflows the kernel's buffer is dropped
// there: counted, and reported as lost; on a Unix socket the senders wait instead. The kernel is
// asked for its count only while datagrams come, and once after the last ones.
#pragma once

#include "async/recv_stream.hpp"
#include "async/scope.hpp"
#include "base/log.hpp"
#include "pipeline/context.hpp"
#include "sources/listening/intake.hpp"
#include "sources/listening/listener.hpp"

namespace runnel::sources {

struct DatagramSettings {
  ListenAddresses listen;
  std::size_t datagram_bytes_max = 8 * 1024 - io::BufferPool::datagram_overhead;
  std::uint32_t receive_buffer_bytes = 1u << 20;
  std::uint32_t buffers = 64;  // a power of two
};

struct DatagramMemory {
  io::BufferPool pool;
  std::span<async::BufferLease> leases;  // `batch_max` a socket
};

class DatagramService {
 public:
  static constexpr std::size_t batch_max = 64;
  static constexpr Duration drops_interval = std::chrono::seconds(5);
  static constexpr Duration quiet_at_stop = std::chrono::milliseconds(50);
  static constexpr Duration longest_stop = std::chrono::seconds(1);

  static DatagramMemory carve(Region& region, const DatagramSettings& settings);
  // All of them outlive the service.
  DatagramService(pipeline::SourceContext& context, const DatagramSettings& settings,
                  const DatagramMemory& memory, DatagramIntake& intake);
  ~DatagramService();
  DatagramService(const DatagramService&) = delete;
  DatagramService& operator=(const DatagramService&) = delete;

  pipeline::Started start();
  // Until a stop is requested: then it reads what has arrived, and closes.
  async::Task<void> run();

 private:
  struct Socket {
    Listener listener;
    std::span<async::BufferLease> leases;
    async::RecvStream* stream = nullptr;  // while it reads
    std::uint64_t dropped = 0;            // as the kernel said last
    std::uint64_t unreported = 0;
    Instant ask_again = never;  // never: nothing has come since it was asked
    Occasional complaint;
  };

  async::Task<void> receive(Socket& socket, async::Scope& receiving);
  async::Task<Status> read_all(Socket& socket, async::RecvStream& stream, async::Scope& receiving);
  async::Task<Status> put(Socket& socket, std::size_t count);
  bool is_over() const { return stopping_ && context_.now() >= stop_until_; }
  Instant read_deadline(const Socket& socket) const;
  void note_traffic(Socket& socket);
  void ask_for_drops(Socket& socket);

  void begin_stop();
  void close_sockets();

  pipeline::SourceContext& context_;
  const DatagramSettings& settings_;
  DatagramMemory memory_;
  DatagramIntake& intake_;

  std::array<Socket, listen_max> sockets_;
  std::size_t listening_ = 0;
  bool attached_ = false;
  bool stopping_ = false;
  Instant stop_until_ = never;
  Occasional receive_complaint_;
};

}  // namespace runnel::sources
