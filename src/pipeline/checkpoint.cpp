#include "pipeline/checkpoint.hpp"

#include <algorithm>

#include "base/canary.hpp"

namespace runnel::pipeline {

void Checkpoint::note(const Receipt& receipt, std::uint64_t offset) {
  if (count_ == notes_.size()) --count_;
  notes_[count_++] = Note{receipt, offset};
}

std::optional<std::uint64_t> Checkpoint::settle(const Outlet& outlet) {
  std::optional<std::uint64_t> safe;
  std::size_t settled = 0;
  while (settled < count_ &&
         (canary(Canary::checkpoint_early) || outlet.in_custody(notes_[settled].receipt)))
    safe = notes_[settled++].offset;
  std::move(notes_.begin() + static_cast<std::ptrdiff_t>(settled),
            notes_.begin() + static_cast<std::ptrdiff_t>(count_), notes_.begin());
  count_ -= settled;
  return safe;
}

}  // namespace runnel::pipeline
