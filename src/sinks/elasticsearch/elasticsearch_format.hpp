// Events for `_bulk`: a line that says what to do and a line with the document.
//   {"create":{"_id":"INSTANCE:CHANNEL:EPOCH:SEQUENCE:NUMBER"}}
//   {"@timestamp":"...","source":"applog","severity":"info","headers":{..},"message":"..."}
#pragma once

#include "pipeline/event_json.hpp"
#include "sinks/http/http_sink.hpp"

namespace runnel::sinks {

class ElasticsearchFormat final : public pipeline::RecordFormat {
 public:
  explicit ElasticsearchFormat(const HttpSettings&) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;
};

}  // namespace runnel::sinks
