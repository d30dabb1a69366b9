#include "sinks/tcp/tcp_sink.hpp"

#include "sinks/sending/uplink.hpp"

namespace runnel::sinks {
namespace {

using async::Task;
using pipeline::Checked;
using pipeline::Delivery;
using pipeline::Frame;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::SinkContext;

struct TcpSinkSettings {
  Endpoint endpoint;
  UplinkSettings uplink;
};

struct TcpSinkMemory {
  UplinkMemory uplink;
};

// A batch is delivered when the peer's kernel has acknowledged its last byte. There is no answer of
// the peer's program: what it had not read when it died is lost (docs/sink-tcp.md).
class TcpSink final : public pipeline::Sink {
 public:
  static TcpSinkMemory carve(Region& region, const TcpSinkSettings& settings) {
    constexpr std::size_t frame_bytes = 768;
    region.frames(4, frame_bytes);  // start, deliver, send, shut
    return {Uplink::carve(region, settings.uplink)};
  }
  TcpSink(SinkContext& context, const TcpSinkSettings& settings, const TcpSinkMemory& memory)
      : settings_(settings), uplink_(context, settings.uplink, memory.uplink) {}

  Task<pipeline::Started> start() override { co_return uplink_.start(); }

  Task<Delivery> deliver(const Frame& frame) override {
    const Status sent = co_await send(frame.wire);
    Delivery delivery;
    if (sent) co_return delivery;
    uplink_.close();
    delivery.outcome = Delivery::Outcome::retry;
    delivery.error = sent.error();
    reason_.clear();
    reason_ << settings_.endpoint;
    if (!uplink_.reason().empty()) reason_ << ": " << uplink_.reason();
    delivery.reason = reason_.text();
    co_return delivery;
  }

  Task<void> shut() override { co_await uplink_.end(); }

 private:
  Task<Status> send(Bytes bytes) {
    if (!uplink_.is_alive()) {
      uplink_.close();
      const Status opened = co_await uplink_.open(settings_.endpoint);
      if (!opened) co_return opened;
    }
    const Status written = co_await uplink_.write(bytes);
    if (!written) co_return written;
    const Status acknowledged = co_await uplink_.acknowledged();
    co_return acknowledged;
  }

  const TcpSinkSettings& settings_;
  Uplink uplink_;
  Text<512> reason_;
};

constexpr pipeline::Option options[] = {
    {.name = "address",
     .type = OptionType::text,
     .standard = "",
     .help = "whom to connect to: \"logs.example.org:5170\", with TLS \"tls://192.0.2.1:6514\"",
     .required = true},
    {.name = "framing",
     .type = OptionType::text,
     .standard = "newline",
     .help = "newline: one event a line; octet_counted: its length and a space in front of each",
     .choices = "newline|octet_counted"},
};

class TcpSinkPlan final : public pipeline::SinkPlan {
 public:
  explicit TcpSinkPlan(TcpSinkSettings settings) : settings_(std::move(settings)) {}
  pipeline::Sink* build(Region& region, SinkContext* context) override {
    return pipeline::build_component<TcpSink, pipeline::Sink>(region, context, settings_);
  }

 private:
  TcpSinkSettings settings_;
};

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto endpoint = endpoint_from(values, "address");
  if (!endpoint) return tl::unexpected(endpoint.error());
  auto uplink = uplink_settings(values, *endpoint);
  if (!uplink) return tl::unexpected(uplink.error());
  const bool is_name = endpoint->is_name();
  auto made =
      std::make_unique<TcpSinkPlan>(TcpSinkSettings{std::move(*endpoint), std::move(*uplink)});
  made->looks_up_names = is_name;
  made->delivery.octet_counted = values.text("framing") == "octet_counted";
  return made;
}

}  // namespace

const pipeline::SinkType tcp_sink_type = {
    .name = "tcp",
    .summary = "sends events over TCP, as lines or octet-counted",
    .options = options,
    .encodes = true,
    .connects = true,
    .plan = plan,
};

}  // namespace runnel::sinks
