#include "agent/status/view.hpp"

namespace runnel::agent {

std::size_t component_count(const Settings& settings) {
  return settings.sources.size() + settings.channels.size() + settings.sinks.size();
}

std::string_view StatusView::label(std::size_t component) const {
  if (component < first_channel()) return sources[component].label;
  if (component < first_sink()) return channels[component - first_channel()].label;
  return sinks[component - first_sink()].label;
}

std::string_view StatusView::type(std::size_t component) const {
  if (component < first_channel()) return sources[component].config->type->name;
  if (component < first_sink()) return channels[component - first_channel()].config->type->name;
  return sinks[component - first_sink()].config->type->name;
}

Throughput StatusView::throughput(std::size_t component) const {
  if (component < first_channel()) {
    const auto& counters = sources[component].counters;
    return {counters.received_events, counters.received_bytes};
  }
  if (component < first_sink()) {
    const auto& counters = channels[component - first_channel()].channel->counters();
    return {counters.put_events, counters.put_bytes};
  }
  const auto& counters = sinks[component - first_sink()].counters;
  return {counters.sent_events, counters.sent_bytes};
}

}  // namespace runnel::agent
