// Rows for ClickHouse, each a JSON object in a line of its own (JSONEachRow): the event, or its
// body where that is an object itself.
#pragma once

#include "pipeline/event_json.hpp"
#include "sinks/http/http_sink.hpp"

namespace runnel::sinks {

struct ClickHouseSettings : HttpSettings {
  bool bodies = false;       // a body that is an object is the row
  bool deduplicates = true;  // each request has a token of its own
};

class ClickHouseFormat final : public pipeline::RecordFormat {
 public:
  explicit ClickHouseFormat(const ClickHouseSettings& settings) : bodies_(settings.bodies) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override {
    return pipeline::event_json_bytes_max(record_bytes) + 1;
  }
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;

 private:
  bool bodies_;
};

}  // namespace runnel::sinks
