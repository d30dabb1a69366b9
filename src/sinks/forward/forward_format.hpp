// What an event is in the Forward protocol: [EventTime, record], the record a map:
//   {"host": "gw", ..., "source": "applog", "severity": "info", "message": the body}
// Each header has an entry of its own, unless it has the name of one of ours; severity only where
// there is one. While nobody knows what time it was, it counts from 1970 and the record has
// "clock": "since boot". Text goes as `str`, whatever bytes it has.
#pragma once

#include <string>

#include "pipeline/record_format.hpp"

namespace runnel::sinks {

// Names of the record's entries. Empty: it has no such entry; `message` is never empty.
struct ForwardKeys {
  static constexpr std::size_t bytes_max = 64;
  std::string message = "message";
  std::string source = "source";
  std::string severity = "severity";
  bool headers = true;
};

class ForwardFormat final : public pipeline::RecordFormat {
 public:
  explicit ForwardFormat(ForwardKeys keys);

  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;

 private:
  bool is_ours(std::string_view key, const pipeline::EncodedEvent& event) const;
  std::size_t count_entries(const pipeline::EncodedEvent& event) const;

  ForwardKeys keys_;
  std::string source_, message_;  // the same names as they are written
};

}  // namespace runnel::sinks
