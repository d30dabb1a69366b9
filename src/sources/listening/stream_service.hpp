// Serves byte streams: listens, accepts up to `connections_max` clients, splits what they send into
// frames and puts those into the outlet. Shared by the sources that listen on TCP and Unix sockets.
// Clients of `tls://` addresses have a limit of their own, for they need more memory.
//
// When the channel is full a connection keeps the buffer it is at and reads nothing more: the
// client's window closes, nothing is lost and nobody is disconnected. At the connection limit
// nobody is accepted until a connection ends. All memory is planned: one pool of receive buffers
// for all connections, and per connection the room for a short frame that crosses buffers. Those
// for longer ones are few and lent: who needs one when all are out reads nothing until one comes
// back, and who keeps others waiting has `lent_carry_patience` to end its frame.
#pragma once

#include <string>

#include "async/recv_stream.hpp"
#include "async/scope.hpp"
#include "base/log.hpp"
#include "pipeline/context.hpp"
#include "sources/listening/intake.hpp"
#include "sources/listening/listener.hpp"
#include "sources/listening/peer_header.hpp"
#include "sources/listening/tls_clients.hpp"

namespace runnel::sources {

struct StreamSettings {
  ListenAddresses listen;
  codec::Framing framing = codec::Framing::newline;
  std::size_t event_bytes_max = 64 * 1024;
  std::uint32_t connections_max = 64;
  Duration idle_timeout = std::chrono::minutes(10);  // zero: never
  std::uint32_t receive_buffer_bytes = 0;            // zero: the kernel's default
  std::uint32_t buffers = 32;                        // a power of two
  std::string peer_header = "peer";                  // empty: none
  std::optional<net::TlsSettings> tls;               // set when there are `tls://` addresses
  std::uint32_t tls_connections_max = 16;            // of those
};

struct ConnectionTag;
struct LongCarryTag;

// Room for one frame of `event_bytes_max`.
struct LongCarry : Link<LongCarryTag> {
  MutableBytes bytes;
};

// Room for one client.
struct Connection : Link<ConnectionTag> {
  io::Handle handle = io::Handle::none;
  io::Address peer;
  PeerHeader header;
  MutableBytes carry;
  LongCarry* long_carry = nullptr;      // on loan
  Instant return_carry_until = never;   // somebody waits for it
  async::RecvStream* stream = nullptr;  // while it reads
  TlsClient* tls = nullptr;             // of a `tls://` address: it reads through this

  void wake_reader();
};

struct StreamMemory {
  io::BufferPool pool;
  std::span<Connection> connections;
  MutableBytes carries;
  std::span<LongCarry> long_carries;
  MutableBytes long_carry_bytes;
  TlsMemory tls;
};

class StreamService {
 public:
  static constexpr std::uint32_t buffer_bytes = 16 * 1024;
  static constexpr std::size_t short_carry_bytes = 2 * 1024;
  static constexpr std::size_t long_carries_max = 8;
  static constexpr Duration lent_carry_patience = std::chrono::seconds(30);
  // What a stop grants: a pause this long means that everything has arrived, and in all so much.
  static constexpr Duration quiet_at_stop = std::chrono::milliseconds(50);
  static constexpr Duration longest_stop = std::chrono::seconds(1);

  static StreamMemory carve(Region& region, const StreamSettings& settings);
  // All of them outlive the service.
  StreamService(pipeline::SourceContext& context, const StreamSettings& settings,
                const StreamMemory& memory, StreamIntake& intake);
  ~StreamService();
  StreamService(const StreamService&) = delete;
  StreamService& operator=(const StreamService&) = delete;

  pipeline::Started start();
  // Until a stop is requested: then it accepts no more, reads what has arrived, and closes.
  async::Task<void> run();

 private:
  using Connections = List<Connection, ConnectionTag>;
  Connections& free_for(bool secure) { return secure ? free_tls_ : free_; }

  async::Task<void> accept_from(io::Handle listener, bool secure, async::Scope& serving);
  async::Task<Status> wait_for_slot(bool secure);
  async::Task<Status> pause_after(Error error);
  void begin(Connection& connection, io::Handle handle, const io::Address& peer,
             async::Scope& serving);

  async::Task<void> serve(Connection& connection, async::Scope& serving);
  async::Task<void> serve_tls(Connection& connection);
  async::Task<Status> shake_hands(Connection& connection);
  async::Task<Status> read_decrypted(Connection& connection, codec::FrameSplitter& splitter);
  async::Task<Status> read_all(Connection& connection, codec::FrameSplitter& splitter,
                               async::RecvStream& stream, async::Scope& serving);
  async::Task<Status> put(Connection& connection, codec::FrameSplitter& splitter, Bytes input);
  async::Task<Status> conclude(Connection& connection, codec::FrameSplitter& splitter,
                               Status ended);
  async::Task<Status> put_last(Connection& connection, codec::FrameSplitter& splitter);
  async::Task<Status> borrow_carry(Connection& connection, codec::FrameSplitter& splitter);
  void return_carry(Connection& connection, codec::FrameSplitter& splitter);
  bool is_over() const { return stopping_ && context_.now() >= stop_until_; }
  Instant read_deadline(const Connection& connection) const;
  bool reads_on(Connection& connection, Error why, bool woken);
  bool forgive_silence(Connection& connection);
  void no_longer_held_up() {
    --held_up_;
    ever_held_up_ = true;
    held_up_last_ = context_.now();
  }
  void complain_of_slow_frame(const Connection& connection);
  void complain_of_loss(const Connection& connection) const;
  void end(Connection& connection, Error why);

  void begin_stop();
  void close_listeners();

  pipeline::SourceContext& context_;
  const StreamSettings& settings_;
  StreamMemory memory_;
  StreamIntake& intake_;

  std::array<Listener, listen_max> listeners_;
  std::size_t listening_ = 0;
  bool attached_ = false;
  TlsClients tls_clients_;
  Connections free_, free_tls_;
  Connections serving_;
  async::Notice slot_free_;
  List<LongCarry, LongCarryTag> free_carries_;
  async::Notice carry_free_;
  std::size_t held_up_ = 0;  // connections whose buffer waits for room, and when the last one did
  bool ever_held_up_ = false;
  Instant held_up_last_;
  bool stopping_ = false;
  Instant stop_until_ = never;

  Occasional limit_complaint_;
  Occasional accept_complaint_;
  Occasional broken_complaint_;
  Occasional handshake_complaint_;
  Occasional carry_complaint_;
};

}  // namespace runnel::sources
