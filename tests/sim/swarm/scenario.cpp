#include "tests/sim/swarm/scenario.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "io/operation.hpp"
#include "platform/sim/random.hpp"

namespace runnel::swarm {

using sim::Random;

bool Selection::keeps_fault(std::size_t index) const {
  return !faults || std::find(faults->begin(), faults->end(), index) != faults->end();
}
bool Selection::keeps_peer(std::size_t index) const {
  return !peers || std::find(peers->begin(), peers->end(), index) != peers->end();
}
bool Selection::keeps_trait(const char* name) const {
  return std::find(without.begin(), without.end(), name) == without.end();
}

const char* name_of(FaultKind kind) {
  static constexpr const char* names[] = {"kill",
                                          "power loss",
                                          "kill during",
                                          "power loss during",
                                          "stop",
                                          "stop twice",
                                          "disk full",
                                          "disk nearly full",
                                          "space errors",
                                          "write errors",
                                          "sync errors",
                                          "read errors",
                                          "entry errors",
                                          "handle errors",
                                          "short writes",
                                          "slow disk",
                                          "slow network",
                                          "partition",
                                          "port partition",
                                          "datagram loss",
                                          "watches overflow",
                                          "resets",
                                          "half-open",
                                          "clock step"};
  static_assert(std::size(names) == static_cast<std::size_t>(FaultKind::count_of_kinds));
  return names[static_cast<std::size_t>(kind)];
}

bool feeds(const SourceScenario& source, std::size_t channel) {
  const auto& to = source.channels;
  return std::find(to.begin(), to.end(), channel) != to.end();
}

bool Scenario::feeds(std::size_t source, std::size_t sink) const {
  return swarm::feeds(sources[source], sinks[sink].channel);
}

bool Scenario::has(FaultKind kind) const {
  return std::any_of(faults.begin(), faults.end(),
                     [&](const Fault& each) { return each.kind == kind; });
}

bool Scenario::has_journals() const {
  return std::any_of(journals.begin(), journals.end(),
                     [](const auto& each) { return each.has_value(); });
}

bool Scenario::feeds_journal(const SourceScenario& source) const {
  return std::any_of(source.channels.begin(), source.channels.end(),
                     [&](std::size_t channel) { return is_journal(channel); });
}

std::string Scenario::configuration_of(std::uint32_t life) const {
  std::string text = configuration;
  for (const SourceScenario& source : sources) {
    if (source.kind != SourceKind::generate || !feeds_journal(source)) continue;
    const std::string drawn = concat("\nsize = ", source.body_bytes, "\n");
    const auto at = text.find(drawn);
    RUNNEL_ASSERT(at != std::string::npos);
    text.replace(at, drawn.size(), concat("\nsize = ", source.body_bytes + life - 1, "\n"));
  }
  return text;
}

namespace {

Duration between(Random& random, Duration least, Duration most) {
  return random.between(sim::Range{least, most});
}
bool one_in(Random& random, std::uint64_t chances) { return random.below(chances) == 0; }
template <class T, std::size_t N>
T any_of(Random& random, const T (&choices)[N]) {
  return choices[random.below(N)];
}

// --- the agent -----------------------------------------------------------------------------------

void draw_channels_and_sinks(Random& random, Scenario& scenario) {
  const std::size_t channels = one_in(random, 4) ? 2 : 1;
  for (std::size_t index = 0; index < channels; ++index) {
    const WhenFull policies[] = {WhenFull::block, WhenFull::block,       WhenFull::block,
                                 WhenFull::block, WhenFull::drop_newest, WhenFull::drop_oldest};
    scenario.channels.push_back(any_of(random, policies));
    const std::size_t sinks = one_in(random, 5) ? 2 : 1;
    for (std::size_t count = 0; count < sinks; ++count) {
      SinkScenario sink;
      sink.channel = index;
      const Fsync policies_of_sync[] = {Fsync::batch, Fsync::interval, Fsync::interval, Fsync::roll,
                                        Fsync::never};
      sink.fsync = any_of(random, policies_of_sync);
      sink.fsync_interval = between(random, 20ms, 600ms);
      const Codec codecs[] = {Codec::none, Codec::none, Codec::zstd, Codec::gzip};
      sink.codec = any_of(random, codecs);
      sink.json = one_in(random, 4);
      sink.says_gaps = sink.json || !one_in(random, 4);
      sink.by_header = one_in(random, 8);
      sink.roll_age = between(random, 300ms, 3s);
      const std::size_t batches[] = {4096, 4096, 8192, 16384};
      sink.batch_bytes = any_of(random, batches);
      sink.linger = between(random, 1ms, 80ms);
      sink.folder = concat("/data/", scenario.sinks.size());
      scenario.sinks.push_back(std::move(sink));
    }
  }
}

void draw_sources(Random& random, Scenario& scenario) {
  const auto add = [&](SourceKind kind) {
    SourceScenario source;
    source.kind = kind;
    source.channels.push_back(random.below(scenario.channels.size()));
    if (scenario.channels.size() > 1 && one_in(random, 3)) source.channels = {0, 1};
    const std::size_t sizes[] = {256, 1024, 1024, 3072};
    source.event_bytes_max = any_of(random, sizes);
    source.matches_rotated = !one_in(random, 3);
    const std::string framings[] = {"newline", "newline", "length32", "octet_counted"};
    source.framing = any_of(random, framings);
    source.checkpoint_interval = between(random, 10ms, 400ms);
    source.idle_timeout = between(random, 1s, 8s);
    scenario.sources.push_back(std::move(source));
  };
  const bool tail = !one_in(random, 5);
  if (tail) add(SourceKind::tail);
  if (!tail || one_in(random, 2)) add(SourceKind::tcp);
  if (one_in(random, 3)) add(SourceKind::udp);
  if (one_in(random, 4)) add(SourceKind::syslog);
  if (one_in(random, 3)) add(SourceKind::generate);
  // Every channel has a source.
  for (std::size_t channel = 0; channel < scenario.channels.size(); ++channel) {
    const bool fed = std::any_of(
        scenario.sources.begin(), scenario.sources.end(), [&](const SourceScenario& each) {
          return std::find(each.channels.begin(), each.channels.end(), channel) !=
                 each.channels.end();
        });
    if (!fed) scenario.sources.front().channels.push_back(channel);
  }
}

void draw_journals(Random& random, Scenario& scenario) {
  for (std::size_t channel = 0; channel < scenario.channels.size(); ++channel) {
    // Everything is drawn in any case: so each channel's draws stay where they are.
    const bool is_one = one_in(random, 2);
    JournalScenario journal;
    journal.overflow = one_in(random, 3);
    constexpr auto batch = JournalSync::batch, interval = JournalSync::interval;
    const JournalSync policies[] = {batch,    batch,    batch,    batch,    batch,
                                    interval, interval, interval, interval, JournalSync::never};
    journal.sync = any_of(random, policies);
    journal.sync_interval = between(random, 20ms, 600ms);
    journal.cursor_interval = between(random, 20ms, 500ms);
    journal.block_age = between(random, 5ms, 100ms);
    journal.block_bytes = one_in(random, 2) ? 4096 : 8192;
    journal.file_bytes = one_in(random, 4) ? 2u << 20 : 1u << 20;
    // No event may be larger than a block.
    for (const SourceScenario& source : scenario.sources)
      if (source.event_bytes_max > 2048 && feeds(source, channel)) journal.block_bytes = 8192;
    scenario.journals.emplace_back();
    if (is_one) scenario.journals.back() = journal;
  }
}

const char* word(WhenFull policy) {
  static constexpr const char* words[] = {"block", "drop_newest", "drop_oldest"};
  return words[static_cast<std::size_t>(policy)];
}
const char* word(Codec codec) {
  static constexpr const char* words[] = {"none", "zstd", "gzip"};
  return words[static_cast<std::size_t>(codec)];
}
std::string word(const SinkScenario& sink) {
  switch (sink.fsync) {
    case Fsync::batch:
      return "batch";
    case Fsync::interval:
      return concat(
          WrittenDuration{std::chrono::floor<std::chrono::microseconds>(sink.fsync_interval)});
    case Fsync::roll:
      return "roll";
    case Fsync::never:
      return "never";
  }
  return {};
}
WrittenDuration written(Duration duration) {
  return {std::chrono::floor<std::chrono::microseconds>(duration)};
}

std::string section_of(SourceScenario& source, std::size_t index, Random& random) {
  static constexpr const char* types[] = {"tail", "tcp", "udp", "syslog", "generate"};
  std::string text = concat("[sources.s", index, "]\ntype = \"",
                            types[static_cast<std::size_t>(source.kind)], "\"\nchannels = [");
  for (const std::size_t channel : source.channels) text += concat("\"c", channel, "\",");
  text += "]\n";
  switch (source.kind) {
    case SourceKind::tail:
      text += concat(
          "paths = [\"/var/log/*.log", source.matches_rotated ? "*" : "",
          "\"]\nfiles_max = 24\nread_bytes = \"4KiB\"\nevent_bytes_max = ", source.event_bytes_max,
          "\ncheckpoint_interval = \"", written(source.checkpoint_interval),
          "\"\npoll_interval = \"", written(between(random, 50ms, 500ms)),
          "\"\nclose_idle_after = \"", written(between(random, 500ms, 5s)), "\"\n");
      break;
    case SourceKind::tcp:
      text += concat("listen = [\"0.0.0.0:5170\"]\nframing = \"", source.framing,
                     "\"\nevent_bytes_max = ", source.event_bytes_max,
                     "\nconnections_max = ", random.between(1, 4),
                     "\nbuffers = ", one_in(random, 2) ? 4 : 8, "\nidle_timeout = \"",
                     written(source.idle_timeout), "\"\n");
      break;
    case SourceKind::udp:
      text +=
          concat("listen = [\"0.0.0.0:5171\"]\nbuffers = ", one_in(random, 2) ? 4 : 16,
                 "\ndatagram_bytes_max = 2048\nreceive_buffer = ", random.between(200, 4096), "\n");
      break;
    case SourceKind::syslog:
      text += concat("listen = [\"tcp://0.0.0.0:5514\", \"udp://0.0.0.0:5514\"]\nbody = \"raw\"\n",
                     "event_bytes_max = ", source.event_bytes_max, "\nconnections_max = 3\n",
                     "buffers = 4\nreceive_buffer = 1024\nidle_timeout = \"",
                     written(source.idle_timeout), "\"\n");
      break;
    case SourceKind::generate:
      // The size first: so the arguments of one call have always been drawn.
      source.body_bytes = random.between(24, 300);
      text += concat("rate = ", random.between(50, 600), "\nsize = ", source.body_bytes, "\n");
      break;
  }
  return text;
}

std::string section_of(const SinkScenario& sink, std::size_t index, Random& random) {
  static constexpr const char* endings[] = {"", ".zst", ".gz"};
  return concat("[sinks.k", index, "]\ntype = \"file\"\nchannel = \"c", sink.channel,
                "\"\npath = \"", sink.folder, sink.by_header ? "/%{peer}%{file}" : "/out", ".txt",
                endings[static_cast<std::size_t>(sink.codec)], "\"\nencoding = \"",
                sink.json ? "json" : "text", "\"\ngaps = ", sink.says_gaps ? "true" : "false",
                "\ncompression.codec = \"", word(sink.codec), "\"\nfsync = \"", word(sink),
                "\"\nbatch.max_bytes = ", sink.batch_bytes,
                "\nbatch.max_events = ", random.between(20, 400), "\nbatch.linger = \"",
                written(sink.linger), "\"\nretry.first = \"", written(between(random, 5ms, 50ms)),
                "\"\nretry.longest = \"500ms\"\n", "roll.max_bytes = ", random.between(8192, 65536),
                "\nroll.max_age = \"", written(sink.roll_age), "\"\nfiles_open_max = 4\n");
}

std::string section_of(const JournalScenario& journal, std::size_t index) {
  std::string sync = "batch";
  if (journal.sync == JournalSync::never) sync = "never";
  if (journal.sync == JournalSync::interval) sync = concat(written(journal.sync_interval));
  return concat("type = \"journal\"\npath = \"/spool/c", index,
                ".journal\"\nsize = ", journal.file_bytes,
                "\nmemory = \"256KiB\"\nblock_bytes = ", journal.block_bytes, "\nblock_age = \"",
                written(journal.block_age), "\"\nsync = \"", sync, "\"\nmode = \"",
                journal.overflow ? "overflow" : "always", "\"\ncursor_interval = \"",
                written(journal.cursor_interval), "\"\n");
}

std::string configuration_of(Scenario& scenario, Random& random) {
  std::string text = concat("[agent]\nstate_dir = \"/state\"\ndrain_timeout = \"",
                            written(scenario.drain_timeout), "\"\n");
  for (std::size_t index = 0; index < scenario.sources.size(); ++index)
    text += section_of(scenario.sources[index], index, random);
  for (std::size_t index = 0; index < scenario.channels.size(); ++index)
    text += concat("[channels.c", index, "]\n",
                   scenario.is_journal(index) ? section_of(*scenario.journals[index], index)
                                              : "type = \"memory\"\ncapacity = \"64KiB\"\n",
                   "when_full = \"", word(scenario.channels[index]), "\"\n");
  for (std::size_t index = 0; index < scenario.sinks.size(); ++index)
    text += section_of(scenario.sinks[index], index, random);
  return text;
}

// --- the world -----------------------------------------------------------------------------------

void draw_options(Random& random, Scenario& scenario) {
  sim::SimOptions& options = scenario.options;
  options = sim::SimOptions::rough();
  const Duration sync = between(random, 1ms, 40ms);
  options.sync_latency = {100us, sync};
  options.write_latency = {5us, between(random, 20us, 4ms)};
  options.read_latency = {5us, between(random, 20us, 2ms)};
  options.entry_latency = {5us, between(random, 20us, 3ms)};
  options.network_latency = {100us, between(random, 200us, 30ms)};
  options.connect_timeout = 2s;
  options.retransmit_timeout = 8s;
  const std::uint32_t buffers[] = {2048, 8192, 32768};
  options.stream_buffer_bytes = any_of(random, buffers);
  options.reuse_inodes = !one_in(random, 4);
  options.file_bytes_max = 8u << 20;
  options.partial_writes = one_in(random, 3) ? 20'000 : 0;
}

void draw_peers(Random& random, Scenario& scenario) {
  const auto add = [&](PeerKind kind, std::size_t source) {
    PeerScenario peer;
    peer.kind = kind;
    peer.source = source;
    peer.seed = random.next();
    peer.pause = between(random, 10ms, 150ms);
    peer.events = static_cast<std::uint32_t>(random.between(3, 24));
    peer.truncates = one_in(random, 5);
    peer.rotates = !peer.truncates && !one_in(random, 5);
    peer.rotation_age = between(random, 1s, 6s);
    peer.deletes = one_in(random, 5);
    scenario.peers.push_back(peer);
  };
  for (std::size_t index = 0; index < scenario.sources.size(); ++index) {
    switch (scenario.sources[index].kind) {
      case SourceKind::tail:
        for (std::uint64_t count = random.between(1, 3); count > 0; --count)
          add(PeerKind::log_writer, index);
        break;
      case SourceKind::tcp:
        for (std::uint64_t count = random.between(1, 3); count > 0; --count)
          add(PeerKind::tcp_sender, index);
        break;
      case SourceKind::udp:
        add(PeerKind::udp_sender, index);
        break;
      case SourceKind::syslog:
        add(PeerKind::tcp_sender, index);
        add(PeerKind::udp_sender, index);
        break;
      case SourceKind::generate:
        break;
    }
  }
}

// --- faults --------------------------------------------------------------------------------------

Fault draw_fault(Random& random, Duration storm) {
  Fault fault;
  // Ends of the process are what everything else is about: every third fault is one.
  constexpr std::uint64_t ends = 6;
  const auto kinds = static_cast<std::uint64_t>(FaultKind::count_of_kinds);
  const std::uint64_t drawn =
      one_in(random, 3) ? random.below(ends) : random.between(ends, kinds - 1);
  fault.kind = static_cast<FaultKind>(drawn);
  fault.at = after(instant_from_ns(1'000'000'000), between(random, 50ms, storm));
  fault.length = between(random, 20ms, one_in(random, 4) ? Duration(2500ms) : Duration(700ms));
  fault.amount = static_cast<std::uint32_t>(random.between(50'000, 1'000'000));
  constexpr io::Verb verbs[] = {io::Verb::write, io::Verb::sync,     io::Verb::rename,
                                io::Verb::open,  io::Verb::truncate, io::Verb::close};
  fault.verb = static_cast<std::uint8_t>(any_of(random, verbs));
  fault.step = between(random, 0ns, 7200s) - 3600s;
  return fault;
}

void draw_faults(Random& random, Scenario& scenario) {
  const std::uint64_t count = random.between(5, 11);
  for (std::uint64_t index = 0; index < count; ++index) {
    const Fault fault = draw_fault(random, scenario.storm);
    scenario.faults.push_back(fault);
    // A stop while nothing can be delivered is what deadlines are for.
    const bool blocks = fault.kind == FaultKind::disk_full || fault.kind == FaultKind::write_errors;
    const Instant storm_end = after(instant_from_ns(1'000'000'000), scenario.storm);
    if (!blocks || !one_in(random, 3) || after(fault.at, 300ms) >= storm_end) continue;
    Fault stop = fault;
    stop.kind = FaultKind::stop;
    stop.at = after(fault.at, between(random, 20ms, 300ms));
    scenario.faults.back().length = between(random, 1s, 12s);
    scenario.faults.push_back(stop);
  }
  std::sort(scenario.faults.begin(), scenario.faults.end(), [](const Fault& a, const Fault& b) {
    return a.at != b.at ? a.at < b.at : a.kind < b.kind;
  });
  const bool slow =
      std::any_of(scenario.faults.begin(), scenario.faults.end(),
                  [](const Fault& each) { return each.kind == FaultKind::slow_disk; });
  const Duration slowest = between(random, 200ms, 700ms);
  scenario.slowest_disk = slow ? slowest : scenario.options.sync_latency.max;
}

void take_away_traits(Scenario& scenario, const Selection& selection) {
  sim::SimOptions& options = scenario.options;
  const sim::SimOptions calm = sim::SimOptions::calm();
  scenario.long_events = selection.keeps_trait("long-events");
  if (!selection.keeps_trait("shuffle")) options.shuffle = false;
  if (!selection.keeps_trait("delays")) options.completion_delay = calm.completion_delay;
  if (!selection.keeps_trait("partial-reads")) options.partial_reads = 0;
  if (!selection.keeps_trait("partial-sends"))
    options.partial_sends = options.partial_receives = options.partial_writes = 0;
  if (!selection.keeps_trait("latencies")) {
    options.read_latency = calm.read_latency;
    options.write_latency = calm.write_latency;
    options.sync_latency = calm.sync_latency;
    options.entry_latency = calm.entry_latency;
    options.network_latency = calm.network_latency;
    options.loopback_latency = calm.loopback_latency;
  }
}

}  // namespace

Scenario draw(std::uint64_t seed, const Selection& selection) {
  // A stream each, so that one part does not move when another is drawn differently.
  Random all(seed ^ 0x52756E6E656C5357);
  Random agent = all.fork(), world = all.fork(), peers = all.fork(), faults = all.fork();
  Random journals = all.fork();
  Scenario scenario;
  scenario.seed = seed;
  scenario.storm = between(world, 3s, 7s);
  scenario.drain_timeout = between(world, 300ms, 3s);
  draw_channels_and_sinks(agent, scenario);
  draw_sources(agent, scenario);
  draw_journals(journals, scenario);
  draw_options(world, scenario);
  draw_peers(peers, scenario);
  draw_faults(faults, scenario);
  scenario.configuration = configuration_of(scenario, agent);
  take_away_traits(scenario, selection);
  return scenario;
}

std::string Scenario::text() const {
  std::string out = configuration;
  for (std::size_t index = 0; index < peers.size(); ++index) {
    static constexpr const char* kinds[] = {"log writer", "TCP sender", "datagram sender"};
    const PeerScenario& peer = peers[index];
    out += concat("peer ", index, ": ", kinds[static_cast<std::size_t>(peer.kind)], " for s",
                  peer.source, peer.rotates ? ", rotates" : "", peer.truncates ? ", truncates" : "",
                  peer.deletes ? ", deletes" : "", "\n");
  }
  return out;
}

}  // namespace runnel::swarm
