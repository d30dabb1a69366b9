#include "agent/status/recent.hpp"

#include <algorithm>

namespace runnel::agent {

Recent Recent::carve(Region& region, std::size_t components) {
  Recent recent;
  recent.samples_ = region.array<Throughput>(samples_max * components, "samples of counters");
  recent.components_ = components;
  return recent;
}

void Recent::take(const StatusView& view) {
  const std::size_t at = taken_ % samples_max;
  taken_at_[at] = view.scheduler.now();
  for (std::size_t index = 0; index < components_; ++index)
    samples_[at * components_ + index] = view.throughput(index);
  ++taken_;
}

Recent::Rate Recent::rate(const StatusView& view, std::size_t component) const {
  if (taken_ == 0) return {};
  const std::size_t oldest = taken_ < samples_max ? 0 : taken_ % samples_max;
  const Throughput& then = samples_[oldest * components_ + component];
  const Throughput now = view.throughput(component);
  return {view.scheduler.now() - taken_at_[oldest],
          {now.events - then.events, now.bytes - then.bytes}};
}

}  // namespace runnel::agent
