// What a partition holds back, and resets from outside.
#include <algorithm>

#include "platform/sim/machine.hpp"
#include "platform/sim/network.hpp"

namespace runnel::sim {

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

}  // namespace runnel::sim
