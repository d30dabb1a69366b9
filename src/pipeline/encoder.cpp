#include "pipeline/encoder.hpp"

#include <cstring>

#include "codec/json.hpp"
#include "codec/syslog.hpp"

namespace runnel::pipeline {

std::size_t encoded_bytes_max(Encoding encoding, std::size_t record_bytes) {
  // Time, source name and the keys of the object.
  constexpr std::size_t frame_of_json = 512;
  switch (encoding) {
    case Encoding::none:
      return 0;
    case Encoding::text:
      return record_bytes + 64;
    case Encoding::json:
      return frame_of_json + codec::json_string_bytes_max(record_bytes);
  }
  return 0;
}

bool Encoder::add(const Record& record) {
  if (record.kind() == RecordKind::gap) {
    const Gap gap = record.gap();
    return add(gap, wall_time(gap.first), wall_time(gap.last));
  }
  bool added = true;
  switch (encoding_) {
    case Encoding::none:
      break;
    case Encoding::text:
      added = add_text(record.body());
      break;
    case Encoding::json:
      added = add_json(record);
      break;
  }
  if (added) visited_bytes_ += record.body().size();
  return added;
}

// Dropped by this process, so its clock is right.
bool Encoder::add(const Gap& gap) { return add(gap, clock_.at(gap.first), clock_.at(gap.last)); }

bool Encoder::add(const Gap& gap, WallTime from, WallTime to) {
  if (gap.empty()) return true;
  if (encoding_ == Encoding::json) return add_json(gap, from, to);
  if (encoding_ == Encoding::none || !text_gaps_) return true;
  const Text<64> line("[runnel: ", gap.events, " events dropped]");
  return add_text(as_bytes(line.text()));
}

bool Encoder::add_text(Bytes body) {
  if (buffer_.size() - size_ < body.size() + 1) return false;
  std::byte* at = buffer_.data() + size_;
  if (!body.empty()) std::memcpy(at, body.data(), body.size());
  at[body.size()] = std::byte{'\n'};
  size_ += body.size() + 1;
  return true;
}

bool Encoder::is_known(Time time) const {
  if (!time.since_boot) return true;
  return block_.foreign ? block_.clock_offset_ns != Block::clock_not_set : clock_.is_set();
}

WallTime Encoder::wall_time(Time time) const {
  if (!is_known(time)) return WallTime(Duration(time.ns));
  if (time.since_boot && block_.foreign)
    return WallTime(Duration(time.ns + block_.clock_offset_ns));
  return clock_.at(time);
}

bool Encoder::add_json(const Record& record) {
  codec::JsonWriter json(buffer_.subspan(size_));
  json.begin_object();
  json.key("time");
  json.string(rfc3339_.text(wall_time(record.time())));
  json.key("source");
  json.string(record.source() < sources_.size() ? sources_[record.source()] : "unknown");
  if (record.severity() != Severity::none) {
    json.key("severity");
    json.string(codec::severity_name(static_cast<std::uint8_t>(record.severity())));
  }
  const bool clock_unknown = !is_known(record.time());
  if (!record.headers().empty() || clock_unknown) {
    json.key("headers");
    json.begin_object();
    if (clock_unknown) {
      json.key("clock");
      json.string("since boot");
    }
    record.headers().each([&](std::string_view key, std::string_view value) {
      json.key(key);
      json.string(value);
    });
    json.end_object();
  }
  json.key("body");
  json.string(record.body());
  json.end_object();
  json.newline();
  if (json.overflowed()) return false;
  size_ += json.size();
  replaced_characters_ += json.replaced();
  return true;
}

bool Encoder::add_json(const Gap& gap, WallTime from, WallTime to) {
  codec::JsonWriter json(buffer_.subspan(size_));
  json.begin_object();
  json.key("gap");
  json.begin_object();
  json.key("events");
  json.number(gap.events);
  json.key("bytes");
  json.number(gap.bytes);
  json.key("from");
  json.string(rfc3339_.text(from));
  json.key("to");
  json.string(rfc3339_.text(to));
  json.end_object();
  json.end_object();
  json.newline();
  if (json.overflowed()) return false;
  size_ += json.size();
  return true;
}

}  // namespace runnel::pipeline
