#include "agent/rehearse/rehearse.hpp"

#include <algorithm>

#include "agent/exit_codes.hpp"
#include "agent/rehearse/report.hpp"
#include "base/text.hpp"
#include "channels/journal/journal.hpp"
#include "pipeline/store.hpp"

namespace runnel::agent {
namespace {

using rehearse::ChannelForecast;
using rehearse::JournalFacts;
using rehearse::NamedChannel;
using rehearse::NamedSink;

std::uint64_t ring_bytes_of(const ChannelConfig& channel) {
  return align_up(channel.settings.capacity_bytes, Region::base_alignment);
}

tl::expected<void, Problem> check_events_fit(const ChannelConfig& channel,
                                             const RehearseRequest& request) {
  const pipeline::StorePlan* store = channel.settings.store.get();
  std::uint64_t largest = ring_bytes_of(channel) / 2;
  if (store != nullptr) largest = std::min<std::uint64_t>(largest, store->record_bytes_max());
  const auto record_bytes =
      pipeline::record_bytes(0, static_cast<std::size_t>(request.event_bytes));
  if (record_bytes <= largest) return {};
  return problem(
      concat("runnel rehearse: --event-bytes is ", HumanSize{request.event_bytes},
             ", but channels.", channel.name, " takes events of at most ", HumanSize{largest},
             " with their ", sizeof(pipeline::RecordHeader), " B of record"),
      exit_codes::usage);
}

ChannelForecast forecast_of(const Settings& settings, std::size_t index,
                            const RehearseRequest& request) {
  const pipeline::ChannelSettings& channel = settings.channels[index].settings;
  const channels::journal::Settings* journal =
      channel.store == nullptr ? nullptr : channels::journal_settings(*channel.store);
  if (journal == nullptr)
    return rehearse::forecast(
        rehearse::MemoryFacts{ring_bytes_of(settings.channels[index]), channel.when_full}, request);
  JournalFacts facts{.settings = *journal, .takes = {}};
  for (const SinkConfig& sink : settings.sinks)
    if (sink.channel == index && sink.subscribes()) facts.takes.push_back(sink.plan->delivery.take);
  return rehearse::forecast(facts, request);
}

// The longest of those that feed the channel.
std::size_t source_name_bytes(const Settings& settings, std::size_t channel) {
  std::size_t longest = 0;
  for (const SourceConfig& source : settings.sources)
    if (std::find(source.channels.begin(), source.channels.end(), channel) != source.channels.end())
      longest = std::max(longest, source.name.size());
  return longest;
}

}  // namespace

Built<std::string> rehearse_outage(const Settings& settings, const RehearseRequest& request,
                                   std::string_view file_name) {
  std::string text = rehearse::introduction(file_name, request);
  for (std::size_t index = 0; index < settings.channels.size(); ++index) {
    const ChannelConfig& channel = settings.channels[index];
    if (auto fit = check_events_fit(channel, request); !fit) return tl::unexpected(fit.error());
    NamedChannel named{channel.name, channel.type->name, forecast_of(settings, index, request), {}};
    for (const SinkConfig& sink : settings.sinks) {
      if (sink.channel != index || sink.connection > 0) continue;
      const pipeline::DeliverySettings& delivery = sink.plan->delivery;
      const bool compresses = delivery.codec != codec::Codec::none;
      const double bytes = rehearse::wire_bytes(delivery.encoding, compresses,
                                                source_name_bytes(settings, index), request);
      named.sinks.push_back(
          NamedSink{sink.name, compresses, forecast_drain(named.forecast, bytes, request)});
    }
    text += rehearse::describe(named, request);
  }
  return text;
}

}  // namespace runnel::agent
