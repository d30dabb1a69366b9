#include "pipeline/block_reader.hpp"

#include <algorithm>

namespace runnel::pipeline {

void BlockReader::enter(const BlockPlace& at) {
  if (trail_count > 0 && trail[trail_count - 1].sequence >= at.sequence) return;
  if (trail_count == trail_max) {
    std::size_t kept = 1;
    for (std::size_t index = 2; index < trail_count; index += 2) trail[kept++] = trail[index];
    trail_count = kept;
  }
  trail[trail_count++] = at;
}

void BlockReader::acknowledge(Position watermark) {
  std::size_t done = 0;
  while (done + 1 < trail_count && trail[done + 1].position <= watermark) ++done;
  std::copy(trail.begin() + static_cast<std::ptrdiff_t>(done),
            trail.begin() + static_cast<std::ptrdiff_t>(trail_count), trail.begin());
  trail_count -= done;
}

void BlockReader::found(std::uint64_t which, std::uint64_t at) {
  for (std::size_t index = 0; index < trail_count; ++index)
    if (trail[index].sequence == which) trail[index].place = at;
  if (sequence == which) place = at;
}

}  // namespace runnel::pipeline
