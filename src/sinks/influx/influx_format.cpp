#include "sinks/influx/influx_format.hpp"

#include "base/fnv.hpp"
#include "pipeline/event_json.hpp"
#include "sinks/influx/line_protocol.hpp"

namespace runnel::sinks {

using pipeline::EncodedEvent;

namespace {

std::uint64_t write_tag(TextWriter& out, std::string_view name, std::string_view value) {
  if (value.empty()) return 0;  // there is no such thing
  out << ',';
  std::uint64_t replaced = write_escaped(out, LinePosition::tag, as_bytes(name));
  out << '=';
  replaced += write_escaped(out, LinePosition::tag, as_bytes(value));
  return replaced;
}

}  // namespace

std::int64_t SeriesTimes::next(std::uint64_t series, std::int64_t time) const {
  const Last& last = lasts_[series % series_max];
  const bool had = last.series == series && last.first <= last.last &&
                   last.first - moved_ns_max <= time && time <= last.last;
  return had ? last.last + 1 : time;
}

void SeriesTimes::keep(std::uint64_t series, std::int64_t asked, std::int64_t given) {
  Last& last = lasts_[series % series_max];
  if (given == asked) last = {series, asked, given};
  last.last = given;
}

std::size_t InfluxFormat::event_bytes_max(std::size_t record_bytes) const {
  // Names of fields and tags, the source's, and the time.
  constexpr std::size_t frame_bytes = 1024;
  std::size_t names = 0;
  for (const std::string& name : settings_.tag_headers) names += escaped_bytes_max(name.size()) + 2;
  return settings_.measurement.size() + settings_.tags.size() + names +
         escaped_bytes_max(record_bytes) + frame_bytes;
}

std::optional<std::size_t> InfluxFormat::event(const EncodedEvent& event, MutableBytes into) const {
  TextWriter out{std::span<char>(reinterpret_cast<char*>(into.data()), into.size())};
  std::uint64_t replaced = 0;
  out << settings_.measurement << settings_.tags;
  replaced += write_tag(out, "source", event.source);
  if (event.record.severity() != pipeline::Severity::none)
    write_tag(out, "severity", pipeline::severity_text(event.record.severity()));
  for (const std::string& name : settings_.tag_headers)
    replaced += write_tag(out, name, event.record.headers().find(name).value_or(""));
  const std::uint64_t series = Fnv().add(out.text()).value();
  out << " message=\"";
  replaced += write_escaped(out, LinePosition::string_field, event.record.body());
  const std::int64_t asked = event.time.time_since_epoch().count();
  const std::int64_t time = times_.next(series, asked);
  out << "\" " << time << '\n';
  if (out.cut()) return std::nullopt;
  times_.keep(series, asked, time);
  if (event.replaced != nullptr) *event.replaced += replaced;
  return out.size();
}

}  // namespace runnel::sinks
