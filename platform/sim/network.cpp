#include "platform/sim/network.hpp"

#include <algorithm>

#include "platform/sim/addressing.hpp"
#include "platform/sim/machine.hpp"
#include "platform/sim/reactor.hpp"

namespace runnel::sim {

using io::Address;
using io::Family;
using io::Verb;

namespace {

constexpr std::uint16_t port_first = 32768, port_last = 60999;
constexpr Duration retransmission = 1s;

}  // namespace

io::Operation& SimNetwork::operation_of(const Waiter& waiter) {
  return waiter.reactor->operation(waiter.slot);
}

// --- sockets -------------------------------------------------------------------------------------

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
  const Status status =
      address.family == Family::local ? bind_local(made, options.path) : bind(made, address);
  if (!status) {
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
  // The peer goes on sending what nobody has acknowledged, and a machine that is up again, or never
  // was down, answers that it knows of no such connection.
  if (closing.kind == Socket::Kind::stream && silently && is_alive(closing.other) &&
      (closing.incoming.size() > 0 || !socket(closing.other).writers.empty()))
    tell(closing.other, EventKind::reset, retransmission);
  for (const std::uint32_t number : closing.queue) drop_datagram(number);
  std::erase_if(bound_, [id](SocketId each) { return each.index == id.index; });
  if (closing.node != no_inode) closing.machine->files().close(closing.node);
  std::vector<SocketId> senders = std::move(closing.senders);
  const std::uint32_t generation = closing.generation + 1;
  ByteQueue incoming = std::move(closing.incoming);
  incoming.clear();
  closing = Socket();
  closing.generation = generation;
  closing.incoming = std::move(incoming);
  free_sockets_.push_back(id.index);
  wake_senders(std::move(senders));
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

// --- what travels --------------------------------------------------------------------------------

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
    case EventKind::datagram_refused:
      receiver->broken = Error::refused;
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

// --- operations ----------------------------------------------------------------------------------

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
    RUNNEL_ASSERT(operation.peer != nullptr && operation.peer->family != Family::local);
    return send_datagram(socket, waiter, *operation.peer);
  }
  if (datagram && socket.peer.family == Family::local) return send_local_datagram(socket, waiter);
  if (datagram && socket.peer.family != Family::none)
    return send_datagram(socket, waiter, socket.peer);
  waiter.reactor->finish(waiter.slot, Error::closed);
  return Step::done;
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
  if (datagrams)
    take_datagram(from, *buffer, room);
  else
    take_bytes(from, *buffer, room);
  stream.filled->push_back(*buffer);
  reactor.yield(slot);
  // One buffer an event: connections that share a pool take turns.
  if (is_readable(from)) reactor.want_fill(slot);
}

}  // namespace runnel::sim
