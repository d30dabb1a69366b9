// The configuration, checked: what `run` runs and `validate` accepts. Every mistake is found before
// anything starts, and all of them are told at once: "FILE:LINE:COLUMN: what, why, what to do".
// The order of sources, channels and sinks is that of the file. Start-up only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/components.hpp"
#include "agent/variables.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "io/address.hpp"
#include "pipeline/component.hpp"
#include "pipeline/group.hpp"
#include "pipeline/shared_link.hpp"

namespace runnel::agent {

inline constexpr std::size_t sources_max = 256;
inline constexpr std::size_t channels_max = 64;
inline constexpr std::size_t sinks_max = 64;

enum class LogFormat : std::uint8_t { text, json };

struct AgentSettings {
  std::string name;
  std::string state_dir;  // empty: none; sources that remember refuse to start without one
  std::size_t memory_limit_bytes = 0;
  Duration drain_timeout = Duration::zero();
  LogFormat log_format = LogFormat::text;
  Level log_level = Level::info;
  io::Address listen;  // of the status pages; no family: none are served
};
// The options of [agent].
std::span<const pipeline::Option> agent_options();

struct ChannelConfig {
  std::string name;
  const pipeline::ChannelType* type = nullptr;
  pipeline::ChannelSettings settings;  // with room for all of its sinks
};

struct SourceConfig {
  std::string name;
  const pipeline::SourceType* type = nullptr;
  std::unique_ptr<pipeline::SourcePlan> plan;
  std::vector<std::size_t> channels;  // indices; 1 to pipeline::outlet_channels_max, all different
};

struct SinkConfig {
  std::string name;
  const pipeline::SinkType* type = nullptr;
  // `delivery` knows the largest record that can come. All connections of a sink have the same.
  std::shared_ptr<pipeline::SinkPlan> plan;
  std::size_t channel = 0;  // index
  static constexpr std::size_t no_group = SIZE_MAX;
  std::size_t group = no_group;  // index
  std::size_t member = 0;        // its place in the group

  static constexpr std::size_t no_link = SIZE_MAX;
  std::size_t link = no_link;  // index
  std::uint32_t priority = 0;  // on it

  // At once; each is a SinkConfig of its own once `add_connections` was called.
  std::size_t connections = 1;
  std::size_t connection = 0;  // which of them this is: the first has the name of the sink
  std::string_view name_in_file() const {
    return std::string_view(name).substr(0, connection > 0 ? name.rfind('.') : name.size());
  }

  // It has a subscription, be it also for the others of its group.
  bool subscribes() const { return member == 0; }
};

struct GroupConfig {
  std::string name;
  pipeline::Group::Policy policy = pipeline::Group::Policy::failover;
  std::vector<std::size_t> sinks;  // indices
  std::size_t channel = 0;         // of all of them
  bool of_one_sink = false;        // whose connections they are; it has the sink's name
};

struct LinkConfig {
  std::string name;
  pipeline::LinkSettings settings;
};

struct Settings {
  AgentSettings agent;
  std::vector<ChannelConfig> channels;
  std::vector<SourceConfig> sources;
  std::vector<SinkConfig> sinks;
  std::vector<GroupConfig> groups;
  std::vector<LinkConfig> links;
};

// `file_name` is only for messages. The Problem's text has a line for each mistake.
Built<Settings> read_settings(std::string_view toml_text, std::string_view file_name,
                              const Registry& registry, const VariableLookup& environment,
                              const FileLookup& files = no_files);

// Names of sources, channels, sinks and groups: [A-Za-z0-9_-]{1,64}. They go into file names and
// metrics.
bool is_component_name(std::string_view name);

}  // namespace runnel::agent
