// Events as OpenTelemetry log records (OTLP/HTTP in JSON, opentelemetry-proto 1.x):
//   {"resourceLogs":[{"resource":{"attributes":[
//       {"key":"service.name","value":{"stringValue":"edge"}}]},
//     "scopeLogs":[{"scope":{"name":"runnel"},"logRecords":[
//       {"timeUnixNano":"1767225600000000000","severityNumber":9,"severityText":"info",
//        "body":{"stringValue":"..."},"attributes":[...]}]}]}]}
// Attributes are the source and the headers, at most attributes_max; the record says how many more
// there were.
#pragma once

#include "pipeline/record_format.hpp"
#include "sinks/http/http_options.hpp"

namespace runnel::sinks {

struct OtlpSettings : HttpSettings {
  Pairs resource;
};

class OtlpFormat final : public pipeline::RecordFormat {
 public:
  static constexpr std::uint32_t attributes_max = 128;

  explicit OtlpFormat(const OtlpSettings& settings) : settings_(settings) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::size_t head_bytes_max() const override;
  std::optional<std::size_t> head(const pipeline::EncodedEvent& first,
                                  MutableBytes into) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;
  std::string_view separator() const override { return ","; }
  std::string_view tail() const override { return "]}]}]}"; }

 private:
  const OtlpSettings& settings_;
};

}  // namespace runnel::sinks
