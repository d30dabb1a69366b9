// Unix sockets: their names are files of the machine, both ends have one kernel, and nothing is
// lost between them. A process that was killed leaves the file, and so may a power loss.
#include <algorithm>

#include "platform/sim/machine.hpp"
#include "platform/sim/network.hpp"
#include "platform/sim/reactor.hpp"

namespace runnel::sim {

using io::Family;

Status SimNetwork::bind_local(Socket& socket, const char* path) {
  RUNNEL_ASSERT(path != nullptr);
  SimFiles& files = socket.machine->files();
  if (const auto there = files.find(path)) {
    if (files.info(*there).kind != io::FileInfo::Kind::other) return Error::exists;
    if (bound_to(*socket.machine, *there) != nullptr) return Error::in_use;
    if (const Status removed = files.unlink(path); !removed) return removed;
  }
  const auto made = files.make_socket(path);
  if (!made) return made.error();
  socket.node = *made;
  bound_.push_back(id_of(socket));
  return {};
}

Socket* SimNetwork::bound_to(const SimMachine& machine, Inode node) {
  for (const SocketId id : bound_) {
    Socket& each = sockets_[id.index];
    if (each.machine == &machine && each.node == node) return &each;
  }
  return nullptr;
}

void SimNetwork::connect_local(Socket& socket, SimReactor& reactor, std::uint32_t slot) {
  const io::Operation& operation = reactor.operation(slot);
  RUNNEL_ASSERT(operation.path != nullptr);
  const auto node = socket.machine->files().find(operation.path);
  if (!node) return reactor.finish(slot, node.error());
  Socket* to = bound_to(*socket.machine, *node);
  if (to == nullptr) return reactor.finish(slot, Error::refused);
  const bool datagrams = socket.kind == Socket::Kind::datagram;
  if (datagrams != (to->kind == Socket::Kind::datagram))
    return reactor.finish(slot, Error::unsupported);
  if (!datagrams && socket.kind != Socket::Kind::fresh)
    return reactor.finish(slot,
                          socket.kind == Socket::Kind::stream ? Error::exists : Error::unexpected);
  if (!datagrams && to->backlog.size() >= to->backlog_max)
    return reactor.finish(slot, Error::refused);
  socket.peer.family = Family::local;
  socket.peer_machine = socket.machine;
  if (datagrams) {
    socket.other = id_of(*to);
    return reactor.finish(slot, Error::none);
  }
  socket.kind = Socket::Kind::connecting;
  socket.writers.push_back({&reactor, slot});
  take_client(*to, socket);
}

// Who sends waits for room at the receiver: nothing is dropped.
SimNetwork::Step SimNetwork::send_local_datagram(Socket& socket, const Waiter& waiter) {
  const io::Operation& operation = operation_of(waiter);
  const auto done = [&](Error error) {
    const auto size = error == Error::none ? static_cast<std::int32_t>(operation.size) : 0;
    waiter.reactor->finish(waiter.slot, error, size);
    return Step::done;
  };
  Socket* to = alive(socket.other.index, socket.other.generation);
  if (to == nullptr) return done(Error::refused);
  if (operation.size > datagram_bytes_max) return done(Error::too_large);
  const std::size_t cost = operation.size + datagram_overhead;
  if (to->queued_bytes > 0 && to->queued_bytes + cost > to->buffer_bytes) {
    to->senders.push_back(id_of(socket));
    return Step::waits;
  }
  const std::uint32_t number = take_datagram_slot();
  Datagram& datagram = datagrams_[number];
  datagram.bytes.assign(operation.data, operation.data + operation.size);
  datagram.from = datagram.to = {.family = Family::local};
  datagram.sender = id_of(socket);
  datagram.receiver = socket.other;
  to->queued_bytes += cost;
  Event event;
  // In order, as in a queue.
  event.at = std::max(after(world_.now(), latency_to(socket)), after(to->last_arrival, 1ns));
  event.kind = EventKind::datagram;
  event.who = socket.machine->index();
  event.amount = number;
  to->last_arrival = event.at;
  world_.schedule(event);
  return done(Error::none);
}

void SimNetwork::local_datagram_arrived(std::uint32_t number) {
  const SocketId receiver = datagrams_[number].receiver;
  Socket* to = alive(receiver.index, receiver.generation);
  if (to == nullptr) return drop_datagram(number);
  to->queue.push_back(number);
  pump_readers(*to);
}

void SimNetwork::wake_senders(std::vector<SocketId> senders) {
  for (const SocketId each : senders)
    if (is_alive(each)) pump_writers(socket(each));
}

}  // namespace runnel::sim
