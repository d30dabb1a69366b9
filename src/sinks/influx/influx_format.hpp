// Events as points, each a line (line protocol):
//   logs,site=edge,source=applog,severity=info message="..." 1767225600000000000
// Tags are those that are configured, the source, the severity where there is one, and the headers
// that are asked for; all other headers are left out.
#pragma once

#include <array>

#include "pipeline/record_format.hpp"
#include "sinks/http/http_options.hpp"

namespace runnel::sinks {

struct InfluxSettings : HttpSettings {
  std::string measurement;  // escaped
  std::string tags;         // ",name=value" each, escaped
  std::vector<std::string> tag_headers;
};

// A point that has the time of another of its series replaces it, silently. Events may well have
// one time: those that are read at once do, clocks of senders can be coarse, and the offset of our
// own is measured anew for every batch. So a time that its series has had, or that lies up to a
// second before, is moved behind the last one: a wrong nanosecond, or less than a second, is better
// than a lost event. Remembers the times of `series_max` series; what comes an hour late is none of
// them.
class SeriesTimes {
 public:
  static constexpr std::size_t series_max = 256;
  static constexpr std::int64_t moved_ns_max = 1'000'000'000;
  // The time to write for one of the series with this hash. `keep` makes it the last one.
  std::int64_t next(std::uint64_t series, std::int64_t time) const;
  void keep(std::uint64_t series, std::int64_t asked, std::int64_t given);

 private:
  struct Last {
    std::uint64_t series = 0;
    // Times from `first` to `last` have been given.
    std::int64_t first = 1, last = 0;
  };
  std::array<Last, series_max> lasts_ = {};
};

class InfluxFormat final : public pipeline::RecordFormat {
 public:
  explicit InfluxFormat(const InfluxSettings& settings) : settings_(settings) {}
  std::size_t event_bytes_max(std::size_t record_bytes) const override;
  std::optional<std::size_t> event(const pipeline::EncodedEvent& event,
                                   MutableBytes into) const override;

 private:
  const InfluxSettings& settings_;
  mutable SeriesTimes times_;
};

}  // namespace runnel::sinks
