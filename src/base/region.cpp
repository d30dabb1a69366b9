#include "base/region.hpp"

namespace runnel {

std::byte* Region::take(std::size_t size, std::size_t alignment, std::size_t count,
                        const char* what) {
  RUNNEL_ASSERT(!sealed_);
  RUNNEL_ASSERT(alignment <= page_bytes_);
  const std::size_t start = align_up(used_, alignment);
  // What one component may be configured to has limits far below, on 32-bit machines too.
  RUNNEL_ASSERT(size <= SIZE_MAX - start);
  const std::size_t end = start + size;
  if (measuring_) {
    lines_.push_back({what, count, end - used_});
    used_ = end;
    return nullptr;
  }
  // Invariant: the real pass never needs more than the measuring pass said.
  RUNNEL_ASSERT(end <= memory_.size());
  used_ = end;
  return memory_.data() + start;
}

}  // namespace runnel
