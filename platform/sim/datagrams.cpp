// Datagrams: sent, lost or queued, received.
#include <algorithm>
#include <cstring>

#include "platform/sim/addressing.hpp"
#include "platform/sim/machine.hpp"
#include "platform/sim/network.hpp"
#include "platform/sim/reactor.hpp"

namespace runnel::sim {

using io::Address;
using io::Verb;

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
  if (const Error told = take_end(socket); told != Error::none) return done(told, 0);
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
  datagram.sender = id_of(socket);
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
  if (datagram.from.family == io::Family::local) return local_datagram_arrived(event.amount);
  Socket* to = bound_to(world_.machine(event.who), datagram.to, false);
  if (to == nullptr) {
    refuse_datagram(datagram, world_.machine(event.who));
    return drop_datagram(event.amount);
  }
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

// The ICMP message may get lost as any datagram; only who is connected hears of it.
void SimNetwork::refuse_datagram(const Datagram& datagram, const SimMachine& by) {
  const Socket* sender = alive(datagram.sender.index, datagram.sender.generation);
  if (sender == nullptr || sender->peer.family == io::Family::none) return;
  if (is_blocked(by, *sender->machine, datagram.to.port, sender->local.port)) return;
  if (world_.fault(world_.options().datagram_loss)) return;
  tell(datagram.sender, EventKind::datagram_refused, latency_to(*sender));
}

SimNetwork::Step SimNetwork::receive_datagram(Socket& socket, const Waiter& waiter) {
  if (socket.broken != Error::none) {
    waiter.reactor->finish(waiter.slot, take_end(socket));
    return Step::done;
  }
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
  wake_senders(std::move(socket.senders));
  return Step::done;
}

void SimNetwork::take_datagram(Socket& from, io::Buffer& into, std::size_t room) {
  const std::uint32_t number = from.queue.front();
  from.queue.pop_front();
  const Datagram& datagram = datagrams_[number];
  const std::size_t count = std::min(room, datagram.bytes.size());
  if (count > 0) std::memcpy(into.data, datagram.bytes.data(), count);
  into.size = static_cast<std::uint32_t>(count);
  into.truncated = count < datagram.bytes.size();
  into.peer = datagram.from;
  from.queued_bytes -= datagram.bytes.size() + datagram_overhead;
  drop_datagram(number);
  wake_senders(std::move(from.senders));
}

}  // namespace runnel::sim
