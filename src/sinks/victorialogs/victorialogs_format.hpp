// Events for VictoriaLogs, each a JSON object in a line of its own:
//   {"_time":"...","source":"applog","severity":"info","headers":{"host":"gw"},"_msg":"..."}
// The server makes "headers.host" of what is nested.
#pragma once

#include "pipeline/event_json.hpp"
#include "sinks/http/http_sink.hpp"

namespace runnel::sinks {

class VictoriaLogsFormat final : public pipeline::RecordFormat {
 public:
  explicit VictoriaLogsFormat(const HttpSettings&) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override {
    return pipeline::event_json_bytes_max(record_bytes) + 1;
  }
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;
};

}  // namespace runnel::sinks
