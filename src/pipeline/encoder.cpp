#include "pipeline/encoder.hpp"

#include <cstring>

#include "pipeline/event_json.hpp"

namespace runnel::pipeline {

namespace {

constexpr std::size_t octet_count_bytes_max = 11;  // "4294967295 "

}  // namespace

std::size_t encoded_bytes_max(const EncodingSettings& settings, std::size_t record_bytes) {
  const std::size_t count = settings.octet_counted ? octet_count_bytes_max : 0;
  switch (settings.encoding) {
    case Encoding::none:
      return 0;
    case Encoding::text:
      return record_bytes + 64 + count;
    case Encoding::json:
      return event_json_bytes_max(record_bytes) + count + (settings.json_array ? 1 : 0);
    case Encoding::custom:
      return settings.format->head_bytes_max() + settings.format->event_bytes_max(record_bytes) +
             RecordFormat::mark_bytes_max + count;
  }
  return 0;
}

bool Encoder::add(const Record& record) {
  if (record.kind() == RecordKind::gap) {
    const Gap gap = record.gap();
    ++number_;
    return add(gap, wall_time(gap.first), wall_time(gap.last));
  }
  const std::size_t begin = size_;
  bool added = true;
  switch (settings_.encoding) {
    case Encoding::none:
      break;
    case Encoding::text:
      added = add_text(record.body());
      break;
    case Encoding::json:
      added = add_json(record);
      break;
    case Encoding::custom:
      added = add_custom(record);
      break;
  }
  if (added && !as_it_is_) added = finish_event(begin);
  if (added) visited_bytes_ += record.body().size();
  return added;
}

bool Encoder::frame_line(std::size_t begin) {
  if (settings_.octet_counted) return count_octets(begin);
  if (settings_.json_array) return place_in_array(begin);
  return true;
}

bool Encoder::finish_event(std::size_t begin) {
  if (!frame_line(begin)) return false;
  if (ends_.empty()) return true;
  RUNNEL_ASSERT(end_count_ < ends_.size());
  ends_[end_count_++] = static_cast<std::uint32_t>(size_);
  return true;
}

bool Encoder::write(Bytes bytes) {
  if (buffer_.size() - size_ < bytes.size()) return false;
  put_bytes(buffer_.data() + size_, bytes);
  size_ += bytes.size();
  return true;
}

// What was written since `begin` is a line: the count in front of it takes the place of its end.
bool Encoder::count_octets(std::size_t begin) {
  const std::size_t bytes = size_ - 1 - begin;
  const Text<16> count(bytes, ' ');
  const std::size_t moved = begin + count.size();
  size_ = begin;
  if (buffer_.size() - begin < count.size() + bytes) return false;
  std::memmove(buffer_.data() + moved, buffer_.data() + begin, bytes);
  std::memcpy(buffer_.data() + begin, count.text().data(), count.size());
  size_ = moved + bytes;
  return true;
}

// What was written since `begin` is a line: its end becomes the comma, and the first of all gets
// the bracket in front.
bool Encoder::place_in_array(std::size_t begin) {
  if (begin == begun_) {
    if (size_ == buffer_.size()) {
      size_ = begin;
      return false;
    }
    std::memmove(buffer_.data() + begin + 1, buffer_.data() + begin, size_ - begin);
    buffer_[begin] = std::byte{'['};
    ++size_;
  }
  buffer_[size_ - 1] = std::byte{','};
  return true;
}

bool Encoder::add_custom(const Record& record) {
  const RecordFormat& format = *settings_.format;
  std::uint64_t replaced = 0, cut = 0;
  EncodedEvent event = event_of(record);
  event.batch = &batch_;
  event.number = number_;
  event.replaced = &replaced;
  event.cut = &cut;
  const std::size_t begin = size_;
  const bool first = begin == begun_;
  // Invariant: there is always room for the tail, and for the count in front of a line.
  const std::size_t count_bytes = settings_.octet_counted ? octet_count_bytes_max : 0;
  const auto room = [&] {
    const std::size_t kept = size_ + format.tail().size() + count_bytes;
    return kept >= buffer_.size() ? MutableBytes() : buffer_.subspan(size_, buffer_.size() - kept);
  };
  std::optional<std::size_t> written = 0;
  if (first) {
    written = format.head(event, room());
    head_bytes_ = written.value_or(0);
    size_ += head_bytes_;
  } else if (!format.separator().empty()) {
    if (room().size() < format.separator().size()) return false;
    write(as_bytes(format.separator()));
  }
  if (written) written = format.event(event, room());
  if (!written) {
    size_ = begin;
    return false;
  }
  size_ += *written;
  ++number_;
  replaced_characters_ += replaced;
  cut_events_ += cut;
  return true;
}

void Encoder::finish(std::size_t begin) {
  if (settings_.encoding == Encoding::custom && size_ > begin) {
    const bool fits = write(as_bytes(settings_.format->tail()));
    RUNNEL_ASSERT(fits);
  }
  if (settings_.json_array && size_ > begin) buffer_[size_ - 1] = std::byte{']'};
  begun_ = size_;
}

// Dropped by this process, so its clock is right.
bool Encoder::add(const Gap& gap) { return add(gap, clock_.at(gap.first), clock_.at(gap.last)); }

bool Encoder::add(const Gap& gap, WallTime from, WallTime to) {
  if (gap.empty()) return true;
  const std::size_t begin = size_;
  bool added = true;
  if (settings_.encoding == Encoding::json) {
    added = add_json(gap, from, to);
  } else if (settings_.encoding == Encoding::text && settings_.text_gaps) {
    const Text<64> line("[runnel: ", gap.events, " events dropped]");
    added = add_text(as_bytes(line.text()));
  }
  if (added && size_ > begin) added = frame_line(begin);
  return added;
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
  if (forgets_clock_) return false;
  return block_.foreign ? block_.clock_offset_ns != Block::clock_not_set : clock_.is_set();
}

WallTime Encoder::wall_time(Time time) const {
  if (!is_known(time)) return WallTime(Duration(time.ns));
  if (time.since_boot && block_.foreign)
    return WallTime(Duration(time.ns + block_.clock_offset_ns));
  return clock_.at(time);
}

EncodedEvent Encoder::event_of(const Record& record) const {
  return {record, wall_time(record.time()), is_known(record.time()),
          record.source() < sources_.size() ? sources_[record.source()] : "unknown"};
}

bool Encoder::add_json(const Record& record) {
  codec::JsonWriter json(buffer_.subspan(size_));
  write_event_json(json, event_of(record), rfc3339_);
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
