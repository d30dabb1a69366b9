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

struct TcpSinkMemory {};

// A batch is delivered when the peer's kernel has acknowledged its last byte. There is no answer of
// the peer's program: what it had not read when it died is lost (docs/sink-tcp.md).
class TcpSink final : public pipeline::Sink {
 public:
  static TcpSinkMemory carve(Region& region, const TcpSinkSettings&) {
    constexpr std::size_t frame_bytes = 768;
    region.frames(4, frame_bytes);  // start, deliver, send, shut
    Uplink::carve(region);
    return {};
  }
  TcpSink(SinkContext& context, const TcpSinkSettings& settings, const TcpSinkMemory&)
      : settings_(settings), uplink_(context, settings.uplink) {}

  Task<pipeline::Started> start() override { co_return pipeline::Started(); }

  Task<Delivery> deliver(const Frame& frame) override {
    const Status sent = co_await send(frame.wire);
    Delivery delivery;
    if (sent) co_return delivery;
    uplink_.close();
    delivery.outcome = Delivery::Outcome::retry;
    delivery.error = sent.error();
    reason_.clear();
    reason_ << settings_.endpoint;
    delivery.reason = reason_.text();
    co_return delivery;
  }

  Task<void> shut() override {
    uplink_.close();
    co_return;
  }

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
  Text<272> reason_;
};

constexpr pipeline::Option options[] = {
    {.name = "address",
     .type = OptionType::text,
     .standard = "",
     .help = "address and port to connect to: \"192.0.2.1:5170\", \"[2001:db8::1]:5170\"",
     .required = true},
    {.name = "framing",
     .type = OptionType::text,
     .standard = "newline",
     .help = "newline: one event a line; octet_counted: its length and a space in front of each",
     .choices = "newline|octet_counted"},
    connect_timeout_option,
    reply_timeout_option,
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
  auto made =
      std::make_unique<TcpSinkPlan>(TcpSinkSettings{std::move(*endpoint), uplink_settings(values)});
  made->delivery.octet_counted = values.text("framing") == "octet_counted";
  return made;
}

}  // namespace

const pipeline::SinkType tcp_sink_type = {
    .name = "tcp",
    .summary = "sends events over TCP, as lines or octet-counted",
    .options = options,
    .encodes = true,
    .plan = plan,
};

}  // namespace runnel::sinks
