#include "sinks/kafka/kafka.hpp"

#include <algorithm>

#include "pipeline/connection_options.hpp"
#include "sinks/kafka/kafka_sink.hpp"
#include "sinks/sending/endpoint.hpp"

namespace runnel::sinks {
namespace {

using pipeline::Checked;
using pipeline::OptionType;
using pipeline::OptionValues;
using pipeline::wrong;

constexpr std::uint16_t standard_port = 9092;
constexpr std::size_t text_bytes_max = 256;
// Below, the library gives up on what it has not even tried to send.
constexpr Duration reply_timeout_min = 1s;

constexpr pipeline::Option options[] = {
    {.name = "brokers",
     .type = OptionType::texts,
     .standard = "",
     .help =
         "some of one cluster: \"k1.example.org\", \"tls://192.0.2.1:9093\"; without a port 9092",
     .required = true},
    {.name = "topic",
     .type = OptionType::text,
     .standard = "",
     .help = "where an event is written: text with %{source}, %{severity} and %{HEADER}",
     .required = true},
    {.name = "key",
     .type = OptionType::text,
     .standard = "",
     .help = "of a message, as the topic: equal keys go to one partition; empty: any partition"},
    {.name = "encoding",
     .type = OptionType::text,
     .standard = "text",
     .help = "text: a message is the body; json: an object with time, source, headers and body",
     .choices = "text|json"},
    {.name = "headers",
     .type = OptionType::boolean,
     .standard = "false",
     .help = "headers of events become headers of messages"},
    {.name = "acks",
     .type = OptionType::text,
     .standard = "all",
     .help = "who has a message that is delivered: all replicas in sync, 1: its leader, 0: nobody",
     .choices = "all|1|0"},
    {.name = "compression",
     .type = OptionType::text,
     .standard = "none",
     .help = "of the batches of a partition",
     .choices = "none|gzip|lz4|zstd"},
    {.name = "window",
     .type = OptionType::number,
     .standard = "1000",
     .help = "messages that wait for their acknowledgement at a time",
     .minimum = 1,
     .maximum = 100'000},
    {.name = "message_max_bytes",
     .type = OptionType::size,
     .standard = "1000000B",
     .help = "of a message, and of a batch of them; what brokers take at most (max.message.bytes)",
     .minimum = 1024,
     .maximum = 64 * 1024 * 1024},
    {.name = "client_id",
     .type = OptionType::text,
     .standard = "runnel",
     .help = "what brokers call us in their logs and quotas"},
    {.name = "sasl",
     .type = OptionType::text,
     .standard = "none",
     .help = "how user and password are shown",
     .choices = "none|plain|scram-sha-256|scram-sha-512"},
    {.name = "user", .type = OptionType::text, .standard = "", .help = "name to connect with"},
    {.name = "password",
     .type = OptionType::text,
     .standard = "",
     .help = "and its password, best as \"${NAME}\" from the environment"},
};

class KafkaPlan final : public pipeline::SinkPlan {
 public:
  KafkaPlan(KafkaSinkSettings settings, const KafkaShape& shape)
      : settings_(std::move(settings)), format_(shape) {
    delivery.format = &format_;
    delivery.event_ends = true;
  }
  pipeline::Sink* build(Region& region, pipeline::SinkContext* context) override {
    settings_.events_max = delivery.take.events_max;
    settings_.producer.bytes_max =
        std::max(delivery.take.bytes_max, format_.event_bytes_max(delivery.record_bytes_max));
    return pipeline::build_component<KafkaSink, pipeline::Sink>(region, context, settings_);
  }

 private:
  KafkaSinkSettings settings_;
  KafkaFormat format_;
};

Checked<void> read_brokers(const OptionValues& values, net::KafkaSettings& settings) {
  for (const std::string& text : values.texts("brokers")) {
    const auto endpoint = parse_endpoint(text, standard_port);
    if (!endpoint) return wrong("brokers", endpoint.error());
    if (endpoint->is_local()) return wrong("brokers", "has a Unix socket: brokers have none");
    if (!settings.brokers.empty() && endpoint->secure != settings.secure)
      return wrong("brokers", "some have tls:// and some have not");
    settings.secure = endpoint->secure;
    const bool is_ipv6 = endpoint->host.find(':') != std::string::npos;
    settings.brokers += concat(settings.brokers.empty() ? "" : ",", is_ipv6 ? "[" : "",
                               endpoint->host, is_ipv6 ? "]:" : ":", endpoint->port);
  }
  if (settings.brokers.empty()) return wrong("brokers", "names no broker");
  return {};
}

// Those of all that connect which the library has no use for, or no equal of.
Checked<void> check_unused(const OptionValues& values) {
  constexpr std::string_view unused[] = {"proxy",           "link",
                                         "priority",        "tls.server_name",
                                         "tls.ca_memory",   "tls.minimum_version",
                                         "tls.clock_unset", "tls.handshake_timeout"};
  for (const pipeline::Option& option : pipeline::connection_options()) {
    if (std::find(std::begin(unused), std::end(unused), option.name) == std::end(unused)) continue;
    if (pipeline::is_chosen(values, option))
      return wrong(option.name,
                   "is set, but librdkafka makes the connections of this sink, and "
                   "has nothing like it");
  }
  return {};
}

Checked<void> read_security(const OptionValues& values, net::KafkaSettings& settings) {
  if (auto unused = check_unused(values); !unused) return unused;
  if (!settings.secure) {
    auto none = pipeline::check_no_tls(values, pipeline::connection_options(),
                                       "write tls:// in front of each of brokers");
    if (!none) return none;
  } else {
    const auto tls = pipeline::tls_settings(values, net::TlsRole::client);
    if (!tls) return tl::unexpected(tls.error());
    settings.ca_file = tls->ca_file;
    settings.certificate_file = tls->certificate_file;
    settings.key_file = tls->key_file;
    settings.insecure_skip_verify = tls->insecure_skip_verify;
  }
  const std::string& sasl = values.text("sasl");
  settings.user = values.text("user");
  settings.password = values.text("password");
  if (sasl == "none") {
    if (!settings.user.empty()) return wrong("user", "is set, but sasl is \"none\"");
    if (!settings.password.empty()) return wrong("password", "is set, but sasl is \"none\"");
    return {};
  }
  settings.sasl_mechanism = sasl == "plain"           ? "PLAIN"
                            : sasl == "scram-sha-256" ? "SCRAM-SHA-256"
                                                      : "SCRAM-SHA-512";
  if (settings.user.empty()) return wrong("user", "is empty, but sasl shows one");
  return {};
}

Checked<KafkaSinkSettings> settings_from(const OptionValues& values) {
  KafkaSinkSettings settings;
  net::KafkaSettings& producer = settings.producer;
  if (const auto read = read_brokers(values, producer); !read) return tl::unexpected(read.error());
  if (const auto read = read_security(values, producer); !read) return tl::unexpected(read.error());
  producer.client_id = values.text("client_id");
  for (const std::string_view name : {"client_id", "user", "password"}) {
    const std::string& text = values.text(name);
    if (text.size() > text_bytes_max)
      return wrong(name, concat("is longer than ", text_bytes_max, " bytes"));
    if (text.find('\0') != text.npos) return wrong(name, "has a zero byte");
  }
  producer.acks = values.text("acks");
  producer.compression = values.text("compression");
  producer.messages_max = static_cast<std::uint32_t>(values.number("window"));
  producer.message_bytes_max = values.size("message_max_bytes");
  producer.connect_timeout = values.duration("connect_timeout");
  producer.message_timeout = values.duration("reply_timeout");
  if (producer.message_timeout < reply_timeout_min)
    return wrong("reply_timeout", "is less than a second");
  return settings;
}

Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const OptionValues& values) {
  auto settings = settings_from(values);
  if (!settings) return tl::unexpected(settings.error());
  KafkaShape shape;
  const auto topic = KafkaTopic::parse(values.text("topic"));
  if (!topic) return wrong("topic", topic.error());
  shape.topic = *topic;
  if (!values.text("key").empty()) {
    const auto key = KafkaKey::parse(values.text("key"));
    if (!key) return wrong("key", key.error());
    shape.key = *key;
  }
  shape.json = values.text("encoding") == "json";
  shape.headers = values.boolean("headers");
  return std::make_unique<KafkaPlan>(std::move(*settings), shape);
}

}  // namespace

const pipeline::SinkType kafka_type = {
    .name = "kafka",
    .summary = "writes every event to Kafka, acknowledged by its replicas",
    .options = options,
    .connects = true,
    .plan = plan,
    .one_connection = "window is what it has under way",
};

}  // namespace runnel::sinks
