// Streams: how a connection comes about, what it carries and how it ends.
#include <algorithm>
#include <cstring>
#include <utility>

#include "platform/sim/addressing.hpp"
#include "platform/sim/machine.hpp"
#include "platform/sim/network.hpp"
#include "platform/sim/reactor.hpp"

namespace runnel::sim {

using io::Address;
using io::Verb;

namespace {

constexpr Duration connect_retry = 1s;  // a full backlog drops the SYN

}  // namespace

void ByteQueue::pop(std::size_t count) {
  begin_ += count;
  if (begin_ == bytes_.size()) return clear();
  if (begin_ < bytes_.size() / 2) return;
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
}

Result<io::StreamState> SimNetwork::state_of(SocketId id) {
  const Socket& from = socket(id);
  if (from.kind != Socket::Kind::stream) return fail(Error::unsupported);
  // `closed` is what a send gets; the connection itself was reset.
  const bool told = from.broken != Error::none && from.broken != Error::closed;
  if (from.dead) return fail(told ? from.broken : Error::reset);
  io::StreamState state;
  state.peer_finished = from.finished;
  if (is_alive(from.other)) {
    const Socket& to = socket(from.other);
    const bool local = from.family == io::Family::local;
    state.unacknowledged_bytes = to.incoming.size() - (local ? 0 : to.arrived);
  }
  return state;
}

// --- connecting ----------------------------------------------------------------------------------

void SimNetwork::connect(Socket& socket, SimReactor& reactor, std::uint32_t slot) {
  const io::Operation& operation = reactor.operation(slot);
  RUNNEL_ASSERT(operation.peer != nullptr);
  if (operation.peer->family == io::Family::local) return connect_local(socket, reactor, slot);
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
  take_client(*listener, client);
}

void SimNetwork::take_client(Socket& listener, Socket& client) {
  const SocketId server_id = make_socket(*listener.machine, Socket::Kind::stream, listener.family);
  Socket& server = socket(server_id);
  server.local = as_seen_by(listener.family, client.peer);
  server.peer = as_seen_by(listener.family, plain(client.local));
  server.peer_machine = client.machine;
  server.buffer_bytes = listener.buffer_bytes;
  server.other = id_of(client);
  client.other = server_id;
  listener.backlog.push_back(server_id);
  tell(server.other, EventKind::connect_answer, latency_to(server));
  pump_readers(listener);
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

// --- bytes ---------------------------------------------------------------------------------------

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
  const bool local = from.family == io::Family::local;
  // One kernel for both: it knows at once.
  if (local && (from.finished || !is_alive(from.other))) return done(Error::closed, 0);
  if (!is_alive(from.other)) {
    // The peer's machine answers with a reset; this much is already on its way to nobody.
    tell(id_of(from), EventKind::reset, 2 * latency_to(from));
    return done(Error::none, operation.size);
  }
  if (!local && world_.fault(world_.options().stream_resets)) {
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

void SimNetwork::take_bytes(Socket& from, io::Buffer& into, std::size_t room) {
  std::size_t count = std::min(room, from.arrived);
  Random& random = world_.schedule_random();
  if (count > 1 && random.chance(world_.options().partial_receives))
    count = random.between(1, count - 1);
  std::memcpy(into.data, from.incoming.front(count).data(), count);
  into.size = static_cast<std::uint32_t>(count);
  consume(from, count);
}

}  // namespace runnel::sim
