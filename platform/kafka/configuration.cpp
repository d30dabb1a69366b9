#include "platform/kafka/configuration.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace runnel::kafka {
namespace {

// The library writes its log to standard error otherwise, from its own threads.
void swallow(const rd_kafka_t*, int, const char*, const char*) {}

std::int64_t milliseconds(Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

class Writer {
 public:
  explicit Writer(rd_kafka_conf_t* into) : into_(into) {}

  void set(const char* name, const std::string& value) {
    std::array<char, 256> why = {};
    if (!problem_.empty()) return;
    if (::rd_kafka_conf_set(into_, name, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      problem_ = concat("librdkafka does not take ", name, ": ", why.data());
  }
  void set_some(const char* name, const std::string& value) {
    if (!value.empty()) set(name, value);
  }
  void set(const char* name, std::int64_t value, std::int64_t lowest, std::int64_t highest) {
    set(name, concat(std::clamp(value, lowest, highest)));
  }
  const std::string& problem() const { return problem_; }

 private:
  rd_kafka_conf_t* into_;
  std::string problem_;
};

void write_security(Writer& writer, const net::KafkaSettings& settings) {
  const bool sasl = !settings.sasl_mechanism.empty();
  writer.set("security.protocol", settings.secure ? (sasl ? "sasl_ssl" : "ssl")
                                                  : (sasl ? "sasl_plaintext" : "plaintext"));
  if (settings.secure) {
    writer.set_some("ssl.ca.location", settings.ca_file);
    writer.set_some("ssl.certificate.location", settings.certificate_file);
    writer.set_some("ssl.key.location", settings.key_file);
    writer.set("ssl.endpoint.identification.algorithm", "https");
    if (settings.insecure_skip_verify) writer.set("enable.ssl.certificate.verification", "false");
  }
  if (!sasl) return;
  writer.set("sasl.mechanism", settings.sasl_mechanism);
  writer.set("sasl.username", settings.user);
  writer.set("sasl.password", settings.password);
}

}  // namespace

// Ranges are those that the library has itself; past them it refuses the whole configuration.
Built<Configuration> make_configuration(const net::KafkaSettings& settings) {
  Configuration made(::rd_kafka_conf_new());
  Writer writer(made.get());
  writer.set("bootstrap.servers", settings.brokers);
  writer.set("client.id", settings.client_id);
  writer.set("acks", settings.acks);
  writer.set("enable.idempotence", settings.acks == "all" ? "true" : "false");
  writer.set("compression.codec", settings.compression);
  const std::int64_t timeout = milliseconds(settings.message_timeout);
  writer.set("message.timeout.ms", timeout, 1, 2'147'483'647);
  // Below that of messages: what a silent connection has swallowed is sent again by the library,
  // under its old number, before we give it up.
  writer.set("request.timeout.ms", timeout / 3, 1000, 900'000);
  writer.set("socket.timeout.ms", timeout / 3, 1000, 300'000);
  writer.set("socket.connection.setup.timeout.ms", milliseconds(settings.connect_timeout), 1000,
             2'147'483'647);
  writer.set("reconnect.backoff.max.ms", "5000");
  writer.set("socket.keepalive.enable", "true");
  writer.set("queue.buffering.max.messages", settings.messages_max, 1, 10'000'000);
  const auto kilobytes = static_cast<std::int64_t>(settings.bytes_max / 1024 + 1);
  writer.set("queue.buffering.max.kbytes", kilobytes, 1, 2'147'483'647);
  const auto message_bytes = static_cast<std::int64_t>(settings.message_bytes_max);
  writer.set("message.max.bytes", message_bytes, 1000, 1'000'000'000);
  writer.set("batch.size", message_bytes, 1, 2'147'483'647);
  // As the clients of Java do: whoever moves from one to the other keeps keys in their partitions.
  writer.set("partitioner", "murmur2_random");
  write_security(writer, settings);
  if (!writer.problem().empty()) return problem(writer.problem());
  ::rd_kafka_conf_set_log_cb(made.get(), swallow);
  ::rd_kafka_conf_set_events(made.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  return made;
}

}  // namespace runnel::kafka
