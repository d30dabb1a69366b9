#include "sinks/sending/uplink.hpp"

#include <algorithm>

#include "async/sleep.hpp"

namespace runnel::sinks {

using async::Task;
using pipeline::OptionValues;

namespace {

// Each piece has a deadline of its own: on a thin link a batch takes minutes.
constexpr std::size_t piece_bytes = 64 * 1024;
// How often the kernel is asked whether the peer has everything. A nearby peer has at once.
constexpr Duration first_look = std::chrono::microseconds(200);
constexpr Duration longest_look = std::chrono::milliseconds(50);

}  // namespace

UplinkSettings uplink_settings(const OptionValues& values) {
  return {values.duration("connect_timeout"), values.duration("reply_timeout")};
}

pipeline::Checked<Endpoint> endpoint_from(const OptionValues& values, std::string_view option,
                                          std::uint16_t standard_port) {
  auto endpoint = parse_endpoint(values.text(option), standard_port);
  if (!endpoint) return pipeline::wrong(option, endpoint.error());
  return *endpoint;
}

void Uplink::carve(Region& region) {
  constexpr std::size_t frame_bytes = 1024;
  region.frames(4, frame_bytes);  // open, write, read, acknowledged
  region.frames(2, net::TcpStream::frame_bytes);
  region.handles(1);
  net::Dialer::carve(region);
}

Uplink::Uplink(pipeline::SinkContext& context, const UplinkSettings& settings)
    : context_(context),
      settings_(settings),
      tcp_(context.reactor()),
      dialer_(context.scheduler, context.system, *context.network.resolver) {}

Task<Status> Uplink::open(const Endpoint& endpoint) {
  RUNNEL_ASSERT(!is_open());
  const Instant deadline = after(context_.now(), settings_.connect_timeout);
  const Status connected = co_await dialer_.dial(endpoint.host, endpoint.port, tcp_, deadline);
  if (connected) ++context_.counters.connections;
  co_return connected;
}

Task<Status> Uplink::write(Bytes bytes) {
  Status status;
  while (status && !bytes.empty()) {
    const Bytes piece = bytes.first(std::min(bytes.size(), piece_bytes));
    const std::uint64_t before = tcp_.traffic().sent_bytes;
    status = co_await tcp_.write(piece, reply_deadline());
    context_.counters.wire_bytes += tcp_.traffic().sent_bytes - before;
    bytes = bytes.subspan(piece.size());
  }
  co_return status;
}

Task<Result<std::uint32_t>> Uplink::read(MutableBytes into, Instant deadline) {
  const auto received = co_await tcp_.read(into, deadline);
  co_return received;
}

Task<Result<std::uint32_t>> Uplink::read(MutableBytes into) {
  const auto received = co_await read(into, reply_deadline());
  co_return received;
}

bool Uplink::is_alive() const {
  if (!is_open()) return false;
  const auto state = context_.system.stream_state(tcp_.handle());
  return state.has_value() && !state->peer_finished;
}

Task<Status> Uplink::acknowledged() {
  std::uint64_t last = UINT64_MAX;
  Instant deadline = reply_deadline();
  for (Duration pause = first_look;; pause = std::min(pause * 2, longest_look)) {
    const auto state = context_.system.stream_state(tcp_.handle());
    if (!state) co_return state.error();
    if (state->peer_finished) co_return Error::closed;
    if (state->unacknowledged_bytes == 0) co_return Status();
    if (state->unacknowledged_bytes < last) {
      last = state->unacknowledged_bytes;
      deadline = reply_deadline();
    }
    if (context_.now() >= deadline) co_return Error::timed_out;
    const Status slept = co_await async::sleep_until(after(context_.now(), pause));
    if (!slept) co_return slept;
  }
}

}  // namespace runnel::sinks
