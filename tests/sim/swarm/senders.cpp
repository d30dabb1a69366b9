#include "tests/sim/swarm/senders.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace runnel::swarm {

using io::Verb;

void SenderMachine::poll(Instant until) {
  io::CompletedList completed;
  reactor_->poll(until, completed);
  while (io::Operation* operation = completed.take_front())
    static_cast<Outgoing&>(*operation).done();
}

void SenderMachine::lose_power() {
  machine_.power_loss();
  for (const auto& told : told_) told();
}

namespace {

io::Address server_of(const SourceScenario& source) {
  const char* address = "10.0.0.1:5170";
  if (source.kind == SourceKind::udp) address = "10.0.0.1:5171";
  if (source.kind == SourceKind::syslog) address = "10.0.0.1:5514";
  return io::parse_address(address).value();
}

}  // namespace

// --- streams -------------------------------------------------------------------------------------

TcpSender::TcpSender(const SenderContext& context)
    : context_(context), random_(context.scenario.seed), server_(server_of(context.source)) {
  context_.machine.when_power_is_lost([this] { power_lost(); });
}

void TcpSender::work_until(Instant end) {
  end_ = end;
  if (working_) return;
  working_ = true;
  later(Duration::zero());
}

void TcpSender::later(Duration pause) {
  context_.world.at(after(context_.world.now(), pause), [this] { step(); });
}

void TcpSender::submit() {
  under_way_ = true;
  context_.machine.submit(operation_);
}

void TcpSender::power_lost() {
  handle_ = io::Handle::none;
  connected_ = false;
  if (!under_way_) return;
  under_way_ = false;
  later(context_.scenario.pause);
}

// What to do when nothing is under way.
void TcpSender::step() {
  if (connected_) return send();
  if (context_.world.now() >= end_) {
    working_ = false;
    return;
  }
  connect();
}

void TcpSender::connect() {
  const auto handle = context_.machine.system().socket(io::Transport::tcp, io::Family::ipv4);
  if (!handle) return later(context_.scenario.pause);
  handle_ = *handle;
  // One that began on a slow network may be answered later than the agent waits for its first byte.
  in_calm_ = context_.calm;
  static_cast<io::Request&>(operation_) = io::Request();
  operation_.verb = Verb::connect;
  operation_.handle = handle_;
  operation_.peer = &server_;
  operation_.done = [this] { connected(); };
  submit();
}

void TcpSender::connected() {
  under_way_ = false;
  if (operation_.error != Error::none) {
    close();
    return later(context_.scenario.pause * 4);
  }
  connected_ = true;
  stalls_ = random_.below(6) == 0;
  left_ = static_cast<std::uint32_t>(random_.between(4, 60));
  stream_ = context_.ledger.add(StreamKind::connection, context_.scenario.source,
                                context_.source.event_bytes_max, context_.long_events);
  context_.ledger.stream(stream_).life = context_.life;
  pending_.clear();
  send();
}

std::string TcpSender::framed(std::string_view event) const {
  if (context_.source.kind == SourceKind::tcp && context_.source.framing == "length32") {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8)
      text += static_cast<char>(event.size() >> shift & 0xFF);
    return text += event;
  }
  if (context_.source.kind == SourceKind::tcp && context_.source.framing == "octet_counted")
    return concat(event.size(), " ") + std::string(event);
  return std::string(event) + "\n";
}

void TcpSender::send() {
  const std::uint64_t count = std::min<std::uint64_t>(
      left_, random_.between(1, std::max<std::uint32_t>(context_.scenario.events, 1)));
  for (std::uint64_t index = 0; index < count; ++index) {
    std::string event;
    context_.ledger.put(stream_, event);
    pending_ += framed(event);
    --left_;
  }
  if (pending_.empty()) {
    // Everything is sent: the end, in order.
    if (in_calm_) context_.ledger.stream(stream_).due = true;
    close();
    return later(random_.between(sim::Range{1ms, context_.scenario.pause * 2}));
  }
  piece_ = random_.below(3) == 0 ? random_.between(1, pending_.size()) : pending_.size();
  static_cast<io::Request&>(operation_) = io::Request();
  operation_.verb = Verb::send;
  operation_.handle = handle_;
  operation_.data = const_cast<std::byte*>(as_bytes(pending_).data());
  operation_.size = static_cast<std::uint32_t>(piece_);
  operation_.done = [this] { sent(); };
  submit();
}

void TcpSender::sent() {
  under_way_ = false;
  if (operation_.error != Error::none) {
    close();
    return later(context_.scenario.pause);
  }
  pending_.erase(0, static_cast<std::size_t>(operation_.result));
  Duration pause = random_.between(sim::Range{10us, context_.scenario.pause});
  if (stalls_ && !in_calm_ && random_.below(4) == 0)
    pause = random_.between(
        sim::Range{context_.source.idle_timeout / 2, context_.source.idle_timeout * 2});
  later(pause);
}

void TcpSender::close() {
  if (handle_ != io::Handle::none) context_.machine.reactor().discard(handle_);
  handle_ = io::Handle::none;
  connected_ = false;
}

// --- datagrams -----------------------------------------------------------------------------------

UdpSender::UdpSender(const SenderContext& context)
    : context_(context),
      random_(context.scenario.seed),
      server_(server_of(context.source)),
      stream_(context.ledger.add(
          StreamKind::datagrams, context.scenario.source,
          context.source.kind == SourceKind::udp ? 2048 : context.source.event_bytes_max, false)) {
  context_.machine.when_power_is_lost([this] {
    handle_ = io::Handle::none;
    under_way_ = false;
  });
}

void UdpSender::work_until(Instant end) {
  end_ = end;
  if (working_) return;
  working_ = true;
  context_.world.at(context_.world.now(), [this] { step(); });
}

void UdpSender::step() {
  if (context_.world.now() >= end_) {
    working_ = false;
    return;
  }
  if (handle_ == io::Handle::none)
    handle_ = context_.machine.system()
                  .socket(io::Transport::udp, io::Family::ipv4)
                  .value_or(io::Handle::none);
  if (handle_ != io::Handle::none && !under_way_) {
    datagram_.clear();
    context_.ledger.put(stream_, datagram_);
    static_cast<io::Request&>(operation_) = io::Request();
    operation_.verb = Verb::send_to;
    operation_.handle = handle_;
    operation_.data = const_cast<std::byte*>(as_bytes(datagram_).data());
    operation_.size = static_cast<std::uint32_t>(datagram_.size());
    operation_.peer = &server_;
    operation_.done = [this] { under_way_ = false; };
    under_way_ = true;
    context_.machine.submit(operation_);
  }
  // Mostly in bursts.
  const Duration pause =
      random_.below(12) == 0 ? random_.between(sim::Range{1ms, context_.scenario.pause}) : 10us;
  context_.world.at(after(context_.world.now(), pause), [this] { step(); });
}

}  // namespace runnel::swarm
