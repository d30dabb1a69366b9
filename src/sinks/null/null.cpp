#include "sinks/null/null.hpp"

namespace runnel::sinks {
namespace {

using async::Task;
using pipeline::Delivery;
using pipeline::Frame;
using pipeline::SinkContext;

struct NullSettings {};
struct NullMemory {};

class NullSink final : public pipeline::Sink {
 public:
  static NullMemory carve(Region& region, const NullSettings&) {
    constexpr std::size_t frame_bytes = 256;
    region.frames(3, frame_bytes);  // start, deliver, shut
    return {};
  }
  NullSink(SinkContext&, const NullSettings&, const NullMemory&) {}

  Task<pipeline::Started> start() override { co_return pipeline::Started(); }
  Task<Delivery> deliver(const Frame&) override { co_return Delivery(); }
  Task<void> shut() override { co_return; }
};

class NullPlan final : public pipeline::SinkPlan {
 public:
  pipeline::Sink* build(Region& region, SinkContext* context) override {
    return pipeline::build_component<NullSink, pipeline::Sink>(region, context, NullSettings());
  }
};

pipeline::Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const pipeline::OptionValues&) {
  return std::make_unique<NullPlan>();
}

}  // namespace

const pipeline::SinkType null_type = {
    .name = "null",
    .summary = "takes every event and keeps none",
    .options = {},
    .encodes = false,
    .plan = plan,
};

}  // namespace runnel::sinks
