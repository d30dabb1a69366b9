// Writes each event as a whole PUBLISH packet, one behind the other: QoS 1 with the packet
// identifier 1, which the sink replaces when it sends it. The payload is the event's body, or the
// object that the encoding `json` of other sinks writes (without its newline).
#pragma once

#include "pipeline/record_format.hpp"
#include "sinks/mqtt/settings.hpp"

namespace runnel::sinks {

class MessageFormat final : public pipeline::RecordFormat {
 public:
  explicit MessageFormat(const MqttSettings& settings) : settings_(settings) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;

 private:
  const MqttSettings& settings_;
};

}  // namespace runnel::sinks
