// Positions and marks in a channel's ring.
#pragma once

#include <cstddef>
#include <cstdint>

namespace runnel::pipeline {

// Bytes ever put into the channel, padding included. Grows only; never reused.
using Position = std::uint64_t;

// A position and where it lies in the ring. Kept together because the ring's size need not be a
// power of two and a division for every record is dear on a small ARM.
struct Mark {
  Position position = 0;
  std::size_t offset = 0;  // below the ring's capacity
};

}  // namespace runnel::pipeline
