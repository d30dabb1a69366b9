#include "agent/settings_checks.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "pipeline/dead_letter.hpp"
#include "pipeline/store.hpp"
#include "sources/listening/listening_plan.hpp"

namespace runnel::agent {
namespace {

bool feeds(const SourceConfig& source, std::size_t channel) {
  return std::find(source.channels.begin(), source.channels.end(), channel) !=
         source.channels.end();
}

void check_both_ends(Settings& settings, Sections& sections) {
  for (std::size_t index = 0; index < settings.channels.size(); ++index) {
    Section& section = sections.channels[index];
    const bool fed = std::any_of(settings.sources.begin(), settings.sources.end(),
                                 [&](const SourceConfig& each) { return feeds(each, index); });
    if (!fed && sections.source_links_known)
      section.complain(section.place(), "no source puts into this channel; add channels = [\"",
                       settings.channels[index].name, "\"] to a source, or remove it");
    const auto sinks = std::count_if(
        settings.sinks.begin(), settings.sinks.end(),
        [&](const SinkConfig& each) { return each.channel == index && each.subscribes(); });
    if (sinks == 0 && sections.sink_links_known)
      section.complain(section.place(), "no sink takes from this channel; add channel = \"",
                       settings.channels[index].name, "\" to a sink, or remove it");
    settings.channels[index].settings.subscriptions_max = static_cast<std::uint32_t>(sinks);
  }
}

// A ring is rounded up to whole pages, and a record may fill half of it.
std::size_t ring_bytes(const ChannelConfig& channel) {
  return align_up(channel.settings.capacity_bytes, Region::base_alignment);
}

void check_records_fit(Settings& settings, Sections& sections) {
  for (std::size_t index = 0; index < settings.sources.size(); ++index) {
    const SourceConfig& source = settings.sources[index];
    if (source.plan == nullptr) continue;
    const std::size_t record_bytes = source.plan->record_bytes_max();
    for (const std::size_t at : source.channels) {
      const ChannelConfig& channel = settings.channels[at];
      if (channel.type == nullptr) continue;
      Section& section = sections.sources[index];
      const pipeline::StorePlan* store = channel.settings.store.get();
      if (store != nullptr && record_bytes > store->record_bytes_max()) {
        section.complain(section.place_of("event_bytes_max"), "an event can take ",
                         HumanSize{record_bytes}, ", more than a block of channels.", channel.name,
                         " (", HumanSize{store->record_bytes_max()},
                         "); lower event_bytes_max or raise block_bytes");
        continue;
      }
      if (record_bytes <= ring_bytes(channel) / 2) continue;
      section.complain(section.place_of("event_bytes_max"), "an event can take ",
                       HumanSize{record_bytes}, ", more than half of channels.", channel.name, " (",
                       HumanSize{ring_bytes(channel)},
                       "); lower event_bytes_max or raise capacity");
    }
  }
}

void tell_sinks_the_largest_record(Settings& settings) {
  for (SinkConfig& sink : settings.sinks) {
    if (sink.plan == nullptr) continue;
    std::size_t largest = 0;
    for (const SourceConfig& source : settings.sources)
      if (source.plan != nullptr && feeds(source, sink.channel))
        largest = std::max(largest, source.plan->record_bytes_max());
    // What an earlier configuration has left in a store may be larger than anything that comes now.
    if (sink.channel < settings.channels.size() &&
        settings.channels[sink.channel].settings.store != nullptr)
      largest =
          std::max(largest, settings.channels[sink.channel].settings.store->record_bytes_max());
    sink.plan->delivery.record_bytes_max = largest;
  }
}

void fit_batches(Settings& settings) {
  for (SinkConfig& sink : settings.sinks)
    if (sink.plan != nullptr && sink.channel < settings.channels.size() &&
        settings.channels[sink.channel].type != nullptr)
      pipeline::fit_batch(sink.plan->delivery,
                          ring_bytes(settings.channels[sink.channel]) / sink.connections);
}

// `block` hands a full ring to the sink at once; a channel that drops would drop while it fills.
void check_batches_fit(Settings& settings, Sections& sections) {
  for (std::size_t index = 0; index < settings.sinks.size(); ++index) {
    const SinkConfig& sink = settings.sinks[index];
    if (sink.plan == nullptr || sink.channel >= settings.channels.size()) continue;
    const ChannelConfig& channel = settings.channels[sink.channel];
    const std::size_t batch_bytes = sink.plan->delivery.take.bytes_max * sink.connections;
    if (channel.type == nullptr || channel.settings.when_full == pipeline::WhenFull::block ||
        batch_bytes <= ring_bytes(channel) / 2)
      continue;
    Section& section = sections.sinks[index];
    section.complain(
        section.place_of("batch.max_bytes"), "batch.max_bytes is ",
        HumanSize{sink.plan->delivery.take.bytes_max},
        sink.connections > 1 ? concat(" for each of ", sink.connections, " connections")
                             : std::string(),
        ", more than half of channels.", channel.name, " (", HumanSize{ring_bytes(channel)},
        "), which would drop events while a batch fills; lower it or raise capacity");
  }
}

// The first of `paths` that a source reads, and which source; nulls when there is none.
std::pair<const std::string*, const SourceConfig*> find_read(
    const Settings& settings, const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    for (const SourceConfig& source : settings.sources)
      if (source.plan != nullptr && source.plan->reads(path)) return {&path, &source};
  return {nullptr, nullptr};
}

struct WrittenPath {
  std::string path;
  const SinkConfig* by;
};

// Who else writes one of `paths`; null when nobody does.
const WrittenPath* find_written(const std::vector<WrittenPath>& written,
                                const std::vector<std::string>& paths) {
  for (const WrittenPath& each : written)
    if (std::find(paths.begin(), paths.end(), each.path) != paths.end()) return &each;
  return nullptr;
}

// Their files have the name of the sink: no two sinks share one.
void check_dead_letters(const Settings& settings, const SinkConfig& sink, Section& section) {
  const pipeline::DeadLetterSettings& letters = sink.plan->delivery.dead_letter;
  const std::size_t largest = pipeline::dead_letter_bytes_max(sink.plan->delivery.record_bytes_max);
  if (largest > letters.bytes_max / 2)
    section.complain(section.place_of("dead_letter.max_bytes"), "dead_letter.max_bytes is ",
                     HumanSize{letters.bytes_max}, ", but one dead letter can take ",
                     HumanSize{largest}, "; it needs twice that");
  const pipeline::DeadLetterPaths paths(letters.folder, sink.name);
  const std::vector<std::string> written = {std::string(paths.current.text()),
                                            std::string(paths.previous.text())};
  if (const auto [path, source] = find_read(settings, written); path != nullptr)
    section.complain(section.place_of("dead_letter.dir"), "it would write \"", *path,
                     "\", which sources.", source->name,
                     " reads: Runnel would collect its own output; change one of them");
}

void check_files(Settings& settings, Sections& sections) {
  std::vector<WrittenPath> written;
  for (std::size_t index = 0; index < settings.sinks.size(); ++index) {
    const SinkConfig& sink = settings.sinks[index];
    if (sink.plan == nullptr) continue;
    Section& section = sections.sinks[index];
    const std::vector<std::string> paths = sink.plan->writes();
    if (sink.plan->delivery.dead_letter.on()) check_dead_letters(settings, sink, section);
    if (const auto [path, source] = find_read(settings, paths); path != nullptr)
      section.complain(section.place_of("path"), "it would write \"", *path, "\", which sources.",
                       source->name,
                       " reads: Runnel would collect its own output; change one of them");
    if (const WrittenPath* other = find_written(written, paths); other != nullptr)
      section.complain(section.place_of("path"), "it would write \"", other->path, "\", as sinks.",
                       other->by->name, " does; give each its own path");
    for (const std::string& path : paths) written.push_back({path, &sink});
  }
}

struct ListenedAddress {
  sources::ListenAddress where;
  std::string by;
};

// The kernel would refuse the second of two, but only at start. What one source names itself is
// checked where its option is read.
void check_listeners(Settings& settings, Sections& sections) {
  std::vector<ListenedAddress> listened;
  if (settings.agent.listen.family != io::Family::none)
    listened.push_back({{io::Transport::tcp, settings.agent.listen}, "agent"});
  for (std::size_t index = 0; index < settings.sources.size(); ++index) {
    const SourceConfig& source = settings.sources[index];
    const auto* plan = dynamic_cast<const sources::ListeningPlan*>(source.plan.get());
    if (plan == nullptr) continue;
    Section& section = sections.sources[index];
    const std::vector<sources::ListenAddress> own = plan->listens();
    for (const sources::ListenAddress& where : own) {
      const auto other =
          std::find_if(listened.begin(), listened.end(), [&](const ListenedAddress& each) {
            return sources::exclude_each_other(each.where, where);
          });
      if (other == listened.end()) continue;
      section.complain(section.place_of("listen"), "it would listen on ", where, ", and ",
                       other->by, " listens on ", other->where,
                       "; give each its own port or address");
    }
    for (const sources::ListenAddress& where : own)
      listened.push_back({where, "sources." + source.name});
  }
}

}  // namespace

void check_together(Settings& settings, Sections& sections) {
  check_both_ends(settings, sections);
  check_records_fit(settings, sections);
  tell_sinks_the_largest_record(settings);
  fit_batches(settings);
  check_batches_fit(settings, sections);
  check_files(settings, sections);
  check_listeners(settings, sections);
}

}  // namespace runnel::agent
