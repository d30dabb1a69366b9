// Prometheus' text format, version 0.0.4: one metric after the other, each with its HELP and TYPE
// and then its samples, one a line.
//
//   # HELP runnel_channel_used_bytes bytes of records that it holds
//   # TYPE runnel_channel_used_bytes gauge
//   runnel_channel_used_bytes{component="channels.main",type="memory"} 4096
//
// The caller makes sure that there is room; what does not fit is cut.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"

namespace runnel::agent {

struct Metric {
  std::string_view name;
  std::string_view type;  // "counter", "gauge"
  std::string_view help;  // static text of one line, without a backslash
};

class MetricWriter {
 public:
  explicit MetricWriter(TextWriter& out) : out_(out) {}

  void describe(const Metric& metric);
  // A sample: sample(name).label(...).label(...).value(...).
  MetricWriter& sample(std::string_view name);
  MetricWriter& label(std::string_view name, std::string_view value);
  void value(std::uint64_t value);
  void seconds(Duration value);

 private:
  void end_labels();
  TextWriter& out_;
  bool labels_open_ = false;
};

}  // namespace runnel::agent
