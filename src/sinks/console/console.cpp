#include "sinks/console/console.hpp"

#include "async/operations.hpp"

namespace runnel::sinks {
namespace {

using async::Task;
using pipeline::Delivery;
using pipeline::Frame;
using pipeline::SinkContext;

struct ConsoleSettings {};
struct ConsoleMemory {};

class ConsoleSink final : public pipeline::Sink {
 public:
  static ConsoleMemory carve(Region& region, const ConsoleSettings&) {
    constexpr std::size_t frame_bytes = 768;
    region.frames(3, frame_bytes);  // start, deliver, shut
    return {};
  }
  ConsoleSink(SinkContext& context, const ConsoleSettings&, const ConsoleMemory&)
      : output_(context.system.standard_output()) {}

  Task<pipeline::Started> start() override { co_return pipeline::Started(); }
  Task<Delivery> deliver(const Frame& frame) override;
  Task<void> shut() override { co_return; }

 private:
  io::Handle output_;
  // What of a frame has gone out already cannot be taken back: the next attempt goes on behind it.
  pipeline::BatchId id_;
  std::uint64_t key_ = 0;
  std::size_t written_ = 0;
  bool unfinished_ = false;
};

Task<Delivery> ConsoleSink::deliver(const Frame& frame) {
  const bool same = unfinished_ && frame.id == id_ && frame.key == key_;
  if (!same || written_ > frame.wire.size()) written_ = 0;
  id_ = frame.id;
  key_ = frame.key;
  Delivery delivery;
  while (written_ < frame.wire.size()) {
    const Bytes rest = frame.wire.subspan(written_);
    const auto wrote = co_await async::write(output_, rest, io::current_position);
    if (!wrote || *wrote == 0) {
      unfinished_ = true;
      delivery.outcome = Delivery::Outcome::retry;
      delivery.error = wrote ? Error::io : wrote.error();
      co_return delivery;
    }
    written_ += *wrote;
  }
  unfinished_ = false;
  co_return delivery;
}

class ConsolePlan final : public pipeline::SinkPlan {
 public:
  pipeline::Sink* build(Region& region, SinkContext* context) override {
    return pipeline::build_component<ConsoleSink, pipeline::Sink>(region, context,
                                                                  ConsoleSettings());
  }
};

pipeline::Checked<std::unique_ptr<pipeline::SinkPlan>> plan(const pipeline::OptionValues&) {
  return std::make_unique<ConsolePlan>();
}

}  // namespace

const pipeline::SinkType console_type = {
    .name = "console",
    .summary = "writes events to standard output",
    .options = {},
    .encodes = true,
    .plan = plan,
};

}  // namespace runnel::sinks
