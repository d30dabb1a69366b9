#include "net/kafka.hpp"

#include <algorithm>

namespace runnel::net {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

// Each broker has a thread that compresses, and zstd keeps a window of 2 MiB and its tables for it.
std::size_t compressors_bytes(const KafkaSettings& settings) {
  if (settings.compression != "zstd") return 0;
  const auto commas = std::count(settings.brokers.begin(), settings.brokers.end(), ',');
  constexpr std::size_t brokers_least = 3;
  return std::max(brokers_least, static_cast<std::size_t>(commas) + 1) * 4 * mebibyte;
}

}  // namespace

// Its threads' stacks and arenas, its tables, and TLS when it is used; then what is under way:
// copied once, once more in the batches that are on the wire, and once compressed; of each message
// what the library keeps beside it.
std::size_t kafka_heap_bytes(const KafkaSettings& settings) {
  constexpr std::size_t standing_bytes = 4 * mebibyte, secure_bytes = 4 * mebibyte;
  constexpr std::size_t message_bytes = 512, copies = 3;
  return standing_bytes + (settings.secure ? secure_bytes : 0) + compressors_bytes(settings) +
         copies * settings.bytes_max + message_bytes * settings.messages_max;
}

}  // namespace runnel::net
