#include "sinks/mqtt/mqtt.hpp"

#include "codec/mqtt/text.hpp"
#include "sinks/mqtt/message_format.hpp"
#include "sinks/mqtt/mqtt_sink.hpp"

namespace runnel::sinks {
namespace {

using codec::mqtt::Version;
using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::uint16_t standard_port = 1883, standard_tls_port = 8883;

constexpr pipeline::Option options[] = {
    {.name = "address",
     .type = OptionType::text,
     .standard = "",
     .help =
         "of the broker: \"broker.example.org\", \"tls://192.0.2.1\"; without a port 1883, with "
         "TLS 8883; \"unix:/run/mosquitto.sock\"",
     .required = true},
    {.name = "topic",
     .type = OptionType::text,
     .standard = "",
     .help = "topic with %{source}, %{severity} and %{HEADER}, such as \"edge/%{host}/%{source}\"",
     .required = true},
    {.name = "protocol",
     .type = OptionType::text,
     .standard = "5",
     .help = "version of MQTT",
     .choices = "3.1.1|5"},
    {.name = "encoding",
     .type = OptionType::text,
     .standard = "text",
     .help = "text: a message is the body; json: an object with time, source, headers and body",
     .choices = "text|json"},
    {.name = "qos",
     .type = OptionType::number,
     .standard = "1",
     .help = "1: delivered when the broker has acknowledged it; 0: when its kernel has",
     .maximum = 1},
    {.name = "retain",
     .type = OptionType::boolean,
     .standard = "false",
     .help = "the broker keeps the last message of each topic for later subscribers"},
    {.name = "window",
     .type = OptionType::number,
     .standard = "100",
     .help = "messages that may wait for their acknowledgement; a broker may ask for less",
     .minimum = 1,
     .maximum = MqttSettings::window_max},
    {.name = "client_id",
     .type = OptionType::text,
     .standard = "",
     .help = "must be unique at the broker; empty: made of the identity in state_dir"},
    {.name = "clean",
     .type = OptionType::boolean,
     .standard = "false",
     .help = "every connection is a new session"},
    {.name = "session_expiry",
     .type = OptionType::duration,
     .standard = "1h",
     .help = "MQTT 5: how long the broker keeps the session without a connection",
     .maximum = 366 * 86'400 * ns_per_second},
    {.name = "keep_alive",
     .type = OptionType::duration,
     .standard = "60s",
     .help = "a ping is sent when nothing else was for so long; 0: never",
     .maximum = 65'535 * ns_per_second},
    {.name = "user", .type = OptionType::text, .standard = "", .help = "user name; empty: none"},
    {.name = "password",
     .type = OptionType::text,
     .standard = "",
     .help = "its password, best as \"${NAME}\" from the environment"},
    {.name = "password_file",
     .type = OptionType::text,
     .standard = "",
     .help = "file with the password, read at the start; a newline at its end does not count"},
    {.name = "will.topic",
     .type = OptionType::text,
     .standard = "",
     .help =
         "the broker publishes here when the connection ends without a goodbye; empty: no will"},
    {.name = "will.payload", .type = OptionType::text, .standard = "", .help = "what it publishes"},
    {.name = "will.qos",
     .type = OptionType::number,
     .standard = "0",
     .help = "at which QoS",
     .maximum = 2},
    {.name = "will.retain",
     .type = OptionType::boolean,
     .standard = "false",
     .help = "and whether it is kept"},
    {.name = "will.delay",
     .type = OptionType::duration,
     .standard = "0s",
     .help = "MQTT 5: how long a connection may be away before",
     .maximum = 86'400 * ns_per_second},
};

class MqttPlan final : public pipeline::SinkPlan {
 public:
  explicit MqttPlan(MqttSettings settings) : settings_(std::move(settings)), format_(settings_) {
    delivery.event_ends = true;
    delivery.format = &format_;
    looks_up_names = settings_.endpoint.is_name();
  }
  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    settings_.batch_events_max = delivery.take.events_max;
    return pipeline::build_component<MqttSink, pipeline::Sink>(region, context, settings_);
  }

 private:
  MqttSettings settings_;
  MessageFormat format_;
};

// Whole seconds, and something that is not nothing stays so.
std::uint32_t seconds(Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

Checked<std::string> text_of(const OptionValues& values, std::string_view name,
                             std::size_t bytes_max) {
  const std::string& text = values.text(name);
  if (text.size() > bytes_max) return wrong(name, concat("is longer than ", bytes_max, " bytes"));
  if (!codec::mqtt::valid_text(text)) return wrong(name, "is not UTF-8, or has a zero byte");
  return text;
}

Checked<void> read_login(const OptionValues& values, MqttSettings& settings) {
  auto user = text_of(values, "user", MqttSettings::user_bytes_max);
  if (!user) return tl::unexpected(user.error());
  settings.user = *user;
  settings.password = values.text("password");
  settings.password_file = values.text("password_file");
  if (settings.password.size() > MqttSettings::password_bytes_max)
    return wrong("password", concat("is longer than ", MqttSettings::password_bytes_max, " bytes"));
  if (!settings.password.empty() && !settings.password_file.empty())
    return wrong("password_file", "is set, and password too; one of them");
  const bool password = !settings.password.empty() || !settings.password_file.empty();
  if (password && settings.user.empty() && settings.version == Version::v3_1_1)
    return wrong("user", "is empty, but MQTT 3.1.1 has no password without a user");
  return {};
}

Checked<void> read_will(const OptionValues& values, MqttSettings& settings) {
  settings.will_topic = values.text("will.topic");
  if (!settings.will_topic.empty() && !codec::mqtt::valid_topic(settings.will_topic))
    return wrong("will.topic", "is no topic to publish to: UTF-8 without + and #");
  if (settings.will_topic.size() > TopicTemplate::pattern_bytes_max)
    return wrong("will.topic",
                 concat("is longer than ", TopicTemplate::pattern_bytes_max, " bytes"));
  settings.will_payload = values.text("will.payload");
  if (settings.will_payload.size() > MqttSettings::will_bytes_max)
    return wrong("will.payload", concat("is longer than ", MqttSettings::will_bytes_max, " bytes"));
  if (settings.will_topic.empty() && !settings.will_payload.empty())
    return wrong("will.payload", "is set, but will.topic is not");
  settings.will_qos = static_cast<std::uint8_t>(values.number("will.qos"));
  settings.will_retain = values.boolean("will.retain");
  settings.will_delay_s = seconds(values.duration("will.delay"));
  return {};
}

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  MqttSettings settings;
  const bool secure = values.text("address").starts_with("tls://");
  auto endpoint = endpoint_from(values, "address", secure ? standard_tls_port : standard_port);
  if (!endpoint) return tl::unexpected(endpoint.error());
  settings.endpoint = std::move(*endpoint);
  auto uplink = uplink_settings(values, settings.endpoint);
  if (!uplink) return tl::unexpected(uplink.error());
  settings.uplink = std::move(*uplink);
  const auto topic = TopicTemplate::parse(values.text("topic"));
  if (!topic) return wrong("topic", topic.error());
  settings.topic = *topic;
  settings.version = values.text("protocol") == "5" ? Version::v5 : Version::v3_1_1;
  settings.json = values.text("encoding") == "json";
  settings.qos = static_cast<std::uint8_t>(values.number("qos"));
  settings.retain = values.boolean("retain");
  settings.window = static_cast<std::uint16_t>(values.number("window"));
  auto client_id = text_of(values, "client_id", MqttSettings::client_id_bytes_max);
  if (!client_id) return tl::unexpected(client_id.error());
  settings.client_id = *client_id;
  settings.clean = values.boolean("clean");
  settings.session_expiry_s = seconds(values.duration("session_expiry"));
  settings.keep_alive_s = static_cast<std::uint16_t>(seconds(values.duration("keep_alive")));
  if (const auto login = read_login(values, settings); !login) return tl::unexpected(login.error());
  if (const auto will = read_will(values, settings); !will) return tl::unexpected(will.error());
  return std::make_unique<MqttPlan>(std::move(settings));
}

}  // namespace

const pipeline::SinkType mqtt_type = {
    .name = "mqtt",
    .summary = "publishes each event to an MQTT broker, 3.1.1 or 5, acknowledged or not",
    .options = options,
    .connects = true,
    .plan = plan,
    .one_connection = "a broker lets a client_id in once",
};

}  // namespace runnel::sinks
