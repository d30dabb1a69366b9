// Which channels a source puts into and a sink takes from: names of the file into indices, every
// name that leads nowhere a complaint. Start-up only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/section.hpp"

namespace runnel::agent {

class Wiring {
 public:
  // Index of a channel that is not there; it has been complained about.
  static constexpr std::size_t nowhere = SIZE_MAX;

  explicit Wiring(std::vector<std::string> channels)
      : channels_(std::move(channels)), names_(channels_.begin(), channels_.end()) {}
  Wiring(const Wiring&) = delete;
  Wiring& operator=(const Wiring&) = delete;

  std::vector<std::size_t> of_source(Section& section);
  std::size_t of_sink(Section& section);

  // False: some links could not be read, so a channel that looks unused may be used.
  bool all_sources_known() const { return all_sources_known_; }
  bool all_sinks_known() const { return all_sinks_known_; }

 private:
  bool is_list_of_channels(Section& section) const;
  std::size_t find(Section& section, Place place, std::string_view name) const;
  std::string example() const {
    return channels_.empty() ? std::string("NAME") : channels_.front();
  }

  std::vector<std::string> channels_;
  std::vector<std::string_view> names_;
  bool all_sources_known_ = true;
  bool all_sinks_known_ = true;
};

}  // namespace runnel::agent
