#include "tests/sim/swarm/peers.hpp"

#include <algorithm>

namespace runnel::swarm {

Peers::Peers(const Scenario& scenario, const Selection& selection, const Surroundings& around) {
  RUNNEL_ASSERT(around.world.machine().files().make_folders("/var/log").ok());
  for (std::size_t index = 0; index < scenario.peers.size(); ++index) {
    if (!selection.keeps_peer(index)) continue;
    const PeerScenario& peer = scenario.peers[index];
    const SourceScenario& source = scenario.sources[peer.source];
    const SenderContext context{around.world, around.senders, around.ledger, peer,
                                source,       around.life,    around.calm,   scenario.long_events};
    switch (peer.kind) {
      case PeerKind::log_writer:
        writers_.push_back(std::make_unique<LogWriter>(around.world, around.ledger, around.logs,
                                                       peer, index, source.event_bytes_max,
                                                       scenario.long_events));
        break;
      case PeerKind::tcp_sender:
        tcp_senders_.push_back(std::make_unique<TcpSender>(context));
        break;
      case PeerKind::udp_sender:
        udp_senders_.push_back(std::make_unique<UdpSender>(context));
        break;
    }
  }
}

void Peers::work_until(Instant end) {
  for (auto& each : writers_) each->work_until(end);
  for (auto& each : tcp_senders_) each->work_until(end);
  for (auto& each : udp_senders_) each->work_until(end);
}

bool Peers::resting() const {
  const auto rests = [](const auto& each) { return each->resting(); };
  return std::all_of(writers_.begin(), writers_.end(), rests) &&
         std::all_of(tcp_senders_.begin(), tcp_senders_.end(), rests) &&
         std::all_of(udp_senders_.begin(), udp_senders_.end(), rests);
}

}  // namespace runnel::swarm
