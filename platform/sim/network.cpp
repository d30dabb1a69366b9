#include "platform/sim/network.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "platform/sim/machine.hpp"
#include "platform/sim/reactor.hpp"

namespace runnel::sim {

using io::Address;
using io::Family;
using io::Verb;

namespace {

constexpr std::size_t datagram_bytes_max = 65507;  // what IPv4 allows
constexpr std::size_t datagram_overhead = 64;      // what the kernel counts with each in the queue
constexpr Duration connect_retry = 1s;             // a full backlog drops the SYN
constexpr std::uint16_t port_first = 32768, port_last = 60999;

bool is_mapped(const Address& address) {
  return address.family == Family::ipv6 &&
         std::all_of(address.ip.begin(), address.ip.begin() + 10,
                     [](std::uint8_t each) { return each == 0; }) &&
         address.ip[10] == 0xFF && address.ip[11] == 0xFF;
}

Address plain(const Address& address) {
  if (!is_mapped(address)) return address;
  Address result;
  result.family = Family::ipv4;
  result.port = address.port;
  std::copy_n(address.ip.begin() + 12, 4, result.ip.begin());
  return result;
}

// An IPv6 socket sees IPv4 peers as mapped addresses.
Address as_seen_by(Family family, const Address& address) {
  if (family != Family::ipv6 || address.family != Family::ipv4) return address;
  Address result;
  result.family = Family::ipv6;
  result.port = address.port;
  result.ip[10] = result.ip[11] = 0xFF;
  std::copy_n(address.ip.begin(), 4, result.ip.begin() + 12);
  return result;
}

bool is_any(const Address& address) {
  return std::all_of(address.ip.begin(), address.ip.end(),
                     [](std::uint8_t each) { return each == 0; });
}

Address loopback(Family family) {
  Address address;
  address.family = family;
  if (family == Family::ipv4)
    address.ip = {127, 0, 0, 1};
  else
    address.ip[15] = 1;
  return address;
}

bool is_loopback(const Address& address) {
  return address.family == Family::ipv4 ? address.ip[0] == 127
                                        : address.ip == loopback(Family::ipv6).ip;
}

bool same_ip(const Address& one, const Address& other) {
  return one.family == other.family && one.ip == other.ip;
}

// Whether a socket bound to `bound` gets what is sent to `to`.
bool covers(const Address& bound, const Address& to) {
  if (bound.port != to.port) return false;
  if (same_ip(bound, to)) return true;
  if (!is_any(bound)) return same_ip(plain(bound), to);
  return bound.family == to.family || bound.family == Family::ipv6;
}

io::Operation& operation_of(const Waiter& waiter) { return waiter.reactor->operation(waiter.slot); }

}  // namespace

void ByteQueue::pop(std::size_t count) {
  begin_ += count;
  if (begin_ == bytes_.size()) return clear();
  if (begin_ < bytes_.size() / 2) return;
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
}

// --- sockets -----------------------------------------------------------------------------------

Socket* SimNetwork::alive(std::uint32_t index, std::uint32_t generation) {
  return is_alive({index, generation}) ? &sockets_[index] : nullptr;
}

SocketId SimNetwork::make_socket(SimMachine& machine, Socket::Kind kind, Family family) {
  std::uint32_t index;
  if (free_sockets_.empty()) {
    index = static_cast<std::uint32_t>(sockets_.size());
    sockets_.emplace_back();
  } else {
    index = free_sockets_.back();
    free_sockets_.pop_back();
  }
  Socket& socket = sockets_[index];
  socket.index = index;
  socket.kind = kind;
  socket.machine = &machine;
  socket.family = family;
  socket.local.family = family;
  socket.buffer_bytes = kind == Socket::Kind::datagram ? world_.options().datagram_buffer_bytes
                                                       : world_.options().stream_buffer_bytes;
  return {index, socket.generation};
}

SocketId SimNetwork::make(SimMachine& machine, io::Transport transport, Family family) {
  const bool stream = transport == io::Transport::tcp;
  return make_socket(machine, stream ? Socket::Kind::fresh : Socket::Kind::datagram, family);
}

Result<SocketId> SimNetwork::listen(SimMachine& machine, io::Transport transport,
                                    const Address& address, const io::ListenOptions& options) {
  const bool stream = transport == io::Transport::tcp;
  const SocketId id = make_socket(machine, stream ? Socket::Kind::listener : Socket::Kind::datagram,
                                  address.family);
  Socket& made = socket(id);
  if (options.receive_buffer_bytes > 0) made.buffer_bytes = options.receive_buffer_bytes;
  made.backlog_max = std::max<std::size_t>(options.backlog, 1);
  if (const auto status = bind(made, address); !status) {
    close(id);
    return fail(status.error());
  }
  return id;
}

Status SimNetwork::bind(Socket& socket, const Address& address) {
  const bool own = is_any(address) || is_loopback(plain(address)) ||
                   same_ip(address, socket.machine->address(address.family));
  if (!own) return Error::not_available;
  if (address.port != 0 && address.port < 1024 && !world_.options().may_bind_low_ports)
    return Error::access;
  const auto is_taken = [&](std::uint16_t port) {
    return std::any_of(bound_.begin(), bound_.end(), [&](SocketId id) {
      const Socket& other = sockets_[id.index];
      const bool same_kind =
          (other.kind == Socket::Kind::datagram) == (socket.kind == Socket::Kind::datagram);
      if (!same_kind || other.machine != socket.machine || other.local.port != port) return false;
      return is_any(other.local) || is_any(address) || same_ip(other.local, address);
    });
  };
  std::uint16_t port = address.port;
  if (port != 0 && is_taken(port)) return Error::in_use;
  for (std::uint32_t tries = 0; port == 0; ++tries) {
    if (tries > port_last - port_first) return Error::in_use;
    const std::uint16_t candidate = next_port_;
    next_port_ = next_port_ == port_last ? port_first : static_cast<std::uint16_t>(next_port_ + 1);
    if (!is_taken(candidate)) port = candidate;
  }
  socket.local = address;
  socket.local.port = port;
  if (socket.kind == Socket::Kind::listener || socket.kind == Socket::Kind::datagram)
    bound_.push_back(id_of(socket));
  return {};
}

void SimNetwork::close(SocketId id, bool silently) {
  Socket& closing = socket(id);
  RUNNEL_ASSERT(closing.readers.empty() && closing.writers.empty());
  if (closing.kind == Socket::Kind::listener) {
    while (!closing.backlog.empty()) {
      const SocketId waiting = closing.backlog.front();
      closing.backlog.pop_front();
      if (!is_alive(waiting)) continue;
      if (!silently && is_alive(socket(waiting).other))
        tell(socket(waiting).other, EventKind::reset, latency_to(socket(waiting)));
      close(waiting, true);
    }
  }
  if (closing.kind == Socket::Kind::stream && !silently && !closing.dead && is_alive(closing.other))
    // What was not read makes it a reset, as in every TCP.
    tell(closing.other, closing.incoming.size() > 0 ? EventKind::reset : EventKind::finish,
         latency_to(closing));
  for (const std::uint32_t number : closing.queue) drop_datagram(number);
  std::erase_if(bound_, [id](SocketId each) { return each.index == id.index; });
  const std::uint32_t generation = closing.generation + 1;
  ByteQueue incoming = std::move(closing.incoming);
  incoming.clear();
  closing = Socket();
  closing.generation = generation;
  closing.incoming = std::move(incoming);
  free_sockets_.push_back(id.index);
}

SimMachine* SimNetwork::machine_at(const Address& address, SimMachine& from) const {
  if (is_any(address) || is_loopback(address)) return &from;
  for (std::size_t index = 0; index < world_.machine_count(); ++index) {
    SimMachine& each = world_.machine(index);
    if (same_ip(each.address(address.family), address)) return &each;
  }
  return nullptr;
}

Socket* SimNetwork::bound_to(const SimMachine& machine, const Address& address, bool stream) {
  for (const SocketId id : bound_) {
    Socket& each = sockets_[id.index];
    if (each.machine == &machine && (each.kind == Socket::Kind::listener) == stream &&
        covers(each.local, address))
      return &each;
  }
  return nullptr;
}

// --- faults --------------------------------------------------------------------------------------

void SimNetwork::partition(const SimMachine& one, const SimMachine& other, bool cut) {
  world_.count_fault();
  std::erase_if(blocks_, [&](const Block& each) {
    return (each.one == &one && each.other == &other) || (each.one == &other && each.other == &one);
  });
  if (cut)
    blocks_.push_back({&one, &other, 0});
  else
    release_held();
}

void SimNetwork::partition_port(std::uint16_t port, bool cut) {
  RUNNEL_ASSERT(port != 0);
  world_.count_fault();
  std::erase_if(blocks_, [port](const Block& each) { return each.port == port; });
  if (cut)
    blocks_.push_back({nullptr, nullptr, port});
  else
    release_held();
}

void SimNetwork::heal() {
  blocks_.clear();
  release_held();
}

void SimNetwork::reset_connections(std::uint16_t port) {
  world_.count_fault();
  for (Socket& each : sockets_)
    if (each.kind == Socket::Kind::stream && !each.dead &&
        (each.local.port == port || each.peer.port == port))
      tell(id_of(each), EventKind::reset, Duration::zero());
}

bool SimNetwork::is_blocked(const SimMachine& from, const SimMachine& to, std::uint16_t one_port,
                            std::uint16_t other_port) const {
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& each) {
    if (each.port != 0) return each.port == one_port || each.port == other_port;
    return (each.one == &from && each.other == &to) || (each.one == &to && each.other == &from);
  });
}

// Keeps what arrives across a partition, and everything after it, for later.
bool SimNetwork::hold(const Event& event, Socket& receiver) {
  if (receiver.peer_machine == nullptr) return false;
  if (receiver.held == 0 && !is_blocked(*receiver.peer_machine, *receiver.machine,
                                        receiver.local.port, receiver.peer.port))
    return false;
  if (receiver.held++ == 0) {
    Event expiry = event;
    expiry.at = after(world_.now(), world_.options().retransmit_timeout);
    expiry.kind = EventKind::give_up;
    world_.schedule(expiry);
  }
  held_.push_back(event);
  return true;
}

void SimNetwork::release_held() {
  std::vector<Event> released;
  released.swap(held_);
  Instant at = world_.now();
  for (Event& event : released) {
    if (Socket* receiver = alive(event.index, event.generation)) receiver->held = 0;
    // In the order in which they came; one that is still blocked is held again.
    at = after(at, 1us);
    event.at = at;
    world_.schedule(event);
  }
}

// --- sending -------------------------------------------------------------------------------------

Duration SimNetwork::latency(const SimMachine& from, const SimMachine& to) {
  const SimOptions& options = world_.options();
  return world_.schedule_random().between(&from == &to ? options.loopback_latency
                                                       : options.network_latency);
}

Duration SimNetwork::latency_to(const Socket& from) {
  return latency(*from.machine, from.peer_machine != nullptr ? *from.peer_machine : *from.machine);
}

// Nothing overtakes what was sent to the same socket before.
void SimNetwork::tell(SocketId to, EventKind kind, Duration later, std::uint32_t amount) {
  Socket& receiver = socket(to);
  Event event;
  event.at = std::max(after(world_.now(), later), after(receiver.last_arrival, 1ns));
  event.kind = kind;
  event.index = to.index;
  event.generation = to.generation;
  event.amount = amount;
  receiver.last_arrival = event.at;
  world_.schedule(event);
}

void SimNetwork::handle(const Event& event) {
  if (event.kind == EventKind::datagram) return datagram_arrived(event);
  Socket* receiver = alive(event.index, event.generation);
  if (event.kind == EventKind::connect_request) {
    if (receiver != nullptr) connect_arrived(event);
    return;
  }
  if (receiver == nullptr) return;
  switch (event.kind) {
    case EventKind::connect_answer:
      if (!hold(event, *receiver)) finish_connect(*receiver, Error::none);
      return;
    case EventKind::connect_refused:
      return finish_connect(*receiver, static_cast<Error>(event.amount));
    case EventKind::connect_expired:
      return finish_connect(*receiver, Error::timed_out);
    case EventKind::segment:
      if (hold(event, *receiver)) return;
      // After a reset there may be less than what was on its way.
      receiver->arrived =
          std::min<std::size_t>(receiver->arrived + event.amount, receiver->incoming.size());
      return pump(*receiver);
    case EventKind::finish:
      if (hold(event, *receiver)) return;
      receiver->finished = true;
      return pump(*receiver);
    case EventKind::reset:
      if (hold(event, *receiver)) return;
      return break_connection(*receiver, receiver->finished ? Error::closed : Error::reset);
    case EventKind::give_up:
      if (receiver->held > 0 && is_alive(receiver->other))
        break_connection(socket(receiver->other), Error::timed_out);
      return;
    default:
      RUNNEL_ASSERT(false && "not an event of the network");
  }
}

// --- connecting ----------------------------------------------------------------------------------

void SimNetwork::connect(Socket& socket, SimReactor& reactor, std::uint32_t slot) {
  const io::Operation& operation = reactor.operation(slot);
  RUNNEL_ASSERT(operation.peer != nullptr);
  const Address to = plain(*operation.peer);
  SimMachine* server = machine_at(to, *socket.machine);
  if (server == nullptr) return reactor.finish(slot, Error::unreachable);
  Address from =
      is_loopback(to) || is_any(to) ? loopback(to.family) : socket.machine->address(to.family);
  const bool unbound = socket.local.port == 0;
  if (socket.kind == Socket::Kind::datagram) {
    if (unbound) (void)bind(socket, as_seen_by(socket.family, from));
    socket.peer = *operation.peer;
    socket.peer_machine = server;
    return reactor.finish(slot, Error::none);
  }
  if (socket.kind != Socket::Kind::fresh)
    return reactor.finish(slot,
                          socket.kind == Socket::Kind::stream ? Error::exists : Error::unexpected);
  if (unbound)
    if (const auto status = bind(socket, as_seen_by(socket.family, from)); !status)
      return reactor.finish(slot, status.error());
  socket.kind = Socket::Kind::connecting;
  socket.peer = to;
  if (is_any(to)) {
    socket.peer = loopback(to.family);
    socket.peer.port = to.port;
  }
  socket.peer_machine = server;
  socket.writers.push_back({&reactor, slot});
  Event event;
  event.at = after(world_.now(), latency(*socket.machine, *server));
  event.kind = EventKind::connect_request;
  event.index = socket.index;
  event.generation = socket.generation;
  world_.schedule(event);
}

void SimNetwork::connect_arrived(const Event& event) {
  Socket& client = sockets_[event.index];
  if (client.kind != Socket::Kind::connecting) return;
  SimMachine& machine = world_.machine(client.peer_machine->index());
  const SocketId client_id{event.index, event.generation};
  const bool blocked = is_blocked(*client.machine, machine, client.local.port, client.peer.port);
  Socket* listener = blocked ? nullptr : bound_to(machine, client.peer, true);
  if (!blocked && listener == nullptr)
    return tell(client_id, EventKind::connect_refused, latency_to(client),
                static_cast<std::uint32_t>(Error::refused));
  if (blocked || listener->backlog.size() >= listener->backlog_max) {
    Event again = event;
    if (event.amount == 0) {
      again.kind = EventKind::connect_expired;
      again.at = after(world_.now(), world_.options().connect_timeout);
      world_.schedule(again);
    }
    again.kind = EventKind::connect_request;
    again.at = after(world_.now(), connect_retry);
    again.amount = 1;
    return world_.schedule(again);
  }
  const SocketId server_id = make_socket(machine, Socket::Kind::stream, listener->family);
  Socket& server = socket(server_id);
  server.local = as_seen_by(listener->family, client.peer);
  server.peer = as_seen_by(listener->family, plain(client.local));
  server.peer_machine = client.machine;
  server.buffer_bytes = listener->buffer_bytes;
  server.other = client_id;
  client.other = server_id;
  listener->backlog.push_back(server_id);
  tell(client_id, EventKind::connect_answer, latency_to(server));
  pump_readers(*listener);
}

void SimNetwork::finish_connect(Socket& socket, Error error) {
  if (socket.kind != Socket::Kind::connecting) return;
  socket.kind = error == Error::none ? Socket::Kind::stream : Socket::Kind::fresh;
  if (error == Error::none && !is_alive(socket.other)) socket.dead = true;
  WaitQueue waiting;
  waiting.swap(socket.writers);
  for (const Waiter& each : waiting) {
    if (operation_of(each).verb == Verb::connect)
      each.reactor->finish(each.slot, error);
    else
      socket.writers.push_back(each);
  }
  pump(socket);
}

void SimNetwork::break_connection(Socket& socket, Error error) {
  if (socket.dead || socket.kind == Socket::Kind::fresh) return;
  if (socket.kind == Socket::Kind::connecting) return finish_connect(socket, error);
  socket.dead = true;
  socket.broken = error;
  // What has arrived can still be read.
  socket.incoming.cut(socket.arrived);
  pump(socket);
}

// --- operations
// ------------------------------------------------------------------------------------

void SimNetwork::start(SocketId id, SimReactor& reactor, std::uint32_t slot) {
  Socket& target = socket(id);
  switch (reactor.operation(slot).verb) {
    case Verb::connect:
      return connect(target, reactor, slot);
    case Verb::send:
    case Verb::send_to:
      target.writers.push_back({&reactor, slot});
      return pump_writers(target);
    default:
      target.readers.push_back({&reactor, slot});
      return pump_readers(target);
  }
}

void SimNetwork::cancelled(SocketId id, std::uint32_t slot, const SimReactor& reactor) {
  if (!is_alive(id)) return;
  Socket& target = socket(id);
  const auto is_it = [&](const Waiter& each) {
    return each.reactor == &reactor && each.slot == slot;
  };
  std::erase_if(target.readers, is_it);
  std::erase_if(target.writers, is_it);
}

void SimNetwork::pump(Socket& socket) {
  pump_readers(socket);
  pump_writers(socket);
}

void SimNetwork::pump_readers(Socket& socket) {
  while (!socket.readers.empty()) {
    const Waiter first = socket.readers.front();
    if (step_reader(socket, first) == Step::waits) return;
    socket.readers.erase(socket.readers.begin());
  }
}

void SimNetwork::pump_writers(Socket& socket) {
  while (!socket.writers.empty()) {
    const Waiter first = socket.writers.front();
    if (step_writer(socket, first) == Step::waits) return;
    socket.writers.erase(socket.writers.begin());
  }
}

bool SimNetwork::is_readable(const Socket& socket) const {
  switch (socket.kind) {
    case Socket::Kind::listener:
      return !socket.backlog.empty();
    case Socket::Kind::datagram:
      return !socket.queue.empty();
    default:
      return socket.arrived > 0 || socket.dead || (socket.finished && socket.incoming.size() == 0);
  }
}

SimNetwork::Step SimNetwork::step_reader(Socket& socket, const Waiter& waiter) {
  const Verb verb = operation_of(waiter).verb;
  const auto needs = [&](bool fits) {
    if (!fits) waiter.reactor->finish(waiter.slot, Error::unexpected);
    return fits;
  };
  const bool datagram = socket.kind == Socket::Kind::datagram;
  switch (verb) {
    case Verb::accept:
      if (!needs(socket.kind == Socket::Kind::listener)) return Step::done;
      return accept(socket, waiter);
    case Verb::recv:
      if (datagram) return receive_datagram(socket, waiter);
      if (!needs(socket.kind == Socket::Kind::stream)) return Step::done;
      return receive(socket, waiter);
    case Verb::recv_from:
      if (!needs(datagram)) return Step::done;
      return receive_datagram(socket, waiter);
    case Verb::ready:
      if (!is_readable(socket)) return Step::waits;
      waiter.reactor->finish(waiter.slot, Error::none);
      return Step::done;
    default:
      if (!needs(verb == Verb::recv_stream ? socket.kind == Socket::Kind::stream : datagram))
        return Step::done;
      if (is_readable(socket)) waiter.reactor->want_fill(waiter.slot);
      return Step::waits;
  }
}

SimNetwork::Step SimNetwork::step_writer(Socket& socket, const Waiter& waiter) {
  const io::Operation& operation = operation_of(waiter);
  if (operation.verb == Verb::connect) return Step::waits;
  if (socket.kind == Socket::Kind::stream) return send(socket, waiter);
  const bool datagram = socket.kind == Socket::Kind::datagram;
  if (datagram && operation.verb == Verb::send_to) {
    RUNNEL_ASSERT(operation.peer != nullptr);
    return send_datagram(socket, waiter, *operation.peer);
  }
  if (datagram && socket.peer.family != Family::none)
    return send_datagram(socket, waiter, socket.peer);
  waiter.reactor->finish(waiter.slot, Error::closed);
  return Step::done;
}

SimNetwork::Step SimNetwork::accept(Socket& listener, const Waiter& waiter) {
  // One whose client has gone for good in the meantime is still accepted; reading it tells.
  if (listener.backlog.empty()) return Step::waits;
  const SocketId id = listener.backlog.front();
  SimMachine::Entry entry;
  entry.kind = SimMachine::Kind::socket;
  entry.socket = id;
  const auto handle = listener.machine->add(entry);
  if (!handle) {
    waiter.reactor->finish(waiter.slot, handle.error());
    return Step::done;
  }
  listener.backlog.pop_front();
  io::Operation& operation = operation_of(waiter);
  if (operation.peer != nullptr) *operation.peer = socket(id).peer;
  waiter.reactor->finish(waiter.slot, Error::none, static_cast<std::int32_t>(*handle));
  return Step::done;
}

void SimNetwork::consume(Socket& socket, std::size_t count) {
  socket.incoming.pop(count);
  socket.arrived -= count;
  if (is_alive(socket.other)) pump_writers(this->socket(socket.other));
}

// What a reader finds at the end: a reset once, after that the end of the stream.
Error SimNetwork::take_end(Socket& socket) { return std::exchange(socket.broken, Error::none); }

SimNetwork::Step SimNetwork::receive(Socket& socket, const Waiter& waiter) {
  const io::Operation& operation = operation_of(waiter);
  if (!is_readable(socket) && operation.size > 0) return Step::waits;
  if (socket.arrived == 0) {
    const Error end = take_end(socket);
    waiter.reactor->finish(waiter.slot, end == Error::closed ? Error::none : end);
    return Step::done;
  }
  std::size_t count = std::min<std::size_t>(operation.size, socket.arrived);
  Random& random = world_.schedule_random();
  if (count > 1 && random.chance(world_.options().partial_receives))
    count = random.between(1, count - 1);
  const Bytes bytes = socket.incoming.front(count);
  if (count > 0) std::memcpy(operation.data, bytes.data(), count);
  consume(socket, count);
  waiter.reactor->finish(waiter.slot, Error::none, static_cast<std::int32_t>(count));
  return Step::done;
}

SimNetwork::Step SimNetwork::send(Socket& from, const Waiter& waiter) {
  const io::Operation& operation = operation_of(waiter);
  const auto done = [&](Error error, std::size_t count) {
    waiter.reactor->finish(waiter.slot, error, static_cast<std::int32_t>(count));
    return Step::done;
  };
  if (from.dead) {
    const Error end = take_end(from);
    return done(end == Error::none ? Error::closed : end, 0);
  }
  if (!is_alive(from.other)) {
    // The peer's machine answers with a reset; this much is already on its way to nobody.
    tell(id_of(from), EventKind::reset, 2 * latency_to(from));
    return done(Error::none, operation.size);
  }
  if (world_.fault(world_.options().stream_resets)) {
    tell(from.other, EventKind::reset, latency_to(from));
    tell(id_of(from), EventKind::reset, Duration::zero());
  }
  Socket& to = socket(from.other);
  const std::size_t room = to.buffer_bytes - std::min(to.buffer_bytes, to.incoming.size());
  if (to.dead) return done(Error::none, operation.size);
  if (room == 0 && operation.size > 0) return Step::waits;
  std::size_t count = std::min<std::size_t>(operation.size, room);
  Random& random = world_.schedule_random();
  if (count > 1 && random.chance(world_.options().partial_sends))
    count = random.between(1, count - 1);
  if (count > 0) {
    to.incoming.push({operation.data, count});
    tell(from.other, EventKind::segment, latency_to(from), static_cast<std::uint32_t>(count));
  }
  return done(Error::none, count);
}

void SimNetwork::fill(SocketId id, SimReactor& reactor, std::uint32_t slot) {
  if (!is_alive(id)) return;
  Socket& from = socket(id);
  if (!is_readable(from)) return;
  auto& stream = static_cast<io::StreamOperation&>(reactor.operation(slot));
  const bool datagrams = from.kind == Socket::Kind::datagram;
  if (!datagrams && from.arrived == 0) {
    const Error end = take_end(from);
    return reactor.finish_stream(slot, end == Error::none ? Error::closed : end);
  }
  io::Buffer* buffer = reactor.take_buffer(slot);
  if (buffer == nullptr) return;
  const std::size_t skip = datagrams ? io::BufferPool::datagram_overhead : 0;
  const std::size_t room = stream.pool->buffer_bytes() - skip;
  buffer->data = buffer->memory + skip;
  if (datagrams) {
    const std::uint32_t number = from.queue.front();
    from.queue.pop_front();
    const Datagram& datagram = datagrams_[number];
    const std::size_t count = std::min(room, datagram.bytes.size());
    if (count > 0) std::memcpy(buffer->data, datagram.bytes.data(), count);
    buffer->size = static_cast<std::uint32_t>(count);
    buffer->truncated = count < datagram.bytes.size();
    buffer->peer = datagram.from;
    from.queued_bytes -= datagram.bytes.size() + datagram_overhead;
    drop_datagram(number);
  } else {
    std::size_t count = std::min(room, from.arrived);
    Random& random = world_.schedule_random();
    if (count > 1 && random.chance(world_.options().partial_receives))
      count = random.between(1, count - 1);
    std::memcpy(buffer->data, from.incoming.front(count).data(), count);
    buffer->size = static_cast<std::uint32_t>(count);
    consume(from, count);
  }
  stream.filled->push_back(*buffer);
  reactor.yield(slot);
  // One buffer an event: connections that share a pool take turns.
  if (is_readable(from)) reactor.want_fill(slot);
}

// --- datagrams
// -------------------------------------------------------------------------------------

std::uint32_t SimNetwork::take_datagram_slot() {
  if (free_datagrams_.empty()) {
    datagrams_.emplace_back();
    return static_cast<std::uint32_t>(datagrams_.size() - 1);
  }
  const std::uint32_t number = free_datagrams_.back();
  free_datagrams_.pop_back();
  return number;
}

SimNetwork::Step SimNetwork::send_datagram(Socket& socket, const Waiter& waiter,
                                           const Address& peer) {
  const io::Operation& operation = operation_of(waiter);
  const Address to = plain(peer);
  const auto done = [&](Error error, std::int32_t count) {
    waiter.reactor->finish(waiter.slot, error, count);
    return Step::done;
  };
  if (operation.size > datagram_bytes_max) return done(Error::too_large, 0);
  SimMachine* machine = machine_at(to, *socket.machine);
  if (machine == nullptr) return done(Error::unreachable, 0);
  if (socket.local.port == 0) {
    Address any;
    any.family = socket.family;
    if (const auto status = bind(socket, any); !status) return done(status.error(), 0);
  }
  const auto size = static_cast<std::int32_t>(operation.size);
  if (is_blocked(*socket.machine, *machine, socket.local.port, to.port))
    return done(Error::none, size);
  if (world_.fault(world_.options().datagram_loss)) return done(Error::none, size);
  const std::uint32_t number = take_datagram_slot();
  Datagram& datagram = datagrams_[number];
  datagram.bytes.assign(operation.data, operation.data + operation.size);
  datagram.to = to;
  datagram.from = plain(socket.local);
  if (is_any(datagram.from)) {
    const bool near = is_loopback(to) || is_any(to);
    datagram.from = near ? loopback(to.family) : socket.machine->address(to.family);
    datagram.from.port = socket.local.port;
  }
  Event event;
  event.at = after(world_.now(), latency(*socket.machine, *machine));
  event.kind = EventKind::datagram;
  event.who = machine->index();
  event.amount = number;
  world_.schedule(event);
  return done(Error::none, size);
}

void SimNetwork::datagram_arrived(const Event& event) {
  Datagram& datagram = datagrams_[event.amount];
  Socket* to = bound_to(world_.machine(event.who), datagram.to, false);
  if (to == nullptr) return drop_datagram(event.amount);
  const std::size_t cost = datagram.bytes.size() + datagram_overhead;
  if (to->queued_bytes + cost > to->buffer_bytes) {
    ++to->dropped;
    return drop_datagram(event.amount);
  }
  datagram.from = as_seen_by(to->family, datagram.from);
  to->queued_bytes += cost;
  to->queue.push_back(event.amount);
  pump_readers(*to);
}

SimNetwork::Step SimNetwork::receive_datagram(Socket& socket, const Waiter& waiter) {
  if (socket.queue.empty()) return Step::waits;
  const std::uint32_t number = socket.queue.front();
  socket.queue.pop_front();
  const Datagram& datagram = datagrams_[number];
  io::Operation& operation = operation_of(waiter);
  const std::size_t count = std::min<std::size_t>(operation.size, datagram.bytes.size());
  if (count > 0) std::memcpy(operation.data, datagram.bytes.data(), count);
  operation.truncated = count < datagram.bytes.size();
  if (operation.peer != nullptr && operation.verb == Verb::recv_from)
    *operation.peer = datagram.from;
  socket.queued_bytes -= datagram.bytes.size() + datagram_overhead;
  drop_datagram(number);
  waiter.reactor->finish(waiter.slot, Error::none, static_cast<std::int32_t>(count));
  return Step::done;
}

}  // namespace runnel::sim
