#include "sinks/nats/nats.hpp"

#include "sinks/nats/nats_format.hpp"
#include "sinks/nats/nats_sink.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr std::uint16_t standard_port = 4222;
constexpr std::size_t secret_bytes_max = 256;

constexpr pipeline::Option options[] = {
    {.name = "servers",
     .type = OptionType::texts,
     .standard = "",
     .help = "of one cluster: \"n1.example.org\", \"tls://192.0.2.1:4222\"; after a failure the "
             "next one",
     .required = true},
    {.name = "subject",
     .type = OptionType::text,
     .standard = "",
     .help = "where an event is published: text with %{source}, %{severity} and %{HEADER}",
     .required = true},
    {.name = "encoding",
     .type = OptionType::text,
     .standard = "text",
     .help = "text: a message is the body; json: an object with time, source, headers and body",
     .choices = "text|json"},
    {.name = "jetstream",
     .type = OptionType::boolean,
     .standard = "true",
     .help = "a stream acknowledges every message; false: published to whoever listens, or nobody"},
    {.name = "window",
     .type = OptionType::number,
     .standard = "256",
     .help = "messages that wait for their acknowledgement at a time; 1: order kept in any case",
     .minimum = 1,
     .maximum = 65536},
    {.name = "user", .type = OptionType::text, .standard = "", .help = "name to connect with"},
    {.name = "password", .type = OptionType::text, .standard = "", .help = "and its password"},
    {.name = "token", .type = OptionType::text, .standard = "", .help = "or a token instead"},
};

class NatsPlan final : public pipeline::SinkPlan {
 public:
  NatsPlan(NatsSettings settings, const SubjectTemplate& subject, bool json)
      : settings_(std::move(settings)), format_(subject, json) {
    delivery.format = &format_;
    delivery.event_ends = true;
    const auto& proxy = settings_.uplink.proxy;
    // What a cluster tells of itself may be names.
    looks_up_names = !proxy || proxy->endpoint.is_name();
  }
  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    settings_.events_max = delivery.take.events_max;
    return pipeline::build_component<NatsSink, pipeline::Sink>(region, context, settings_);
  }

 private:
  NatsSettings settings_;
  NatsFormat format_;
};

Checked<NatsSettings> settings_from(const OptionValues& values) {
  NatsSettings settings;
  for (const std::string& text : values.texts("servers")) {
    auto endpoint = parse_endpoint(text, standard_port);
    if (!endpoint) return wrong("servers", endpoint.error());
    settings.servers.push_back(std::move(*endpoint));
  }
  if (settings.servers.empty()) return wrong("servers", "names no server");
  settings.jetstream = values.boolean("jetstream");
  settings.window = static_cast<std::uint32_t>(values.number("window"));
  settings.user = values.text("user");
  settings.password = values.text("password");
  settings.token = values.text("token");
  for (const std::string_view name : {"user", "password", "token"})
    if (values.text(name).size() > secret_bytes_max)
      return wrong(name, concat("is longer than ", secret_bytes_max, " bytes"));
  if (!settings.token.empty() && !settings.user.empty())
    return wrong("token", "is set, and so is user: a server takes one of them");
  if (!settings.password.empty() && settings.user.empty())
    return wrong("password", "is set, but there is no user");
  const Endpoint& first = settings.servers.front();
  for (const Endpoint& each : settings.servers) {
    if (each.secure != first.secure) return wrong("servers", "some have tls:// and some have not");
    // The same for all of them, unless one cannot be reached that way.
    auto uplink = uplink_settings(values, each);
    if (!uplink) return tl::unexpected(uplink.error());
    settings.uplink = std::move(*uplink);
  }
  return settings;
}

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto settings = settings_from(values);
  if (!settings) return tl::unexpected(settings.error());
  const auto subject = SubjectTemplate::parse(values.text("subject"));
  if (!subject) return wrong("subject", subject.error());
  return std::make_unique<NatsPlan>(std::move(*settings), *subject,
                                    values.text("encoding") == "json");
}

}  // namespace

const pipeline::SinkType nats_type = {
    .name = "nats",
    .summary = "publishes every event to NATS, acknowledged by JetStream",
    .options = options,
    .connects = true,
    .plan = plan,
};

}  // namespace runnel::sinks
