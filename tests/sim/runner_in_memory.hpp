// A sink runner in memory that was planned for it, as the agent gives it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "pipeline/sink_runner.hpp"

namespace runnel::sim {

class RunnerInMemory {
 public:
  pipeline::SinkRunner& build(pipeline::SinkContext& context, pipeline::Sink& sink,
                              const pipeline::DeliverySettings& settings) {
    Region measured = Region::measuring();
    pipeline::DeliveryMemory::carve(measured, settings);
    memory_.resize(measured.used() + 2 * Region::base_alignment);
    void* at = memory_.data();
    std::size_t space = memory_.size();
    std::align(Region::base_alignment, measured.used(), at, space);
    Region region = Region::over({static_cast<std::byte*>(at), space});
    return runner_.emplace(context, sink, settings,
                           pipeline::DeliveryMemory::carve(region, settings), names_);
  }
  pipeline::SinkRunner* operator->() { return &*runner_; }

 private:
  std::vector<std::byte> memory_;
  std::string_view names_[1] = {"test"};
  std::optional<pipeline::SinkRunner> runner_;
};

}  // namespace runnel::sim
