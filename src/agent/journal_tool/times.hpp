// Times since boot, out of the journal of a machine that may have booted many times since: what
// its blocks tell about each boot's clock. A boot that never knew the time stays unknown: one whose
// clock stood before 2020 did not.
#pragma once

#include <map>
#include <optional>

#include "channels/journal/format.hpp"
#include "pipeline/event.hpp"

namespace runnel::agent::journal_tool {

class BootClocks {
 public:
  // In the order of blocks: the first one of a boot that knows the time counts for those before it.
  void learn(const channels::journal::BlockHeader& header) {
    if (knows_the_time(header)) offsets_.try_emplace(header.boot, header.clock_offset_ns);
  }
  // Wall clock minus time since boot, for the times of a block.
  std::optional<std::int64_t> offset_of(const channels::journal::BlockHeader& header) const {
    if (knows_the_time(header)) return header.clock_offset_ns;
    const auto found = offsets_.find(header.boot);
    if (found == offsets_.end()) return {};
    return found->second;
  }

 private:
  // 2020-01-01: earlier, it counts from 1970, or from when the image was made.
  static constexpr std::int64_t earliest_ns = 1'577'836'800'000'000'000;
  static bool knows_the_time(const channels::journal::BlockHeader& header) {
    return header.clock_offset_ns >= earliest_ns;
  }

  std::map<channels::journal::BootId, std::int64_t> offsets_;
};

}  // namespace runnel::agent::journal_tool
