// What the agent says of itself: the status line and, at its end, what every component did.
#include <algorithm>

#include "agent/agent.hpp"

namespace runnel::agent {

namespace {

struct Totals {
  std::uint64_t events = 0, bytes_in = 0, plain = 0, bytes_out = 0;
  std::size_t used = 0, capacity = 0;
};

Totals totals_of(const Assembly& assembly) {
  Totals totals;
  for (const SourcePart& part : assembly.sources) {
    totals.events += part.counters.received_events;
    totals.bytes_in += part.counters.received_bytes;
  }
  for (const SinkPart& part : assembly.sinks) {
    totals.plain += part.counters.plain_bytes;
    totals.bytes_out += part.counters.sent_bytes;
  }
  for (const ChannelPart& part : assembly.channels) {
    totals.used += part.channel->used();
    totals.capacity += part.channel->capacity();
  }
  return totals;
}

void write_ratio(TextWriter& out, std::uint64_t plain, std::uint64_t wire) {
  const std::uint64_t tenths = wire == 0 ? 0 : plain * 10 / wire;
  out << tenths / 10 << '.' << tenths % 10 << ":1";
}

}  // namespace

void Agent::write_status(TextWriter& out) const {
  const Totals totals = totals_of(assembly_);
  out << totals.events << " events, in " << HumanSize{totals.bytes_in} << ", out "
      << HumanSize{totals.bytes_out} << " (";
  write_ratio(out, totals.plain, totals.bytes_out);
  out << "), ring " << totals.used * 100 / std::max<std::size_t>(totals.capacity, 1)
      << " % full, memory " << HumanSize{system_.memory_use().resident_bytes} << " of "
      << HumanSize{ceiling_};
}

namespace {

// Only counters that count something: a summary is read, not parsed.
template <class Counters, std::size_t N>
void append_counters(std::string& out, const std::string& label, const Counters& counters,
                     const pipeline::CounterName<Counters> (&names)[N]) {
  out += concat("  ", label, ":");
  bool any = false;
  for (const auto& name : names) {
    const std::uint64_t value = counters.*name.value;
    if (value == 0) continue;
    out += concat(any ? ", " : " ", name.name, " ", value);
    any = true;
  }
  out += any ? "\n" : " nothing\n";
}

}  // namespace

// What the flash has had to bear, and for what.
std::string Agent::disk_line() const {
  std::uint64_t bytes = 0, syncs = 0, came_in = 0;
  std::string parts;
  const auto add = [&](const std::string& label, const auto& counters) {
    bytes += counters.written_bytes;
    syncs += counters.syncs;
    if (counters.written_bytes > 0)
      parts += concat(parts.empty() ? ": " : ", ", label, ' ', HumanSize{counters.written_bytes});
  };
  for (const SourcePart& part : assembly_.sources) {
    came_in += part.counters.received_bytes;
    add(part.label, part.counters);
  }
  for (const ChannelPart& part : assembly_.channels) add(part.label, part.channel->counters());
  for (const SinkPart& part : assembly_.sinks) add(part.label, part.counters);
  if (bytes == 0) return {};
  std::string line = concat("  disk: ", HumanSize{bytes}, " written, ", syncs, " syncs", parts);
  if (came_in > 0) {
    const std::uint64_t hundredths = bytes * 100 / came_in;
    line += concat("; ", hundredths / 100, hundredths % 100 < 10 ? ".0" : ".", hundredths % 100,
                   " bytes for each that came in");
  }
  return line + '\n';
}

std::string Agent::summary() const {
  Text<256> line;
  write_status(line);
  std::string out = concat("summary: ", line.text(), "\n");
  for (const SourcePart& part : assembly_.sources)
    append_counters(out, part.label, part.counters, pipeline::source_counter_names);
  for (const ChannelPart& part : assembly_.channels)
    append_counters(out, part.label, part.channel->counters(), pipeline::channel_counter_names);
  for (const SinkPart& part : assembly_.sinks)
    append_counters(out, part.label, part.counters, pipeline::sink_counter_names);
  const async::TurnMeter& loop = scheduler_.turn_meter();
  return out + disk_line() +
         concat("  loop: ", loop.turns(), " turns, the longest ", HumanDuration{loop.longest()},
                ", 99.9 % at most ", HumanDuration{loop.within(999)}, "\n");
}

}  // namespace runnel::agent
