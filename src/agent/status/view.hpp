// What the status pages look at: all parts of a running agent, numbered through (sources, then
// channels, then sinks, each in the order of the configuration). Nothing of it is changed here.
#pragma once

#include <span>
#include <string_view>

#include "agent/assembly.hpp"

namespace runnel::agent {

// What two samples of a component differ in: what a source has received, what was put into a
// channel, what a sink has sent.
struct Throughput {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

struct StatusView {
  const Settings& settings;
  async::Scheduler& scheduler;
  io::System& system;
  pipeline::Clock& clock;
  const pipeline::StopRequest& stop;
  std::span<const SourcePart> sources;
  std::span<const ChannelPart> channels;
  std::span<const SinkPart> sinks;
  std::span<const LinkPart> links;
  // Set when start-up is over.
  bool started = false;
  std::size_t ceiling_bytes = 0;
  Instant begun;

  std::size_t component_count() const { return sources.size() + channels.size() + sinks.size(); }
  std::size_t first_channel() const { return sources.size(); }
  std::size_t first_sink() const { return sources.size() + channels.size(); }

  std::string_view label(std::size_t component) const;  // "sources.applog"
  std::string_view type(std::size_t component) const;   // "tail"
  Throughput throughput(std::size_t component) const;
};

// How many components there will be.
std::size_t component_count(const Settings& settings);

}  // namespace runnel::agent
