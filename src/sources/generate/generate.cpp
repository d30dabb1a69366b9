#include "sources/generate/generate.hpp"

#include <algorithm>

#include "async/sleep.hpp"
#include "sources/generate/generated_text.hpp"

namespace runnel::sources {
namespace {

using async::Task;
using pipeline::OptionType;
using pipeline::OutletPut;
using pipeline::SourceContext;

struct GenerateSettings {
  std::uint64_t count = 0;  // zero: endless
  std::uint64_t rate = 0;   // events a second; zero: as fast as there is room
  std::size_t size = 200;
  std::uint64_t seed = 1;
};

struct GenerateMemory {
  MutableBytes block;
  MutableBytes body;
};

class GenerateSource final : public pipeline::PollingSource {
 public:
  // At most so many events and bytes a turn, so that the sinks run in between.
  static constexpr std::uint64_t turn_events_max = 256;
  static constexpr std::size_t turn_bytes_max = 128 * 1024;
  // At most a hundred wakeups a second.
  static constexpr Duration batch_interval = std::chrono::milliseconds(10);

  static GenerateMemory carve(Region& region, const GenerateSettings& settings) {
    constexpr std::size_t frame_bytes = 768;
    // run, its two tasks, poll, waiting; start and finish are never beside those.
    region.frames(6, frame_bytes);
    GenerateMemory memory;
    memory.block = region.bytes(GeneratedText::block_bytes, "text");
    memory.body = region.bytes(settings.size, "body");
    return memory;
  }
  GenerateSource(SourceContext& context, const GenerateSettings& settings,
                 const GenerateMemory& memory)
      : PollingSource(context),
        settings_(settings),
        text_(memory.block, memory.body, settings.seed) {}

  Task<pipeline::Started> start() override {
    if (context().once && settings_.count == 0)
      co_return problem("count = 0 never ends; --once needs a source that does: set count");
    co_return pipeline::Started();
  }

  Task<Result<std::uint32_t>> poll() override {
    if (!began_) {
      began_ = true;
      since_ = context().now();
    }
    std::uint64_t wanted = std::min(due() - made_, turn_events_max);
    const std::size_t each = std::max<std::size_t>(settings_.size, 1);
    wanted = std::min<std::uint64_t>(wanted, std::max<std::size_t>(turn_bytes_max / each, 1));
    std::uint32_t put = 0;
    pipeline::Turn turn;
    std::size_t wanted_bytes = put_some(wanted, put, turn);
    // Full: waiting is not an idle turn. What has been put counts first.
    if (wanted_bytes > 0 && put == 0) {
      const Status room = co_await context().outlet.writable(wanted_bytes, turn);
      if (!room) co_return fail(room.error());
      wanted_bytes = put_some(wanted, put, turn);
    }
    co_return put;
  }

  Task<void> wait_for_work() override {
    const Status slept = co_await async::sleep_until(next_batch());
    (void)slept;  // cancelled: the runner sees it
  }

  bool exhausted() const override { return settings_.count > 0 && made_ >= settings_.count; }
  Task<void> finish() override { co_return; }

 private:
  // Events that should have been made by now, of all there are to make.
  std::uint64_t due() const {
    const std::uint64_t all = settings_.count > 0 ? settings_.count : UINT64_MAX;
    if (settings_.rate == 0) return all;
    constexpr std::uint64_t ns_per_second = 1'000'000'000;
    const auto passed = static_cast<std::uint64_t>((context().now() - since_).count());
    // The first event is due at once. Split, so that no product can overflow.
    const std::uint64_t by_now = passed / ns_per_second * settings_.rate +
                                 passed % ns_per_second * settings_.rate / ns_per_second + 1;
    return std::clamp(by_now, made_, all);
  }

  // When the next event is due, but not before a batch's time has passed.
  Instant next_batch() const {
    if (settings_.rate == 0) return context().now();
    const Duration period(static_cast<std::int64_t>(1'000'000'000 / settings_.rate) + 1);
    return after(context().now(), std::max(period, batch_interval));
  }

  // Bytes of the record that found no room; zero when all found some.
  std::size_t put_some(std::uint64_t wanted, std::uint32_t& count, pipeline::Turn& turn) {
    OutletPut put = context().outlet.put(turn);
    std::size_t no_room_for = 0;
    for (; count < wanted; ++count) {
      pipeline::Event event;
      event.time = pipeline::Time::arrived(context().now());
      event.body = text_.body(made_);
      if (const Status status = put.append(event); !status) {
        no_room_for = pipeline::record_bytes(event);
        break;
      }
      ++made_;
    }
    put.commit();
    return no_room_for;
  }

  const GenerateSettings settings_;
  GeneratedText text_;
  std::uint64_t made_ = 0;
  bool began_ = false;
  Instant since_;
};

class GeneratePlan final : public pipeline::SourcePlan {
 public:
  explicit GeneratePlan(const GenerateSettings& settings) : settings_(settings) {}
  pipeline::Source* build(Region& region, SourceContext* context) override {
    return pipeline::build_component<GenerateSource, pipeline::Source>(region, context, settings_);
  }
  std::size_t record_bytes_max() const override {
    return pipeline::record_bytes(0, settings_.size);
  }

 private:
  GenerateSettings settings_;
};

constexpr pipeline::Option options[] = {
    {.name = "count",
     .type = OptionType::number,
     .standard = "0",
     .help = "events to make, then it ends; 0: endless"},
    {.name = "rate",
     .type = OptionType::number,
     .standard = "0",
     .help = "events a second; 0: as fast as the channel takes them",
     .maximum = 100'000'000},
    {.name = "size",
     .type = OptionType::size,
     .standard = "200",
     .help = "bytes of a body: a sequence number of 12 digits, then text",
     .minimum = GeneratedText::body_bytes_min,
     .maximum = 16u << 20},
    {.name = "seed",
     .type = OptionType::number,
     .standard = "1",
     .help = "decides the text: the same seed, the same events"},
};

pipeline::Checked<std::unique_ptr<pipeline::SourcePlan>> plan(
    const pipeline::OptionValues& values) {
  GenerateSettings settings;
  settings.count = values.number("count");
  settings.rate = values.number("rate");
  settings.size = values.size("size");
  settings.seed = values.number("seed");
  return std::make_unique<GeneratePlan>(settings);
}

}  // namespace

const pipeline::SourceType generate_type = {
    .name = "generate",
    .activity = pipeline::Activity::active,
    .summary = "makes events of its own, for tests, rehearsals and measurements",
    .options = options,
    .plan = plan,
};

}  // namespace runnel::sources
