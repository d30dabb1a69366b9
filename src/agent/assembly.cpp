#include "agent/assembly.hpp"

#include <algorithm>
#include <numeric>

#include "agent/exit_codes.hpp"
#include "agent/status/status_service.hpp"

namespace runnel::agent {

using namespace pipeline;

namespace {

// The agent's own tasks: start, live, stop, signals, the status line, one for each component.
constexpr std::size_t own_frames = 16;
constexpr std::size_t own_frame_bytes = 1024;
// Signals, the lock, the log, and what start-up opens for a moment.
constexpr std::size_t own_handles = 32;

// --- one component, on either kind of region; what needs the world is null when measuring --------

template <class Context>
void* place_scope_and_context(Region& region, async::Scope*& scope, const char* name,
                              World* world) {
  void* scope_place = region.place<async::Scope>("scope");
  void* context_place = region.place<Context>("context");
  if (world != nullptr) scope = new (scope_place) async::Scope(world->scheduler, name);
  return context_place;
}

ComponentContext common_context(const char* name, World& world, const Settings& settings) {
  return {name,
          world.scheduler,
          world.system,
          world.clock,
          world.stop,
          world.own_files,
          settings.agent.state_dir.c_str(),
          world.once,
          world.identity,
          world.network.services()};
}

void build_channel(Region& region, ChannelPart& part, const Settings& settings, World* world) {
  const ChannelConfig& config = *part.config;
  const ChannelMemory memory = ChannelMemory::carve(region, config.settings);
  void* place = region.place<Channel>("channel");
  if (world != nullptr)
    part.channel =
        new (place) Channel(world->scheduler, part.label.c_str(), config.settings, memory);
  if (config.settings.store == nullptr) return;
  void* context_place =
      place_scope_and_context<ChannelContext>(region, part.scope, part.label.c_str(), world);
  if (world != nullptr)
    part.context = new (context_place)
        ChannelContext{common_context(part.label.c_str(), *world, settings), *part.channel};
  part.store =
      config.settings.store->build(region, part.context, config.settings.subscriptions_max);
}

void build_source(Region& region, SourcePart& part, const Settings& settings, World* world,
                  std::uint16_t number, std::span<const ChannelPart> channels) {
  const SourceConfig& config = *part.config;
  void* context_place =
      place_scope_and_context<SourceContext>(region, part.scope, part.label.c_str(), world);
  void* outlet_place = region.place<Outlet>("outlet");
  if (world != nullptr) {
    part.outlet = new (outlet_place) Outlet(number, part.counters);
    for (const std::size_t index : config.channels) part.outlet->connect(*channels[index].channel);
    part.context = new (context_place) SourceContext{
        common_context(part.label.c_str(), *world, settings), *part.outlet, part.counters};
  }
  part.source = config.plan->build(region, part.context);
}

// What the batches of a subscription are named after.
std::string batches_of(const ChannelPart& channel, const std::string& reader) {
  if (channel.channel->has_blocks()) return channel.config->name;
  return concat(channel.config->name, '.', reader);
}

void build_group(Region& region, GroupPart& part, World* world,
                 std::span<const ChannelPart> channels) {
  const GroupConfig& config = *part.config;
  void* place = region.place<Group>("group");
  if (world == nullptr) return;
  part.group = new (place) Group(config.policy, config.sinks.size(), config.of_one_sink);
  const ChannelPart& channel = channels[config.channel];
  part.subscription = &channel.channel->subscribe(part.label.c_str());
  part.batches_name = batches_of(channel, config.name);
}

void build_link(Region& region, LinkPart& part, const Settings& settings, World* world) {
  void* place = region.place<SharedLink>("link");
  if (world != nullptr)
    part.link = new (place) SharedLink(part.config->settings, world->scheduler, world->clock);
  if (part.config->settings.month_bytes == 0) return;
  LinkLedger::plan(region);
  void* ledger_place = region.place<LinkLedger>("ledger");
  if (world != nullptr)
    part.ledger = new (ledger_place) LinkLedger(
        part.label.c_str(), *part.link, settings.agent.state_dir, world->scheduler, world->system);
}

// What sinks are built on; nothing when measuring.
struct SinkGround {
  std::span<const ChannelPart> channels = {};
  std::span<const GroupPart> groups = {};
  std::span<const LinkPart> links = {};
  std::span<const std::string_view> source_names = {};
};

void build_sink(Region& region, SinkPart& part, const Settings& settings, World* world,
                const SinkGround& ground) {
  const SinkConfig& config = *part.config;
  void* context_place =
      place_scope_and_context<SinkContext>(region, part.scope, part.label.c_str(), world);
  if (world != nullptr) {
    const ChannelPart& channel = ground.channels[config.channel];
    const GroupPart* group =
        config.group == SinkConfig::no_group ? nullptr : &ground.groups[config.group];
    Subscription& subscription =
        group != nullptr ? *group->subscription : channel.channel->subscribe(part.label.c_str());
    part.batches_name = group != nullptr ? group->batches_name : batches_of(channel, config.name);
    part.context = new (context_place)
        SinkContext{common_context(part.label.c_str(), *world, settings),
                    subscription,
                    part.counters,
                    part.batches_name,
                    ground.source_names,
                    group != nullptr ? group->group : nullptr,
                    config.member,
                    config.link != SinkConfig::no_link ? ground.links[config.link].link : nullptr,
                    config.priority};
  }
  part.sink = config.plan->build(region, part.context);
  const DeliveryMemory memory = DeliveryMemory::carve(region, config.plan->delivery);
  void* runner_place = region.place<SinkRunner>("runner");
  if (world == nullptr) return;
  part.runner = new (runner_place)
      SinkRunner(*part.context, *part.sink, config.plan->delivery, memory, ground.source_names);
}

// `assembly` is null when measuring.
void build_status(Region& region, const Settings& settings, World* world, Assembly* assembly) {
  const StatusMemory memory = StatusService::carve(region, settings);
  void* place = region.place<StatusService>("status");
  if (assembly == nullptr) return;
  const StatusView view{settings,           world->scheduler, world->system,
                        world->clock,       world->stop,      assembly->sources,
                        assembly->channels, assembly->sinks,  assembly->links};
  assembly->status = new (place) StatusService(view, memory);
}

bool serves_status(const Settings& settings) {
  return settings.agent.listen.family != io::Family::none;
}

constexpr std::string_view names_name = "names";

std::string label_of(const ChannelConfig& config) { return "channels." + config.name; }
std::string label_of(const SourceConfig& config) { return "sources." + config.name; }
// The connections of a sink read as the sink does: its places in a journal have that name.
std::string label_of(const GroupConfig& config) {
  return (config.of_one_sink ? "sinks." : "groups.") + config.name;
}
std::string label_of(const LinkConfig& config) { return "links." + config.name; }
std::string label_of(const SinkConfig& config) { return "sinks." + config.name; }

// Contexts and components point into the parts: once filled they do not move any more.
template <class Part, class Config>
void fill(std::vector<Part>& parts, const std::vector<Config>& configs) {
  parts.resize(configs.size());
  for (std::size_t index = 0; index < parts.size(); ++index) {
    parts[index].config = &configs[index];
    parts[index].label = label_of(configs[index]);
  }
}

template <class T>
void destroy(T* object) {
  if (object != nullptr) object->~T();
}

}  // namespace

std::size_t MeasuredParts::bytes() const {
  return std::accumulate(
      entries.begin(), entries.end(), std::size_t{0},
      [](std::size_t sum, const PlanEntry& each) { return saturating_add(sum, each.bytes); });
}

MeasuredParts measure(const Settings& settings, std::size_t page_bytes,
                      const net::Libraries& libraries) {
  MeasuredParts measured;
  measured.page_bytes = page_bytes;
  measured.frame_bytes = own_frames * own_frame_bytes;
  measured.handles = own_handles;
  const auto add = [&](const std::string& name, auto build_on) {
    Region region = Region::measuring(page_bytes);
    build_on(region);
    measured.frame_bytes += region.frame_bytes();
    measured.handles += region.handles();
    measured.entries.push_back({name, align_up(region.used(), page_bytes), region.lines()});
  };
  if (looks_up_names(settings) && libraries.names != nullptr)
    add(std::string(names_name),
        [&](Region& region) { Network::build_names(region, *libraries.names, nullptr, nullptr); });
  for (const ChannelConfig& config : settings.channels)
    add(label_of(config), [&](Region& region) {
      ChannelPart part;
      part.config = &config;
      build_channel(region, part, settings, nullptr);
    });
  for (const SourceConfig& config : settings.sources)
    add(label_of(config), [&](Region& region) {
      SourcePart part;
      part.config = &config;
      build_source(region, part, settings, nullptr, 0, {});
    });
  for (const GroupConfig& config : settings.groups)
    add(label_of(config), [&](Region& region) {
      GroupPart part;
      part.config = &config;
      build_group(region, part, nullptr, {});
    });
  for (const LinkConfig& config : settings.links)
    add(label_of(config), [&](Region& region) {
      LinkPart part;
      part.config = &config;
      build_link(region, part, settings, nullptr);
    });
  for (const SinkConfig& config : settings.sinks)
    add(label_of(config), [&](Region& region) {
      SinkPart part;
      part.config = &config;
      build_sink(region, part, settings, nullptr, {});
    });
  if (serves_status(settings))
    add(status_name, [&](Region& region) { build_status(region, settings, nullptr, nullptr); });
  measured.frame_bytes *= async::FrameArena::build_factor;
  add("coroutine frames",
      [&](Region& region) { region.bytes(measured.frame_bytes, "frame arena"); });
  return measured;
}

Assembly::Assembly(const Settings& settings, const MeasuredParts& measured, World world)
    : settings_(settings), measured_(measured), world_(world) {}

Built<void> Assembly::build() {
  const auto memory = world_.system.map(measured_.bytes());
  if (!memory)
    return problem(concat("the kernel gives no memory for the plan: ", describe(memory.error())),
                   exit_codes::unavailable);
  return build_all(*memory);
}

template <class Build>
void Assembly::build_in_next_region(std::string_view name, Build build) {
  const PlanEntry& entry = measured_.entries[next_entry_++];
  RUNNEL_ASSERT(entry.name == name);
  Region region = Region::over(left_.first(entry.bytes), measured_.page_bytes);
  left_ = left_.subspan(entry.bytes);
  build(region);
  region.seal();
  // Invariant: both passes come to identical bytes.
  RUNNEL_ASSERT(align_up(region.used(), measured_.page_bytes) == entry.bytes);
}

// First: components take the resolver as they are built.
Built<void> Assembly::build_network() {
  if (!looks_up_names(settings_)) return {};
  net::NameLibrary* library = world_.network.libraries().names;
  if (library == nullptr)
    return problem("a sink sends to a name, but this platform has nothing to look names up with");
  build_in_next_region(names_name, [&](Region& region) {
    Network::build_names(region, *library, &world_.network, &world_.scheduler);
  });
  return world_.network.open_names();
}

Built<void> Assembly::build_all(MutableBytes memory) {
  // The arena comes last in the plan and first into use: its memory is the end of the mapping.
  const std::size_t frame_bytes = measured_.entries.back().bytes;
  frames_ = std::make_unique<async::FrameArena>(memory.last(frame_bytes));
  left_ = memory.first(memory.size() - frame_bytes);

  fill(channels, settings_.channels);
  fill(sources, settings_.sources);
  fill(sinks, settings_.sinks);
  fill(groups, settings_.groups);
  fill(links, settings_.links);
  if (auto built = build_network(); !built) return built;
  for (ChannelPart& part : channels)
    build_in_next_region(part.label,
                         [&](Region& region) { build_channel(region, part, settings_, &world_); });
  for (SourcePart& part : sources) {
    const auto number = static_cast<std::uint16_t>(source_names_.size());
    source_names_.push_back(part.config->name);
    build_in_next_region(part.label, [&](Region& region) {
      build_source(region, part, settings_, &world_, number, channels);
    });
  }
  for (GroupPart& part : groups)
    build_in_next_region(part.label,
                         [&](Region& region) { build_group(region, part, &world_, channels); });
  for (LinkPart& part : links)
    build_in_next_region(part.label,
                         [&](Region& region) { build_link(region, part, settings_, &world_); });
  for (SinkPart& part : sinks)
    build_in_next_region(part.label, [&](Region& region) {
      build_sink(region, part, settings_, &world_, {channels, groups, links, source_names_});
    });
  if (serves_status(settings_))
    build_in_next_region(status_name,
                         [&](Region& region) { build_status(region, settings_, &world_, this); });
  return {};
}

Assembly::~Assembly() {
  destroy(status);
  for (SinkPart& part : sinks) {
    destroy(part.runner);
    destroy(part.sink);
    destroy(part.scope);
  }
  for (GroupPart& part : groups) destroy(part.group);
  for (LinkPart& part : links) {
    destroy(part.ledger);
    destroy(part.link);
  }
  for (SourcePart& part : sources) {
    destroy(part.source);
    destroy(part.scope);
  }
  for (ChannelPart& part : channels) {
    destroy(part.store);
    destroy(part.channel);
    destroy(part.scope);
  }
}

}  // namespace runnel::agent
