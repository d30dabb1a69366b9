// Every component of one configuration, in planned memory. The same code runs over measuring
// regions, which gives the plan, and over real ones, which gives the running parts; both come to
// identical bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/link_ledger.hpp"
#include "agent/network.hpp"
#include "agent/settings.hpp"
#include "async/frame_arena.hpp"
#include "pipeline/component.hpp"
#include "pipeline/store.hpp"

namespace runnel::agent {

// One component's share of the plan.
struct PlanEntry {
  std::string name;  // "sources.applog"
  std::size_t bytes = 0;
  std::vector<PlanLine> lines;
};

struct MeasuredParts {
  std::vector<PlanEntry> entries;
  std::size_t frame_bytes = 0;
  std::size_t handles = 0;
  std::size_t page_bytes = Region::base_alignment;  // regions start at pages
  std::size_t bytes() const;
};

// What all components share; set up by the agent before anything is built.
struct World {
  async::Scheduler& scheduler;
  io::System& system;
  pipeline::Clock& clock;
  pipeline::StopRequest& stop;
  pipeline::OwnFiles& own_files;
  bool once;
  const pipeline::Identity& identity;
  Network& network;
};

struct ChannelPart {
  const ChannelConfig* config = nullptr;
  std::string label;  // "channels.NAME": in logs and in the plan
  pipeline::Channel* channel = nullptr;
  // What lies below it, if something does.
  pipeline::ChannelContext* context = nullptr;
  pipeline::Store* store = nullptr;
  async::Scope* scope = nullptr;
};
struct SourcePart {
  const SourceConfig* config = nullptr;
  std::string label;  // "sources.NAME": in logs and in the plan
  pipeline::SourceCounters counters;
  pipeline::Outlet* outlet = nullptr;
  pipeline::SourceContext* context = nullptr;
  pipeline::Source* source = nullptr;
  async::Scope* scope = nullptr;
  bool ended = false;
};
struct SinkPart {
  const SinkConfig* config = nullptr;
  std::string label;         // "sinks.NAME": in logs and in the plan
  std::string batches_name;  // see SinkContext
  pipeline::SinkCounters counters;
  pipeline::SinkContext* context = nullptr;
  pipeline::Sink* sink = nullptr;
  pipeline::SinkRunner* runner = nullptr;
  async::Scope* scope = nullptr;
  bool ended = false;
};

struct GroupPart {
  const GroupConfig* config = nullptr;
  // "groups.NAME", or "sinks.NAME" for its connections: of its subscription, and in the plan
  std::string label;
  std::string batches_name;  // see SinkContext
  pipeline::Group* group = nullptr;
  pipeline::Subscription* subscription = nullptr;
};

struct LinkPart {
  const LinkConfig* config = nullptr;
  std::string label;  // "links.NAME": in the plan
  pipeline::SharedLink* link = nullptr;
  LinkLedger* ledger = nullptr;  // null: nobody counts
};

class StatusService;

// Measures without building anything.
// `page_bytes`: of the machine that it is going to run on.
MeasuredParts measure(const Settings& settings, std::size_t page_bytes,
                      const net::Libraries& libraries = {});

class Assembly {
 public:
  // `settings` outlives it. `measured` is what `measure` said of the same settings.
  Assembly(const Settings& settings, const MeasuredParts& measured, World world);
  ~Assembly();
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;

  // Takes the memory from the system and builds.
  Built<void> build();

  std::vector<ChannelPart> channels;
  std::vector<SourcePart> sources;
  std::vector<SinkPart> sinks;
  std::vector<GroupPart> groups;
  std::vector<LinkPart> links;
  StatusService* status = nullptr;  // null: nothing is served

 private:
  Built<void> build_all(MutableBytes memory);
  Built<void> build_network();
  template <class Build>
  void build_in_next_region(std::string_view name, Build build);

  const Settings& settings_;
  const MeasuredParts& measured_;
  World world_;
  MutableBytes left_;
  std::size_t next_entry_ = 0;
  std::vector<std::string_view> source_names_;
  std::unique_ptr<async::FrameArena> frames_;
};

}  // namespace runnel::agent
