#include "agent/rehearse/report.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace runnel::agent::rehearse {
namespace {

using pipeline::WhenFull;

// Written piece by piece, not with `concat`, whose every call is a function of its own: that took
// three times the room in the program.

// 51,840,000
struct Grouped {
  std::uint64_t number;
};
TextWriter& operator<<(TextWriter& out, Grouped grouped) {
  const Text<24> digits(grouped.number);
  const std::string_view text = digits.text();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (at > 0 && (text.size() - at) % 3 == 0) out << ',';
    out << text[at];
  }
  return out;
}

// "1 sync", "3,065 syncs"
struct Counted {
  std::uint64_t number;
  std::string_view what;
};
TextWriter& operator<<(TextWriter& out, Counted counted) {
  return out << Grouped{counted.number} << ' ' << counted.what << (counted.number == 1 ? "" : "s");
}

// "32 kbit/s", "1.5 Mbit/s"
struct BitsPerSecond {
  std::uint64_t bits;
};
TextWriter& operator<<(TextWriter& out, BitsPerSecond speed) {
  struct Unit {
    const char* name;
    std::uint64_t bits;
  };
  static constexpr Unit units[] = {
      {" Gbit/s", 1'000'000'000}, {" Mbit/s", 1'000'000}, {" kbit/s", 1000}};
  for (const Unit& unit : units) {
    if (speed.bits < unit.bits) continue;
    const std::uint64_t tenths = speed.bits % unit.bits * 10 / unit.bits;
    out << speed.bits / unit.bits;
    if (tenths > 0) out << '.' << tenths;
    return out << unit.name;
  }
  return out << speed.bits << " bit/s";
}

// 500 is "5", 450 is "4.5".
struct Hundredths {
  std::uint64_t value;
};
TextWriter& operator<<(TextWriter& out, Hundredths number) {
  out << number.value / 100;
  const std::uint64_t rest = number.value % 100;
  if (rest == 0) return out;
  out << '.' << rest / 10;
  return rest % 10 == 0 ? out : out << rest % 10;
}

const char* unit_of(Duration per) {
  if (per == 1s) return "second";
  if (per == 1min) return "minute";
  return per == 1h ? "hour" : "day";
}

void say_fill(TextWriter& out, const ChannelForecast& forecast) {
  const auto share = static_cast<double>(forecast.filled_bytes) * 100 /
                     static_cast<double>(forecast.capacity_bytes);
  out << "  " << Counted{forecast.events, "event"} << " come, " << Grouped{forecast.kept_events}
      << " wait for the link at the end:\n  " << HumanSize{forecast.filled_bytes} << " of "
      << HumanSize{forecast.capacity_bytes} << " (" << static_cast<std::uint64_t>(share + 0.5)
      << " %) of the " << (forecast.disk ? "file" : "ring") << " are full";
  if (forecast.disk && forecast.disk->memory_filled_bytes > 0)
    out << ", and " << HumanSize{forecast.disk->memory_filled_bytes} << " of "
        << HumanSize{forecast.disk->memory_bytes} << " of memory wait for the disk";
  out << ".\n";
}

void say_loss(TextWriter& out, const ChannelForecast& forecast) {
  if (!forecast.full_after) {
    out << "  It does not run full: nothing is dropped, no source waits.\n";
    return;
  }
  out << "  It is full after " << HumanDuration{*forecast.full_after} << "; from then on ";
  switch (forecast.when_full) {
    case WhenFull::block:
      out << "the sources wait, with " << Counted{forecast.held_back_events, "event"}
          << ".\n  What a source cannot keep (UDP) is lost.\n";
      return;
    case WhenFull::drop_newest:
      out << "what comes is dropped: " << Counted{forecast.dropped_events, "event"} << ".\n";
      return;
    case WhenFull::drop_oldest:
      out << "the oldest events are dropped,\n  ";
      if (forecast.disk)
        out << "a segment (" << Grouped{forecast.dropped_at_a_time} << " of them, "
            << HumanSize{forecast.disk->segment_bytes} << ") at a time: ";
      out << Counted{forecast.dropped_events, "event"} << ". The oldest one kept is "
          << HumanDuration{forecast.oldest_age} << " old.\n";
  }
}

void say_wear(TextWriter& out, const char* when, const Wear& wear) {
  out << when << HumanSize{wear.bytes} << " and " << Counted{wear.syncs, "sync"} << ".\n";
}

void say_disk(TextWriter& out, const DiskForecast& disk, bool fills_up, bool keeps_up) {
  say_wear(out, "  Written to disk in the outage: ", disk.outage);
  say_wear(out, fills_up ? "  On a day of it, while there is room: " : "  On a day of it: ",
           disk.outage_day);
  if (keeps_up) say_wear(out, "  On a day without outage: ", disk.quiet_day);
  const std::uint64_t limit = disk.written_bytes_max_per_day;
  if (limit > 0 && std::max(disk.outage_day.bytes, keeps_up ? disk.quiet_day.bytes : 0) > limit)
    out << "  That is more than max_bytes_written_per_day = " << WrittenSize{limit}
        << " allows: syncs are put off, and\n  when that is not enough nothing is written for a "
           "while. What is in memory alone does not\n  survive a power cut.\n";
  if (disk.pressed)
    out << "  In an outage blocks are written when memory runs short, not by time.\n";
}

void say_sink(TextWriter& out, const NamedSink& sink, const RehearseRequest& load) {
  const SinkForecast& forecast = sink.forecast;
  out << "  sinks." << sink.name << (sink.compresses ? " (compressed)" : " (not compressed)")
      << ": what comes needs " << BitsPerSecond{forecast.needed_bits_per_second}
      << "; the link carries " << BitsPerSecond{load.link_bits_per_second} << ".\n  ";
  if (!forecast.drained_after) {
    out << "It never drains: the link carries less than what comes.\n";
    return;
  }
  out << "It has drained " << HumanDuration{*forecast.drained_after} << " after the link is back";
  if (forecast.drained_with_held_back)
    out << ",\n  or " << HumanDuration{*forecast.drained_with_held_back}
        << " if the sources still have what they waited with";
  out << ".\n";
}

// More than any of the paragraphs takes, with the longest name.
using Paragraph = Text<2048>;

}  // namespace

std::string introduction(std::string_view file_name, const RehearseRequest& load) {
  Paragraph out;
  out << ": an outage of " << HumanDuration{load.outage} << ", "
      << Counted{load.rate.events, "event"} << " a " << unit_of(load.rate.per) << " of "
      << HumanSize{load.event_bytes} << ", then a link of "
      << BitsPerSecond{load.link_bits_per_second} << ".\nAssumed: zstd makes them "
      << Hundredths{load.ratio_percent}
      << " times smaller (--ratio). Each channel gets all events, all of its sinks\n"
         "are away, each then has the link for itself, and nothing waits when it begins.\n";
  return std::string(file_name).append(out.text());
}

std::string describe(const NamedChannel& channel, const RehearseRequest& load) {
  const ChannelForecast& forecast = channel.forecast;
  static constexpr const char* policies[] = {"block", "drop_newest", "drop_oldest"};
  bool keeps_up = true;
  for (const NamedSink& sink : channel.sinks)
    keeps_up = keeps_up && sink.forecast.drained_after.has_value();

  Paragraph out;
  out << "\nchannels." << channel.name << " (" << channel.type << ", "
      << policies[static_cast<std::size_t>(forecast.when_full)] << ")\n  An event takes "
      << HumanSize{forecast.record_bytes} << " of memory.";
  if (forecast.disk)
    out << " Most blocks on disk have " << Counted{forecast.disk->block_events, "event"} << " in "
        << HumanSize{forecast.disk->block_bytes} << '.';
  out << '\n';
  say_fill(out, forecast);
  say_loss(out, forecast);
  const bool fills_up = forecast.full_after && forecast.when_full != WhenFull::drop_oldest;
  if (forecast.disk) say_disk(out, *forecast.disk, fills_up, keeps_up);
  std::string text(out.text());
  for (const NamedSink& sink : channel.sinks) {
    out.clear();
    say_sink(out, sink, load);
    text += out.text();
  }
  return text;
}

}  // namespace runnel::agent::rehearse
