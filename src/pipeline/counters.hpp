// What components count. Plain numbers of one thread; the names are those of the metrics
// (`runnel_component_<name>_total`) and of the summary. Each kind lists its counters once, in a
// table, so that whoever shows them cannot forget one.
#pragma once

#include <cstdint>
#include <string_view>

namespace runnel::pipeline {

template <class Counters>
struct CounterName {
  std::string_view name;
  std::uint64_t Counters::* value;
  std::string_view meaning;
};

struct SourceCounters {
  std::uint64_t received_events = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t cut_events = 0;
  std::uint64_t malformed_events = 0;
  std::uint64_t rejected_events = 0;
  std::uint64_t kernel_dropped_events = 0;
  std::uint64_t accepted_connections = 0;
  std::uint64_t refused_connections = 0;
  std::uint64_t broken_connections = 0;
  std::uint64_t failed_handshakes = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t syncs = 0;
  std::uint64_t errors = 0;
};
inline constexpr CounterName<SourceCounters> source_counter_names[] = {
    {"received_events", &SourceCounters::received_events, "events put into the channels"},
    {"received_bytes", &SourceCounters::received_bytes, "bytes of their bodies"},
    {"cut_events", &SourceCounters::cut_events, "events cut at event_bytes_max"},
    {"malformed_events", &SourceCounters::malformed_events, "events kept whole but not understood"},
    {"rejected_events", &SourceCounters::rejected_events, "events too large for the channel"},
    {"kernel_dropped_events", &SourceCounters::kernel_dropped_events,
     "datagrams the kernel dropped before they could be read"},
    {"accepted_connections", &SourceCounters::accepted_connections, "connections accepted"},
    {"refused_connections", &SourceCounters::refused_connections,
     "connections closed because connections_max was reached"},
    {"broken_connections", &SourceCounters::broken_connections,
     "connections closed because of an error or bad framing"},
    {"failed_handshakes", &SourceCounters::failed_handshakes,
     "connections closed because they came to no TLS"},
    {"written_bytes", &SourceCounters::written_bytes, "bytes written to disk: checkpoints"},
    {"syncs", &SourceCounters::syncs, "times that they were made durable"},
    {"errors", &SourceCounters::errors, "failed operations"},
};

struct ChannelCounters {
  std::uint64_t put_events = 0;
  std::uint64_t put_bytes = 0;
  std::uint64_t dropped_events = 0;
  std::uint64_t dropped_bytes = 0;
  // Of the store below it: what it does to the disk.
  std::uint64_t stored_events = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t syncs = 0;
  std::uint64_t loaded_events = 0;
  std::uint64_t damaged_events = 0;
  std::uint64_t stretched_syncs = 0;
  std::uint64_t withheld_writes = 0;
  std::uint64_t errors = 0;
};
inline constexpr CounterName<ChannelCounters> channel_counter_names[] = {
    {"put_events", &ChannelCounters::put_events, "events put"},
    {"put_bytes", &ChannelCounters::put_bytes, "bytes of their bodies"},
    {"dropped_events", &ChannelCounters::dropped_events, "events dropped because it was full"},
    {"dropped_bytes", &ChannelCounters::dropped_bytes, "bytes of their bodies"},
    {"stored_events", &ChannelCounters::stored_events, "events written to disk"},
    {"written_bytes", &ChannelCounters::written_bytes, "bytes written to disk, all told"},
    {"syncs", &ChannelCounters::syncs, "times that data was made durable"},
    {"loaded_events", &ChannelCounters::loaded_events, "events read back from disk"},
    {"damaged_events", &ChannelCounters::damaged_events, "events that the disk did not give back"},
    {"stretched_syncs", &ChannelCounters::stretched_syncs,
     "syncs put off because of max_bytes_written_per_day"},
    {"withheld_writes", &ChannelCounters::withheld_writes,
     "times that max_bytes_written_per_day was used up"},
    {"errors", &ChannelCounters::errors, "failed operations"},
};

struct SinkCounters {
  std::uint64_t sent_events = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t plain_bytes = 0;
  std::uint64_t sent_batches = 0;
  std::uint64_t gap_events = 0;
  std::uint64_t refused_events = 0;
  std::uint64_t dead_letter_events = 0;
  std::uint64_t dead_letter_lost_events = 0;
  std::uint64_t dead_letter_dropped_events = 0;
  std::uint64_t wire_bytes = 0;
  std::uint64_t connections = 0;
  std::uint64_t retries = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t syncs = 0;
  std::uint64_t replaced_characters = 0;
  std::uint64_t cut_events = 0;
};
inline constexpr CounterName<SinkCounters> sink_counter_names[] = {
    {"sent_events", &SinkCounters::sent_events, "events the destination has taken"},
    {"sent_bytes", &SinkCounters::sent_bytes, "bytes written or sent, after compression"},
    {"plain_bytes", &SinkCounters::plain_bytes, "bytes before compression"},
    {"sent_batches", &SinkCounters::sent_batches, "batches the destination has taken"},
    {"gap_events", &SinkCounters::gap_events, "events reported as dropped by the channel"},
    {"refused_events", &SinkCounters::refused_events,
     "events the destination has refused for good"},
    {"dead_letter_events", &SinkCounters::dead_letter_events,
     "of those, events kept as dead letters"},
    {"dead_letter_lost_events", &SinkCounters::dead_letter_lost_events,
     "of those, events that could not be kept: lost"},
    {"dead_letter_dropped_events", &SinkCounters::dead_letter_dropped_events,
     "the oldest dead letters, given up because their file was full: lost"},
    {"wire_bytes", &SinkCounters::wire_bytes,
     "bytes sent over the network, whatever became of them"},
    {"connections", &SinkCounters::connections, "connections made"},
    {"retries", &SinkCounters::retries, "deliveries tried again"},
    {"written_bytes", &SinkCounters::written_bytes, "bytes written to disk"},
    {"syncs", &SinkCounters::syncs, "times that data was made durable"},
    {"replaced_characters", &SinkCounters::replaced_characters,
     "invalid UTF-8 sequences written as U+FFFD"},
    {"cut_events", &SinkCounters::cut_events,
     "events that were longer than the destination takes, and cut"},
};

}  // namespace runnel::pipeline
