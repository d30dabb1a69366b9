#include "sinks/tcp/tcp_sink.hpp"

#include "sinks/sending/stream_sink.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;

constexpr pipeline::Option options[] = {
    {.name = "address",
     .type = OptionType::text,
     .standard = "",
     .help = "whom to connect to: \"logs.example.org:5170\", with TLS \"tls://192.0.2.1:6514\", on "
             "this machine \"unix:/run/logs.sock\"",
     .required = true},
    {.name = "framing",
     .type = OptionType::text,
     .standard = "newline",
     .help = "newline: one event a line; octet_counted: its length and a space in front of each",
     .choices = "newline|octet_counted"},
};

class TcpSinkPlan final : public pipeline::SinkPlan {
 public:
  explicit TcpSinkPlan(Destination to) : to_(std::move(to)) {
    looks_up_names = to_.endpoint.is_name();
  }
  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    return pipeline::build_component<StreamSink, pipeline::Sink>(region, context, to_);
  }

 private:
  Destination to_;
};

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto endpoint = endpoint_from(values, "address");
  if (!endpoint) return tl::unexpected(endpoint.error());
  auto to = destination_from(values, std::move(*endpoint));
  if (!to) return tl::unexpected(to.error());
  auto made = std::make_unique<TcpSinkPlan>(std::move(*to));
  made->delivery.octet_counted = values.text("framing") == "octet_counted";
  return made;
}

}  // namespace

const pipeline::SinkType tcp_sink_type = {
    .name = "tcp",
    .summary = "sends events over TCP or a Unix socket, as lines or octet-counted",
    .options = options,
    .encodes = true,
    .connects = true,
    .plan = plan,
};

}  // namespace runnel::sinks
