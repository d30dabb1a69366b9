#include "sources/syslog/syslog_events.hpp"

#include <algorithm>

#include "sources/listening/plain_events.hpp"

namespace runnel::sources {
namespace {

using codec::SyslogMessage;
using pipeline::Headers;
using pipeline::HeaderWriter;

constexpr std::size_t priorities_count = 24 * 8;

std::size_t structured_data_max(const SyslogEventSettings& settings) {
  return std::min(settings.event_bytes_max, SyslogEvents::structured_data_bytes_max);
}

// What ended the message on its way is not part of it.
Bytes without_terminators(Bytes bytes) {
  while (!bytes.empty() && (bytes.back() == std::byte{'\n'} || bytes.back() == std::byte{'\r'} ||
                            bytes.back() == std::byte{}))
    bytes = bytes.first(bytes.size() - 1);
  return bytes;
}

}  // namespace

std::size_t SyslogEvents::headers_bytes_max(const SyslogEventSettings& settings) {
  // host, app, procid, msgid; then priority, timestamp, structured_data's own name, and marks.
  constexpr std::size_t fields = 4 * (Headers::entry_overhead + 6 + codec::syslog_field_bytes_max);
  constexpr std::size_t others = 256;
  return fields + others + structured_data_max(settings);
}

SyslogEventMemory SyslogEvents::carve(Region& region, const SyslogEventSettings& settings) {
  SyslogEventMemory memory;
  memory.scratch = region.bytes(headers_bytes_max(settings), "headers of one message");
  memory.priorities = region.array<PriorityHeader>(priorities_count, "headers of priorities");
  return memory;
}

SyslogEvents::SyslogEvents(pipeline::SourceCounters& counters, const SyslogEventSettings& settings,
                           const SyslogEventMemory& memory)
    : counters_(counters), settings_(settings), memory_(memory) {
  for (std::size_t priority = 0; priority < priorities_count; ++priority) {
    PriorityHeader& header = memory_.priorities[priority];
    HeaderWriter writer(header.encoded);
    writer.add("facility", codec::facility_name(static_cast<std::uint8_t>(priority / 8)));
    writer.add("severity", codec::severity_name(static_cast<std::uint8_t>(priority % 8)));
    RUNNEL_ASSERT(!writer.cut());
    header.size = static_cast<std::uint8_t>(writer.headers().encoded().size());
  }
}

pipeline::Event SyslogEvents::make(const RawEvent& raw) {
  const SyslogMessage message = reader_.read(raw.bytes);
  malformed_ = !message.parsed;
  pipeline::Event event;
  event.time = message.has_time ? pipeline::Time::stated(wall_from_ns(message.time_ns))
                                : pipeline::Time::arrived(raw.arrived);
  event.body = message.message;
  HeaderWriter headers(memory_.scratch);
  if (message.parsed) {
    event.severity = static_cast<pipeline::Severity>(message.severity);
    const bool fits = message.structured_data.size() <= structured_data_bytes_max;
    if (settings_.body == SyslogBody::raw || !fits) event.body = without_terminators(raw.bytes);
    if (settings_.headers) write_fields(message, headers);
  } else {
    event.body = without_terminators(raw.bytes);
    headers.add("malformed", "true");
  }
  if (settings_.headers) event.context = raw.context;
  if (raw.is_cut()) add_cut_header(headers, raw);
  event.headers = headers.headers();
  RUNNEL_ASSERT(!headers.cut());
  return event;
}

// RFC 3339 in UTC with microseconds, which is how most who write RFC 5424 write it already.
std::string_view SyslogEvents::timestamp(const SyslogMessage& message) {
  constexpr std::string_view sample = "2026-11-22T11:42:18.123456Z";
  if (message.time.size() == sample.size() && message.time.back() == 'Z') return message.time;
  return rfc3339_.text(wall_from_ns(message.time_ns));
}

void SyslogEvents::write_fields(const SyslogMessage& message, HeaderWriter& headers) {
  const PriorityHeader& priority =
      memory_.priorities[std::size_t{message.facility} * 8 + message.severity];
  headers.add_encoded({priority.encoded.data(), priority.size});
  if (message.has_time) headers.add("timestamp", timestamp(message));
  if (!message.host.empty()) headers.add("host", message.host);
  if (!message.app.empty()) headers.add("app", message.app);
  if (!message.procid.empty()) headers.add("procid", message.procid);
  if (!message.msgid.empty()) headers.add("msgid", message.msgid);
  const std::string_view data = message.structured_data;
  if (!data.empty() && data.size() <= structured_data_bytes_max)
    headers.add("structured_data", data);
}

}  // namespace runnel::sources
