#include "agent/status/metrics_page.hpp"

#include <algorithm>
#include <iterator>

#include "agent/status/metric_writer.hpp"
#include "net/http_server.hpp"

namespace runnel::agent {
namespace {

// A description and its first sample; names and labels are ours and short.
constexpr std::size_t lines_bytes_max = 1024;
static_assert(lines_bytes_max <= metrics_piece_bytes_min);

MetricWriter& component_sample(MetricWriter& out, std::string_view name, const StatusView& view,
                               std::size_t component) {
  return out.sample(name)
      .label("component", view.label(component))
      .label("type", view.type(component));
}

// --- counters of components: the tables of pipeline/counters.hpp --------------------------------

constexpr std::size_t source_counters = std::size(pipeline::source_counter_names);
constexpr std::size_t channel_counters = std::size(pipeline::channel_counter_names);
constexpr std::size_t sink_counters = std::size(pipeline::sink_counter_names);
constexpr std::size_t all_counters = source_counters + channel_counters + sink_counters;

template <class Counters, std::size_t N>
const pipeline::CounterName<Counters>* find(const pipeline::CounterName<Counters> (&names)[N],
                                            std::string_view name) {
  for (const auto& known : names)
    if (known.name == name) return &known;
  return nullptr;
}

// The tables one behind the other.
std::string_view counter_name(std::size_t index) {
  if (index < source_counters) return pipeline::source_counter_names[index].name;
  index -= source_counters;
  if (index < channel_counters) return pipeline::channel_counter_names[index].name;
  return pipeline::sink_counter_names[index - channel_counters].name;
}

// A name that several tables have is one metric: it stands where the first one has it.
bool is_first(std::size_t index) {
  for (std::size_t before = 0; before < index; ++before)
    if (counter_name(before) == counter_name(index)) return false;
  return true;
}

void describe_counter(TextWriter& out, std::string_view full_name, std::string_view name) {
  const auto* source = find(pipeline::source_counter_names, name);
  const auto* channel = find(pipeline::channel_counter_names, name);
  const auto* sink = find(pipeline::sink_counter_names, name);
  Text<512> help;
  const auto add = [&](std::string_view whose, std::string_view meaning) {
    help << (help.size() > 0 ? "; " : "") << whose << ": " << meaning;
  };
  if (source != nullptr) add("sources", source->meaning);
  if (channel != nullptr) add("channels", channel->meaning);
  if (sink != nullptr) add("sinks", sink->meaning);
  MetricWriter(out).describe({full_name, "counter", help.text()});
}

void write_counter(const StatusView& view, TextWriter& out, std::string_view name,
                   std::size_t component, std::string_view full_name) {
  std::uint64_t value = 0;
  if (component < view.first_channel()) {
    const auto* known = find(pipeline::source_counter_names, name);
    if (known == nullptr) return;
    value = view.sources[component].counters.*known->value;
  } else if (component < view.first_sink()) {
    const auto* known = find(pipeline::channel_counter_names, name);
    if (known == nullptr) return;
    value = view.channels[component - view.first_channel()].channel->counters().*known->value;
  } else {
    const auto* known = find(pipeline::sink_counter_names, name);
    if (known == nullptr) return;
    value = view.sinks[component - view.first_sink()].counters.*known->value;
  }
  MetricWriter writer(out);
  component_sample(writer, full_name, view, component).value(value);
}

// --- gauges --------------------------------------------------------------------------------------

struct ChannelGauge {
  Metric metric;
  std::uint64_t (*value)(const pipeline::Channel& channel);
};
constexpr ChannelGauge channel_gauges[] = {
    {{"runnel_channel_capacity_bytes", "gauge", "room for records in memory"},
     [](const pipeline::Channel& channel) { return std::uint64_t{channel.capacity()}; }},
    {{"runnel_channel_used_bytes", "gauge", "bytes of records that it holds in memory"},
     [](const pipeline::Channel& channel) { return std::uint64_t{channel.used()}; }},
    {{"runnel_channel_put_position_bytes", "gauge", "bytes of records ever put: its head"},
     [](const pipeline::Channel& channel) { return channel.head(); }},
    {{"runnel_channel_custody_position_bytes", "gauge",
      "position up to which sources may forget what they put"},
     [](const pipeline::Channel& channel) { return channel.custody(); }},
};

struct SinkGauge {
  Metric metric;
  void (*write)(const StatusView& view, const SinkPart& part, MetricWriter& sample);
};
constexpr SinkGauge sink_gauges[] = {
    {{"runnel_sink_lag_bytes", "gauge", "bytes of records put and not acknowledged yet"},
     [](const StatusView&, const SinkPart& part, MetricWriter& sample) {
       sample.value(part.context->subscription.lag_bytes());
     }},
    {{"runnel_sink_taken_position_bytes", "gauge", "position up to which it has taken: its cursor"},
     [](const StatusView&, const SinkPart& part, MetricWriter& sample) {
       sample.value(part.context->subscription.cursor());
     }},
    {{"runnel_sink_acknowledged_position_bytes", "gauge",
      "position up to which its destination has all: its watermark"},
     [](const StatusView&, const SinkPart& part, MetricWriter& sample) {
       sample.value(part.context->subscription.watermark());
     }},
    {{"runnel_sink_oldest_unread_seconds", "gauge",
      "how long the oldest event that it has not taken has waited"},
     [](const StatusView& view, const SinkPart& part, MetricWriter& sample) {
       const Instant since = part.context->subscription.unread_since();
       sample.seconds(since == never ? Duration::zero() : view.scheduler.now() - since);
     }},
    {{"runnel_sink_failing", "gauge", "1 while a delivery has failed and is tried again"},
     [](const StatusView&, const SinkPart& part, MetricWriter& sample) {
       sample.value(part.runner->last_error() == Error::none ? 0 : 1);
     }},
};

// Of those whose bytes are counted.
struct LinkGauge {
  Metric metric;
  std::uint64_t (*value)(const pipeline::SharedLink& link);
};
constexpr LinkGauge link_gauges[] = {
    {{"runnel_link_month_bytes", "gauge", "bytes on the wire that went out this month"},
     [](const pipeline::SharedLink& link) { return link.bytes_this_month(); }},
    {{"runnel_link_monthly_cap_bytes", "gauge", "monthly_cap of the configuration"},
     [](const pipeline::SharedLink& link) { return link.settings().month_bytes; }},
};

struct AgentMetric {
  Metric metric;
  void (*write)(const StatusView& view, MetricWriter& sample);
};
constexpr AgentMetric agent_metrics[] = {
    {{"runnel_build_info", "gauge", "always 1; the version, and what it runs on"},
     [](const StatusView& view, MetricWriter& sample) {
       sample.label("version", RUNNEL_VERSION)
           .label("agent", view.settings.agent.name)
           .label("driver", view.scheduler.reactor().description())
           .value(1);
     }},
    {{"runnel_loop_turns_total", "counter", "turns of the loop"},
     [](const StatusView& view, MetricWriter& sample) { sample.value(view.scheduler.turns()); }},
    {{"runnel_loop_longest_turn_seconds", "gauge", "the longest turn of the loop so far"},
     [](const StatusView& view, MetricWriter& sample) {
       sample.seconds(view.scheduler.turn_meter().longest());
     }},
    {{"runnel_loop_turn_p999_seconds", "gauge",
      "99.9 % of the loop's turns so far lasted no longer"},
     [](const StatusView& view, MetricWriter& sample) {
       sample.seconds(view.scheduler.turn_meter().within(999));
     }},
    {{"runnel_memory_ceiling_bytes", "gauge", "memory that it never passes; 0 while it starts"},
     [](const StatusView& view, MetricWriter& sample) { sample.value(view.ceiling_bytes); }},
    {{"runnel_memory_limit_bytes", "gauge", "memory_limit of the configuration"},
     [](const StatusView& view, MetricWriter& sample) {
       sample.value(view.settings.agent.memory_limit_bytes);
     }},
    {{"process_resident_memory_bytes", "gauge", "memory that is in use"},
     [](const StatusView& view, MetricWriter& sample) {
       sample.value(view.system.memory_use().resident_bytes);
     }},
    {{"process_start_time_seconds", "gauge", "when it was started, since 1970"},
     [](const StatusView& view, MetricWriter& sample) {
       const Duration running = view.scheduler.now() - view.begun;
       sample.seconds(view.system.wall_clock().time_since_epoch() - running);
     }},
};

// --- the page: metrics, and the samples of each --------------------------------------------------

constexpr std::size_t first_channel_gauge = all_counters;
constexpr std::size_t first_sink_gauge = first_channel_gauge + std::size(channel_gauges);
constexpr std::size_t first_link_gauge = first_sink_gauge + std::size(sink_gauges);
constexpr std::size_t first_agent_metric = first_link_gauge + std::size(link_gauges);
constexpr std::size_t metric_count = first_agent_metric + std::size(agent_metrics);

std::size_t counted_links(const StatusView& view) {
  return static_cast<std::size_t>(std::count_if(view.links.begin(), view.links.end(),
                                                [](auto& part) { return part.ledger != nullptr; }));
}

const LinkPart& counted_link(const StatusView& view, std::size_t index) {
  auto at = view.links.begin();
  for (;; ++at)
    if (at->ledger != nullptr && index-- == 0) return *at;
}

std::size_t sample_count(const StatusView& view, std::size_t metric) {
  if (metric < first_channel_gauge) return is_first(metric) ? view.component_count() : 0;
  if (metric < first_sink_gauge) return view.channels.size();
  if (metric < first_link_gauge) return view.sinks.size();
  if (metric < first_agent_metric) return counted_links(view);
  return 1;
}

// With the description in front of the first.
void write_sample(const StatusView& view, TextWriter& out, std::size_t metric, std::size_t sample) {
  MetricWriter writer(out);
  if (metric < first_channel_gauge) {
    const std::string_view name = counter_name(metric);
    const Text<96> full_name("runnel_component_", name, "_total");
    if (sample == 0) describe_counter(out, full_name.text(), name);
    write_counter(view, out, name, sample, full_name.text());
  } else if (metric < first_sink_gauge) {
    const ChannelGauge& gauge = channel_gauges[metric - first_channel_gauge];
    if (sample == 0) writer.describe(gauge.metric);
    component_sample(writer, gauge.metric.name, view, view.first_channel() + sample)
        .value(gauge.value(*view.channels[sample].channel));
  } else if (metric < first_link_gauge) {
    const SinkGauge& gauge = sink_gauges[metric - first_sink_gauge];
    const SinkPart& part = view.sinks[sample];
    if (sample == 0) writer.describe(gauge.metric);
    component_sample(writer, gauge.metric.name, view, view.first_sink() + sample)
        .label("channel", view.channels[part.config->channel].label);
    gauge.write(view, part, writer);
  } else if (metric < first_agent_metric) {
    const LinkGauge& gauge = link_gauges[metric - first_link_gauge];
    const LinkPart& part = counted_link(view, sample);
    if (sample == 0) writer.describe(gauge.metric);
    writer.sample(gauge.metric.name).label("link", part.label).value(gauge.value(*part.link));
  } else {
    const AgentMetric& agent = agent_metrics[metric - first_agent_metric];
    writer.describe(agent.metric);
    agent.write(view, writer.sample(agent.metric.name));
  }
}

}  // namespace

// The cursor: the metric in its upper half, the sample in the lower one.
bool write_metrics(const StatusView& view, TextWriter& out, std::uint64_t& cursor) {
  std::size_t metric = static_cast<std::size_t>(cursor >> 32);
  std::size_t sample = static_cast<std::size_t>(cursor & UINT32_MAX);
  while (metric < metric_count) {
    if (sample >= sample_count(view, metric)) {
      ++metric;
      sample = 0;
      continue;
    }
    if (out.room() < lines_bytes_max) break;
    write_sample(view, out, metric, sample++);
  }
  RUNNEL_ASSERT(!out.cut());
  cursor = std::uint64_t{metric} << 32 | sample;
  return metric < metric_count;
}

}  // namespace runnel::agent
