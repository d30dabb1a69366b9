#include "sinks/forward/forward.hpp"

#include "sinks/forward/forward_format.hpp"
#include "sinks/forward/session.hpp"
#include "sinks/forward/tags.hpp"

namespace runnel::sinks {
namespace {

using async::Task;
using pipeline::Checked;
using pipeline::Delivery;
using pipeline::Frame;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::SinkContext;
using pipeline::wrong;

constexpr std::uint16_t standard_port = 24224;

struct ForwardMemory {
  ForwardSessionMemory session;
  std::span<char> tags;
};

class ForwardSink final : public pipeline::Sink {
 public:
  static ForwardMemory carve(Region& region, const ForwardSettings& settings) {
    constexpr std::size_t frame_bytes = 768;
    region.frames(3, frame_bytes);  // start, deliver, shut
    ForwardMemory memory;
    memory.session = ForwardSessionMemory::carve(region, settings.uplink);
    memory.tags = ForwardTags::carve(region, settings.tag);
    return memory;
  }
  ForwardSink(SinkContext& context, const ForwardSettings& settings, const ForwardMemory& memory)
      : context_(context),
        session_(context, settings, memory.session),
        tags_(settings.tag, memory.tags) {}

  Task<pipeline::Started> start() override { co_return session_.start(); }

  std::uint64_t partition(const pipeline::Record& record) override {
    const bool known = record.source() < context_.source_names.size();
    return tags_.key_of(record, known ? context_.source_names[record.source()] : "unknown");
  }

  Task<Delivery> deliver(const Frame& frame) override {
    tags_.delivering();
    Delivery delivery;
    if (frame.wire.empty()) co_return delivery;
    const Status sent = co_await session_.send(tags_.tag(frame.key), frame);
    if (sent) co_return delivery;
    session_.end();
    delivery.outcome = Delivery::Outcome::retry;
    delivery.error = sent.error();
    delivery.reason = session_.reason();
    co_return delivery;
  }

  Task<void> shut() override { co_await session_.leave(); }

 private:
  SinkContext& context_;
  ForwardSession session_;
  ForwardTags tags_;
};

constexpr pipeline::Option options[] = {
    {.name = "address",
     .type = OptionType::text,
     .standard = "",
     .help = "host and port to connect to: \"logs.example.org\", \"[2001:db8::1]:24224\"; port "
             "24224 where none is named; \"unix:/run/fluent.sock\"",
     .required = true},
    {.name = "tag",
     .type = OptionType::text,
     .standard = "runnel.%{source}",
     .help = "tag of the events, with %{source}, %{severity} and %{HEADER}"},
    {.name = "require_ack",
     .type = OptionType::boolean,
     .standard = "true",
     .help =
         "a batch is delivered when the server has acknowledged it; false: when its kernel has"},
    {.name = "message_key",
     .type = OptionType::text,
     .standard = "message",
     .help = "name of the body in a record"},
    {.name = "source_key",
     .type = OptionType::text,
     .standard = "source",
     .help = "name of the source's name in a record; empty: left out"},
    {.name = "severity_key",
     .type = OptionType::text,
     .standard = "severity",
     .help = "name of the severity in a record, where there is one; empty: left out"},
    {.name = "headers",
     .type = OptionType::boolean,
     .standard = "true",
     .help = "headers are in the record, each by its name"},
    {.name = "shared_key",
     .type = OptionType::text,
     .standard = "",
     .help = "what the server and we prove to each other to know; empty: it asks for nothing. "
             "Write ${NAME} to take it from the environment"},
    {.name = "hostname",
     .type = OptionType::text,
     .standard = "",
     .help = "our name in the proof, never the server's own; empty: the installation's"},
    {.name = "user",
     .type = OptionType::text,
     .standard = "",
     .help = "told to a server that asks who we are, behind shared_key"},
    {.name = "password", .type = OptionType::text, .standard = "", .help = "of the user"},
};

class ForwardPlan final : public pipeline::SinkPlan {
 public:
  ForwardPlan(ForwardSettings settings, ForwardKeys keys)
      : settings_(std::move(settings)), format_(std::move(keys)) {
    delivery.format = &format_;
    looks_up_names = settings_.endpoint.is_name();
    delivery.partitions = !settings_.tag.is_constant();
  }
  pipeline::Sink* build(Region& region, SinkContext* context) override {
    return pipeline::build_component<ForwardSink, pipeline::Sink>(region, context, settings_);
  }

 private:
  ForwardSettings settings_;
  ForwardFormat format_;
};

Checked<ForwardKeys> keys_from(const OptionValues& values) {
  ForwardKeys keys{values.text("message_key"), values.text("source_key"),
                   values.text("severity_key"), values.boolean("headers")};
  for (const std::string_view option : {"message_key", "source_key", "severity_key"})
    if (values.text(option).size() > ForwardKeys::bytes_max)
      return wrong(option, concat("is longer than ", ForwardKeys::bytes_max, " bytes"));
  if (keys.message.empty()) return wrong("message_key", "is empty: a body needs a name");
  if (keys.source == keys.message) return wrong("source_key", "is the same as message_key");
  if (keys.severity == keys.message) return wrong("severity_key", "is the same as message_key");
  if (keys.severity == keys.source && !keys.source.empty())
    return wrong("severity_key", "is the same as source_key");
  return keys;
}

Checked<ForwardSettings> secrets_from(const OptionValues& values, ForwardSettings settings) {
  settings.shared_key = values.text("shared_key");
  settings.hostname = values.text("hostname");
  settings.user = values.text("user");
  settings.password = values.text("password");
  for (const std::string_view option : {"shared_key", "hostname", "user", "password"})
    if (values.text(option).size() > ForwardSettings::name_bytes_max)
      return wrong(option, concat("is longer than ", ForwardSettings::name_bytes_max, " bytes"));
  for (const std::string_view option : {"hostname", "user", "password"})
    if (!values.text(option).empty() && settings.shared_key.empty())
      return wrong(option, "is used only with a shared_key, which is not set");
  if (!settings.password.empty() && settings.user.empty())
    return wrong("password", "is set, but there is no user");
  return settings;
}

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto endpoint = endpoint_from(values, "address", standard_port);
  if (!endpoint) return tl::unexpected(endpoint.error());
  auto tag = TagTemplate::parse(values.text("tag"));
  if (!tag) return wrong("tag", tag.error());
  auto keys = keys_from(values);
  if (!keys) return tl::unexpected(keys.error());
  ForwardSettings settings;
  settings.endpoint = std::move(*endpoint);
  auto uplink = uplink_settings(values, settings.endpoint);
  if (!uplink) return tl::unexpected(uplink.error());
  settings.uplink = std::move(*uplink);
  settings.tag = *tag;
  settings.require_ack = values.boolean("require_ack");
  const auto codec = *codec::codec_from(values.text("compression.codec"));
  if (codec != codec::Codec::none) settings.compressed = codec::name_of(codec);
  auto checked = secrets_from(values, std::move(settings));
  if (!checked) return tl::unexpected(checked.error());
  return std::make_unique<ForwardPlan>(std::move(*checked), std::move(*keys));
}

}  // namespace

const pipeline::SinkType forward_type = {
    .name = "forward",
    .summary = "sends events to Fluentd, Fluent Bit or whoever receives the Forward protocol",
    .options = options,
    .connects = true,
    .plan = plan,
    .compresses = true,
};

}  // namespace runnel::sinks
