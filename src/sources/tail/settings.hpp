// The options of `tail`, checked.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "pipeline/component.hpp"

namespace runnel::sources::tail {

struct Settings {
  std::vector<std::string> patterns;  // absolute, without problems
  bool from_beginning = true;
  std::size_t event_bytes_max = 64 * 1024;
  std::size_t files_max = 256;
  Duration flush_partial_after = Duration::zero();  // zero: never
  Duration checkpoint_interval = 1s;
  Duration poll_interval = 1s;
  Duration close_idle_after = 5min;  // zero: never
  std::size_t read_bytes = 128 * 1024;
  std::string header = "file";  // empty: none

  bool names(std::string_view path) const;  // one of the patterns matches it
  // A whole line of the longest kind and some more, so that its end can be seen.
  std::size_t buffer_bytes() const;
};

std::span<const pipeline::Option> options();
pipeline::Checked<Settings> check(const pipeline::OptionValues& values);

}  // namespace runnel::sources::tail
