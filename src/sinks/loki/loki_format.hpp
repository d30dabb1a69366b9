// A push to Loki: one stream a request, its labels in front, a time and a line for each event.
//   {"streams":[{"stream":{"job":"edge","source":"applog"},"values":[
//     ["1767225600000000000","..."],["1767225600000000001","..."]]}]}
// Every set of labels is a stream, and streams must be few: labels are those that are configured,
// the source, and the headers that are asked for.
#pragma once

#include "pipeline/record_format.hpp"
#include "sinks/http/http_options.hpp"

namespace runnel::sinks {

struct LokiSettings : HttpSettings {
  Pairs labels;
  std::vector<std::string> label_headers;
  bool metadata = false;  // severity and the other headers go with each line
};

class LokiFormat final : public pipeline::RecordFormat {
 public:
  static constexpr std::size_t value_bytes_max = 1024;  // of a label: the rest is cut off

  explicit LokiFormat(const LokiSettings& settings) : settings_(settings) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::size_t head_bytes_max() const override;
  std::optional<std::size_t> head(const pipeline::EncodedEvent& first,
                                  MutableBytes into) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;
  std::string_view separator() const override { return ","; }
  std::string_view tail() const override { return "]}]}"; }

 private:
  const LokiSettings& settings_;
};

// Events with different ones have different labels.
std::uint64_t stream_key(const LokiSettings& settings, const pipeline::Record& record);
// A name as a label must be: what is not a letter, a digit or "_" becomes "_".
std::string label_name(std::string_view header);

}  // namespace runnel::sinks
