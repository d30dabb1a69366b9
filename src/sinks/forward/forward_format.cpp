#include "sinks/forward/forward_format.hpp"

#include "codec/forward.hpp"
#include "codec/syslog.hpp"

namespace runnel::sinks {
namespace {

constexpr std::string_view clock_key = "clock";

std::string encoded(std::string_view name) {
  std::byte memory[codec::MsgpackWriter::head_bytes_max + ForwardKeys::bytes_max];
  codec::MsgpackWriter out(memory);
  out.string(name);
  RUNNEL_ASSERT(!out.overflowed());
  return std::string(as_text(out.bytes()));
}

}  // namespace

ForwardFormat::ForwardFormat(ForwardKeys keys)
    : keys_(std::move(keys)), source_(encoded(keys_.source)), message_(encoded(keys_.message)) {}

std::size_t ForwardFormat::event_bytes_max(std::size_t record_bytes) const {
  // Time, three names, the name of the source, severity, clock, and the heads of all of them.
  constexpr std::size_t frame = 512;
  static_assert(frame > 3 * ForwardKeys::bytes_max + 128 + codec::forward_time_bytes + 128);
  // A header has 3 bytes around it in a record and at most 5 here, where key and value are long.
  return frame + record_bytes + record_bytes / 16;
}

std::optional<std::size_t> ForwardFormat::event(const pipeline::EncodedEvent& event,
                                                MutableBytes into) const {
  codec::MsgpackWriter out(into);
  const pipeline::Record& record = event.record;
  out.array(2);
  codec::write_forward_time(out, event.time);
  out.map(count_entries(event));
  if (keys_.headers && !record.headers().empty()) {
    record.headers().each([&](std::string_view key, std::string_view value) {
      if (is_ours(key, event)) return;
      out.string(key);
      out.string(value);
    });
  }
  if (!event.clock_known) {
    out.string(clock_key);
    out.string("since boot");
  }
  if (!keys_.source.empty()) {
    out.encoded(as_bytes(source_));
    out.string(event.source);
  }
  if (!keys_.severity.empty() && record.severity() != pipeline::Severity::none) {
    out.string(keys_.severity);
    out.string(codec::severity_name(static_cast<std::uint8_t>(record.severity())));
  }
  out.encoded(as_bytes(message_));
  out.string(record.body());
  if (out.overflowed()) return std::nullopt;
  return out.size();
}

// A map has no name twice: ours are worth more than what somebody sent.
bool ForwardFormat::is_ours(std::string_view key, const pipeline::EncodedEvent& event) const {
  return key == keys_.message || key == keys_.source ||
         (key == keys_.severity && event.record.severity() != pipeline::Severity::none) ||
         (key == clock_key && !event.clock_known);
}

std::size_t ForwardFormat::count_entries(const pipeline::EncodedEvent& event) const {
  std::size_t count = 1;
  if (!event.clock_known) ++count;
  if (!keys_.source.empty()) ++count;
  if (!keys_.severity.empty() && event.record.severity() != pipeline::Severity::none) ++count;
  if (!keys_.headers) return count;
  event.record.headers().each(
      [&](std::string_view key, std::string_view) { count += is_ours(key, event) ? 0u : 1u; });
  return count;
}

}  // namespace runnel::sinks
