// What splitting a stream came to, to be compared: with a table, a model, or another way to split
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace runnel::testing {

struct SeenFrame {
  std::string frame;
  std::uint32_t cut_bytes;
  bool operator==(const SeenFrame&) const = default;
};
struct FramingOutcome {
  std::vector<SeenFrame> frames;
  bool broken = false;
  bool operator==(const FramingOutcome&) const = default;
};

}  // namespace runnel::testing
