#include "pipeline/block_reader.hpp"

#include <algorithm>

namespace runnel::pipeline {

void BlockReader::enter(const Step& step) {
  if (trail_count > 0 && trail[trail_count - 1].at.sequence >= step.at.sequence) return;
  if (trail_count == trail_max) {
    std::size_t kept = 1;
    for (std::size_t index = 2; index < trail_count; index += 2) trail[kept++] = trail[index];
    trail_count = kept;
  }
  trail[trail_count++] = step;
}

void BlockReader::acknowledge(Position watermark) {
  std::size_t done = 0;
  while (done + 1 < trail_count && trail[done + 1].at.position <= watermark) ++done;
  std::copy(trail.begin() + static_cast<std::ptrdiff_t>(done),
            trail.begin() + static_cast<std::ptrdiff_t>(trail_count), trail.begin());
  trail_count -= done;
}

void BlockReader::forget_before(const BlockPlace& first) {
  std::size_t older = 0;
  while (older < trail_count && trail[older].at.position < first.position) ++older;
  if (older == 0) return;
  trail[older - 1] = {first, {}};
  std::copy(trail.begin() + static_cast<std::ptrdiff_t>(older - 1),
            trail.begin() + static_cast<std::ptrdiff_t>(trail_count), trail.begin());
  trail_count -= older - 1;
  acknowledge(first.position);
}

void BlockReader::found(std::uint64_t which, std::uint64_t at) {
  for (std::size_t index = 0; index < trail_count; ++index)
    if (trail[index].at.sequence == which) trail[index].at.place = at;
  if (sequence == which) place = at;
}

}  // namespace runnel::pipeline
