#include "sinks/sending/uplink.hpp"

#include <algorithm>

#include "async/sleep.hpp"
#include "pipeline/connection_options.hpp"
#include "pipeline/shared_link.hpp"

namespace runnel::sinks {

using async::Task;
using pipeline::OptionValues;

namespace {

// Each piece has a deadline of its own: on a thin link a batch takes minutes.
constexpr std::size_t piece_bytes = 64 * 1024;
// How often the kernel is asked whether the peer has everything. A nearby peer has at once; one
// that has been silent for long is asked less often, so that waiting for it costs nothing.
constexpr Duration first_look = std::chrono::microseconds(200);
constexpr Duration longest_look = std::chrono::milliseconds(50);
constexpr int looks_in_silence = 16;  // that has lasted so far, at most

// Beyond the error of an attempt to connect; empty: nothing.
std::string_view reason_of(const Endpoint& endpoint, Error error) {
  const bool local = endpoint.is_local();
  switch (error) {
    case Error::not_found:
      return local ? "there is no such socket: is its program running?"
                   : "no name server knows this name";
    case Error::refused:
      return local ? "no program listens on it, or it takes no more connections" : "";
    case Error::access:
      return local ? "this user may not write to it, or not enter its folder" : "";
    case Error::unsupported:
      return local ? "it is a socket for datagrams" : "";
    default:
      return {};
  }
}

// How long a goodbye may take.
constexpr Duration goodbye_patience = 1s;

}  // namespace

pipeline::Checked<UplinkSettings> uplink_settings(const OptionValues& values,
                                                  const Endpoint& endpoint) {
  UplinkSettings settings{values.duration("connect_timeout"), values.duration("reply_timeout"), {}};
  if (endpoint.secure) {
    auto tls = pipeline::tls_settings(values, net::TlsRole::client);
    if (!tls) return tl::unexpected(tls.error());
    settings.tls = std::move(*tls);
  } else if (const auto none =
                 pipeline::check_no_tls(values, pipeline::connection_options(),
                                        "the address begins neither with tls:// nor with https://");
             !none) {
    return tl::unexpected(none.error());
  }
  return settings;
}

pipeline::Checked<Endpoint> endpoint_from(const OptionValues& values, std::string_view option,
                                          std::uint16_t standard_port) {
  auto endpoint = parse_endpoint(values.text(option), standard_port);
  if (!endpoint) return pipeline::wrong(option, endpoint.error());
  return *endpoint;
}

pipeline::Checked<Destination> destination_from(const OptionValues& values, Endpoint endpoint) {
  auto uplink = uplink_settings(values, endpoint);
  if (!uplink) return tl::unexpected(uplink.error());
  return Destination{std::move(endpoint), std::move(*uplink)};
}

UplinkMemory Uplink::carve(Region& region, const UplinkSettings& settings) {
  constexpr std::size_t frame_bytes = 1024;
  region.frames(6, frame_bytes);  // open, connect or secure, write, read, acknowledged, end
  region.frames(2, net::TcpStream::frame_bytes);
  region.frames(1, pipeline::SharedLink::frame_bytes);
  region.handles(1);
  net::Dialer::carve(region);
  if (!settings.tls) return {};
  net::TlsStream::carve_frames(region, 1);
  UplinkMemory memory;
  memory.tls_context = region.bytes(net::tls_context_bytes(*settings.tls), "TLS: certificates");
  memory.tls_session = region.bytes(net::tls_session_bytes, "TLS: session");
  return memory;
}

Uplink::Uplink(pipeline::SinkContext& context, const UplinkSettings& settings,
               const UplinkMemory& memory)
    : context_(context),
      settings_(settings),
      memory_(memory),
      tcp_(context.reactor()),
      dialer_(context.scheduler, context.system, *context.network.resolver) {}

pipeline::Started Uplink::start() {
  if (!settings_.tls) return {};
  auto made = net::make_tls_context(context_.network, context_.system, *settings_.tls,
                                    memory_.tls_context, context_.name);
  if (!made) return tl::unexpected(made.error());
  tls_context_ = std::move(*made);
  tls_session_ = tls_context_->make_session(memory_.tls_session);
  tls_.emplace(*tls_session_, tcp_);
  return {};
}

Task<Status> Uplink::open(const Endpoint& endpoint) {
  const Status connected = co_await connect(endpoint);
  if (!connected || !tls_) co_return connected;
  const Status secured = co_await secure(endpoint);
  co_return secured;
}

Task<Status> Uplink::connect(const Endpoint& endpoint) {
  RUNNEL_ASSERT(!is_open());
  reason_ = {};
  counted_ = 0;
  const Instant deadline = after(context_.now(), settings_.connect_timeout);
  const Status connected = co_await dialer_.dial(endpoint.host, endpoint.port, tcp_, deadline);
  if (connected) ++context_.counters.connections;
  reason_ = reason_of(endpoint, connected.error());
  co_return connected;
}

Task<Status> Uplink::secure(const Endpoint& endpoint) {
  RUNNEL_ASSERT(tls_ && !secured_);
  const Instant deadline = after(context_.now(), settings_.tls->handshake_timeout);
  const bool named = !settings_.tls->server_name.empty();
  const Status shaken = co_await tls_->handshake(
      deadline, named ? std::string_view() : std::string_view(endpoint.host));
  count(0);
  secured_ = shaken.ok();
  if (!shaken) {
    reason_ = tls_->reason();
    tls_->close();
  }
  co_return shaken;
}

void Uplink::close() {
  if (tls_) tls_->close();
  tcp_.close();
  secured_ = false;
}

Task<void> Uplink::end() {
  if (secured_ && is_open()) {
    (void)co_await tls_->shut(after(context_.now(), goodbye_patience));
    count(0);
  }
  close();
}

void Uplink::count(std::size_t admitted) {
  const std::uint64_t sent = tcp_.traffic().sent_bytes;
  const auto bytes = static_cast<std::size_t>(sent - counted_);
  context_.counters.wire_bytes += bytes;
  counted_ = sent;
  if (context_.link != nullptr && bytes > admitted) context_.link->spend(bytes - admitted);
}

Task<Status> Uplink::write(Bytes bytes) {
  Status status;
  pipeline::SharedLink* const link = context_.link;
  while (status && !bytes.empty()) {
    const std::size_t most = std::min(bytes.size(), piece_bytes);
    const Bytes piece = bytes.first(link == nullptr ? most : link->piece(most));
    if (link != nullptr) status = co_await link->admit(piece.size(), context_.priority);
    if (!status) break;
    status = co_await stream().write(piece, reply_deadline());
    count(piece.size());
    bytes = bytes.subspan(piece.size());
  }
  co_return status;
}

Task<Result<std::uint32_t>> Uplink::read(MutableBytes into, Instant deadline) {
  const auto received = co_await stream().read(into, deadline);
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
  Instant moved = context_.now();
  Instant deadline = reply_deadline();
  Duration pause = first_look;
  for (;;) {
    const auto state = context_.system.stream_state(tcp_.handle());
    if (!state) co_return state.error();
    if (state->peer_finished) co_return Error::closed;
    if (state->unacknowledged_bytes == 0) co_return Status();
    if (state->unacknowledged_bytes < last) {
      last = state->unacknowledged_bytes;
      moved = context_.now();
      deadline = reply_deadline();
    }
    if (context_.now() >= deadline) co_return Error::timed_out;
    const Instant next = std::min(after(context_.now(), pause), deadline);
    const Status slept = co_await async::sleep_until(next);
    if (!slept) co_return slept;
    const Duration silence = context_.now() - moved;
    pause = std::min(pause * 2, std::max(longest_look, silence / looks_in_silence));
  }
}

}  // namespace runnel::sinks
