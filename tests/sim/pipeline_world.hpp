// What tests of one component need around it: a process on a simulated machine with a scheduler, a
// channel, an outlet, a reader that records what it takes, and a way to run tasks to their end. A
// machine may have several such processes one after the other: that is how restarts are tested.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "async/frame_arena.hpp"
#include "async/sleep.hpp"
#include "async/task.hpp"
#include "net/numeric_resolver.hpp"
#include "pipeline/component.hpp"
#include "pipeline/store.hpp"
#include "platform/sim/reactor.hpp"
#include "platform/sim/system.hpp"
#include "platform/sim/world.hpp"

namespace runnel::sim {

// An event as a sink would see it.
struct SeenEvent {
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  pipeline::Severity severity = pipeline::Severity::none;
  pipeline::Time time;
  std::string header(std::string_view key) const {
    for (const auto& [name, value] : headers)
      if (name == key) return value;
    return {};
  }
};

class PipelineProcess {
 public:
  explicit PipelineProcess(SimMachine& on, const pipeline::ChannelSettings& settings = {},
                           bool once = false)
      : machine(on),
        reactor(on),
        system(on),
        memory_(static_cast<std::byte*>(std::calloc(1, memory_bytes))),
        once_(once) {
    // Fresh memory is zero and page aligned, as the real thing.
    void* at = memory_.get();
    std::size_t space = memory_bytes;
    std::align(Region::base_alignment, memory_bytes - Region::base_alignment, at, space);
    left_ = {static_cast<std::byte*>(at), memory_bytes - Region::base_alignment};
    arena_.emplace(take(4u << 20));
    scheduler.emplace(reactor);
    clock.emplace(system, *scheduler);
    Region region = Region::over(take(settings.capacity_bytes + (1u << 20)));
    channel.emplace(*scheduler, "channels.main", settings,
                    pipeline::ChannelMemory::carve(region, settings));
    subscription = &channel->subscribe("sinks.test");
    outlet.emplace(std::uint16_t{0}, source_counters);
    outlet->connect(*channel);
    scope.emplace(*scheduler, "test");
    REQUIRE(system.make_folders("/state").ok());
    source_context.emplace(
        pipeline::SourceContext{common("sources.test"), *outlet, source_counters});
    sink_context.emplace(
        pipeline::SinkContext{common("sinks.test"), *subscription, sink_counters, "main"});
    if (settings.store == nullptr) return;
    channel_context.emplace(pipeline::ChannelContext{common("channels.main"), *channel});
    Region measured = Region::measuring();
    settings.store->build(measured, nullptr, 1);
    Region real = Region::over(take(align_up(measured.used(), Region::base_alignment)));
    store = settings.store->build(real, &*channel_context, 1);
  }
  ~PipelineProcess() {
    if (store != nullptr) store->~Store();
  }
  PipelineProcess(const PipelineProcess&) = delete;
  PipelineProcess& operator=(const PipelineProcess&) = delete;
  // Builds a component on both kinds of region, as the agent does.
  template <class Plan, class Context>
  auto* build(Plan& plan, Context& context) {
    Region measured = Region::measuring();
    plan.build(measured, nullptr);
    Region real = Region::over(take(align_up(measured.used(), Region::base_alignment)));
    auto* built = plan.build(real, &context);
    CHECK(real.used() == measured.used());
    return built;
  }

  bool turn(Duration at_most = 1s) {
    scheduler->turn(after(scheduler->now(), at_most));
    return !machine.world().stalled();
  }
  // Until it holds, or so much virtual time has passed: then false.
  bool run_until(const std::function<bool()>& holds, Duration limit = 60s) {
    const Instant end = after(scheduler->now(), limit);
    while (!holds() && scheduler->now() < end) scheduler->turn(end);
    return holds();
  }
  void run_for(Duration duration) {
    run_until([] { return false; }, duration);
  }
  // Runs one task to its end.
  template <class T>
  T complete(async::Task<T> task, Duration limit = 60s) {
    std::optional<T> result;
    scope->get().spawn(keep(std::move(task), result));
    const bool ended = run_until([&] { return result.has_value(); }, limit);
    REQUIRE(ended);
    return std::move(*result);
  }
  void complete(async::Task<void> task, Duration limit = 60s) {
    bool done = false;
    scope->get().spawn(note(std::move(task), done));
    const bool ended = run_until([&] { return done; }, limit);
    REQUIRE(ended);
  }
  void spawn(async::Task<void> task) { scope->get().spawn(std::move(task)); }
  std::size_t tasks() { return scope->get().tasks(); }

  // Takes everything that comes and records it. With `acknowledge` false it only takes: custody
  // stays where it is until `acknowledge_all`.
  void record(bool acknowledge = true, Duration linger = 1ms) {
    acknowledge_ = acknowledge;
    spawn(record_on(linger));
  }
  void acknowledge_all() { subscription->settle(subscription->written()); }
  std::vector<std::string> bodies() const {
    std::vector<std::string> all;
    for (const SeenEvent& event : seen) all.push_back(event.body);
    return all;
  }

  // Puts one event, as a source would.
  void put(std::string_view body, pipeline::Headers headers = {}) {
    pipeline::Event event;
    event.time = pipeline::Time::arrived(scheduler->now());
    event.body = as_bytes(body);
    event.headers = headers;
    pipeline::Turn turn;
    pipeline::OutletPut put = outlet->put(turn);
    REQUIRE(put.append(event).ok());
    put.commit();
  }
  // False: there is no room for it now.
  bool try_put(std::string_view body) {
    pipeline::Event event;
    event.time = pipeline::Time::arrived(scheduler->now());
    event.body = as_bytes(body);
    pipeline::Turn turn;
    pipeline::OutletPut put = outlet->put(turn);
    const bool taken = put.append(event).ok();
    put.commit();
    return taken;
  }

  // Ends everything in order: stop, cancel, join.
  void stop() {
    stop_request.request();
    run_until([&] { return tasks() == 0; }, 5s);
    scope->get().cancel();
    run_until([&] { return tasks() == 0; }, 60s);
    REQUIRE(tasks() == 0);
  }
  // As SIGKILL or a power cut: nothing gets to say goodbye. The object may then only be destroyed.
  void kill(bool power_loss = false) {
    power_loss ? machine.power_loss() : machine.kill();
    scope->leave();
    killed_ = true;
  }
  // After `kill`, for a process whose tasks wait for each other in lists: gives back what is large
  // and leaves the world. The object is then left behind, never destroyed.
  void bury() {
    RUNNEL_ASSERT(killed_);
    reactor.~SimReactor();
    memory_.reset();
  }

  SimMachine& machine;
  SimReactor reactor;
  SimSystem system;
  pipeline::SourceCounters source_counters;
  pipeline::SinkCounters sink_counters;
  pipeline::StopRequest stop_request;
  pipeline::OwnFiles own_files;
  pipeline::Identity identity = {{std::byte{0xA1}}, 1};
  net::NumericResolver resolver;
  net::Services network{&resolver};
  std::uint64_t gap_events = 0;  // that batches brought, in front or among their records
  std::optional<async::Scheduler> scheduler;
  std::optional<pipeline::Clock> clock;
  std::optional<pipeline::Channel> channel;
  pipeline::Subscription* subscription = nullptr;
  std::optional<pipeline::Outlet> outlet;
  std::optional<pipeline::SourceContext> source_context;
  std::optional<pipeline::SinkContext> sink_context;
  std::optional<pipeline::ChannelContext> channel_context;
  pipeline::Store* store = nullptr;  // below the channel, if something is
  std::vector<SeenEvent> seen;
  std::function<void(const pipeline::Batch&)> each_batch;  // before it is recorded

  pipeline::ComponentContext common(const char* name) {
    return {name,      *scheduler, system, *clock,   stop_request,
            own_files, "/state",   once_,  identity, network};
  }

 private:
  // A scope in memory of its own. The tasks of a process that was killed (SimMachine::kill) stay
  // where they stood: its scope is then left as it is, never destroyed.
  class LeavableScope {
   public:
    LeavableScope(async::Scheduler& scheduler, const char* name)
        : scope_(new(memory_) async::Scope(scheduler, name)) {}
    LeavableScope(const LeavableScope&) = delete;
    LeavableScope& operator=(const LeavableScope&) = delete;
    ~LeavableScope() {
      if (!left_) scope_->~Scope();
    }
    async::Scope& get() { return *scope_; }
    void leave() { left_ = true; }

   private:
    alignas(async::Scope) std::byte memory_[sizeof(async::Scope)];
    async::Scope* scope_;
    bool left_ = false;
  };

  MutableBytes take(std::size_t bytes) {
    const std::size_t size = align_up(bytes, Region::base_alignment);
    REQUIRE(size <= left_.size());
    const MutableBytes taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  template <class T>
  static async::Task<void> keep(async::Task<T> task, std::optional<T>& result) {
    T value = co_await std::move(task);
    result.emplace(std::move(value));
  }
  static async::Task<void> note(async::Task<void> task, bool& done) {
    co_await std::move(task);
    done = true;
  }
  async::Task<void> record_on(Duration linger) {
    pipeline::Take take;
    take.linger = linger;
    for (;;) {
      auto taken = co_await subscription->next(take);
      if (!taken) co_return;
      pipeline::Batch batch = std::move(*taken);
      see(batch);
      if (acknowledge_) {
        batch.commit();
      } else {
        batch.hold();
      }
    }
  }
  void see(const pipeline::Batch& batch) {
    if (each_batch) each_batch(batch);
    gap_events += batch.gap().events;
    pipeline::RecordReader reader(batch);
    while (reader.next()) {
      const pipeline::Record& record = reader.record();
      if (record.kind() == pipeline::RecordKind::gap) gap_events += record.gap().events;
      if (record.kind() != pipeline::RecordKind::event) continue;
      SeenEvent event;
      event.body = as_text(record.body());
      event.severity = record.severity();
      event.time = record.time();
      record.headers().each([&](std::string_view key, std::string_view value) {
        event.headers.emplace_back(key, value);
      });
      seen.push_back(std::move(event));
    }
  }

  // Not resident until touched, as the real thing: there are thousands of these processes.
  static constexpr std::size_t memory_bytes = 64u << 20;
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte[], Free> memory_;
  MutableBytes left_;
  std::optional<async::FrameArena> arena_;
  std::optional<LeavableScope> scope;
  bool once_;
  bool acknowledge_ = true;
  bool killed_ = false;
};

}  // namespace runnel::sim
