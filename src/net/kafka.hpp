// A Kafka producer without a library in sight: messages in, reports out. The adapter lives in
// platform/kafka (librdkafka), which only a build with RUNNEL_KAFKA has; docs/sink-kafka.md.
//
// The library behind it has threads and a heap of its own: what it holds is bounded by what is
// configured here, and stated in the plan, but not carved from it. Called by one thread, which it
// wakes through `watched`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "io/operation.hpp"

namespace runnel::net {

struct KafkaSettings {
  std::string brokers;  // "HOST:PORT,HOST:PORT": any of the cluster, to begin with
  std::string client_id;
  std::string acks;         // "all", "1", "0"; with "all" the producer is idempotent
  std::string compression;  // "none", "gzip", "lz4", "zstd"
  Duration connect_timeout = std::chrono::seconds(10);
  Duration message_timeout = std::chrono::seconds(30);  // then a message is reported as failed
  // What may be under way at a time: `send` answers `no_room` past either.
  std::uint32_t messages_max = 1000;
  std::size_t bytes_max = 1024 * 1024;  // at least the largest message that is sent
  // Of a message, as it goes over the wire; larger ones are `too_large`.
  std::size_t message_bytes_max = 1'000'000;

  bool secure = false;           // TLS, with what is below
  std::string ca_file;           // PEM, or a folder of them; empty: the system's
  std::string certificate_file;  // both or neither
  std::string key_file;
  bool insecure_skip_verify = false;
  std::string sasl_mechanism;  // "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"; empty: none
  std::string user, password;
};

// What the library takes from the heap at most for a producer with such settings: measured with
// librdkafka 2.0.2, see docs/sink-kafka.md.
std::size_t kafka_heap_bytes(const KafkaSettings& settings);

struct KafkaMessage {
  std::string_view topic;
  std::optional<std::string_view> key;  // none: any partition
  Bytes value;
  Bytes headers;                             // see each_kafka_header
  std::optional<std::int64_t> timestamp_ms;  // since 1970; none: when it is sent
  std::uint32_t tag = 0;                     // comes back with its report
};

// f(std::string_view name, std::string_view value). Each: bytes of its name in a byte, of its value
// in two, name, value.
template <class F>
void each_kafka_header(Bytes encoded, F&& f) {
  constexpr std::size_t sizes = 3;
  while (encoded.size() >= sizes) {
    const auto name_bytes = static_cast<std::size_t>(encoded[0]);
    const std::size_t value_bytes = load<std::uint16_t>(encoded.data() + 1);
    if (sizes + name_bytes + value_bytes > encoded.size()) return;
    encoded = encoded.subspan(sizes);
    f(as_text(encoded.first(name_bytes)), as_text(encoded.subspan(name_bytes, value_bytes)));
    encoded = encoded.subspan(name_bytes + value_bytes);
  }
}

struct KafkaReport {
  enum class Verdict : std::uint8_t {
    delivered,
    failed,         // not now: another attempt may do better
    refused,        // never
    refused_batch,  // never, together with those that it went with; alone it may be taken
  };
  std::uint32_t tag = 0;
  Verdict verdict = Verdict::delivered;
  Error error = Error::none;
  std::string_view reason;  // what the broker or the library calls it; valid for ever
};

class KafkaProducer {
 public:
  // Gives up what is under way. Waits for the library's threads: milliseconds, or as long as a
  // name server that does not answer.
  virtual ~KafkaProducer() = default;

  // Readable (Verb::ready) when there may be something to take. The same for ever.
  virtual io::Handle watched() const = 0;
  // Copies it. `no_room`: later, after reports; `too_large`: never; else it can take nothing now.
  virtual Status send(const KafkaMessage& message) = 0;
  // What became of a message; nothing: no more for now. Every message that `send` took is reported
  // once, in any order, unless the producer was renewed meanwhile.
  virtual std::optional<KafkaReport> take_report() = 0;
  // What is under way is reported as failed, soon.
  virtual void give_up() = 0;

  // It can go no further (an idempotent producer that has lost its place) until it is renewed.
  virtual bool is_broken() const = 0;
  // A new one in its place; nothing of the old one is reported any more. Waits as the destructor.
  virtual Status renew() = 0;
  // The last that was heard of trouble with brokers, for a person; empty: nothing since `forget`.
  virtual std::string_view complaint() const = 0;
  virtual void forget_complaint() = 0;
};

class KafkaLibrary {
 public:
  virtual ~KafkaLibrary() = default;
  // Start-up only. Connects to nobody yet.
  virtual Built<std::unique_ptr<KafkaProducer>> open(const KafkaSettings& settings) = 0;
};

}  // namespace runnel::net
