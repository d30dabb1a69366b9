#include "pipeline/record.hpp"

namespace runnel::pipeline {
namespace {

std::uint16_t flags_of(Time time) { return time.since_boot ? RecordHeader::time_since_boot : 0; }

std::byte* put(std::byte* at, Bytes bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

}  // namespace

void Gap::add(const Gap& other) {
  if (other.empty()) return;
  if (empty()) first = other.first;
  last = other.last;
  events += other.events;
  bytes += other.bytes;
}

void write_record(std::byte* at, const Event& event, std::size_t size) {
  RUNNEL_ASSERT(size % record_alignment == 0 && size <= UINT32_MAX);
  const Bytes context = event.context.encoded();
  const Bytes own = event.headers.encoded();
  RUNNEL_ASSERT(context.size() + own.size() <= Headers::bytes_max);
  new (at) RecordHeader{static_cast<std::uint32_t>(size),
                        RecordKind::event,
                        event.severity,
                        flags_of(event.time),
                        static_cast<std::uint32_t>(event.body.size()),
                        static_cast<std::uint16_t>(context.size() + own.size()),
                        event.source,
                        event.time.ns};
  std::byte* end = put(put(put(at + sizeof(RecordHeader), context), own), event.body);
  // The last bytes go to disk in a journal: never what the ring held before.
  while (end < at + size) *end++ = std::byte{};
}

void write_padding(std::byte* at, std::size_t size) {
  RUNNEL_ASSERT(size >= 8 && size % record_alignment == 0);
  store(at, static_cast<std::uint32_t>(size));
  store(at + 4, static_cast<std::uint32_t>(RecordKind::padding));
}

void write_gap(std::byte* at, const Gap& gap) {
  std::byte* body = at + sizeof(RecordHeader);
  new (at) RecordHeader{static_cast<std::uint32_t>(gap_record_bytes),
                        RecordKind::gap,
                        Severity::none,
                        flags_of(gap.first),
                        40,
                        0,
                        0,
                        gap.first.ns};
  store(body, gap.events);
  store(body + 8, gap.bytes);
  store(body + 16, gap.first.ns);
  store(body + 24, gap.last.ns);
  store(body + 32, std::uint64_t{flags_of(gap.first)} | std::uint64_t{flags_of(gap.last)} << 1);
}

Gap Record::gap() const {
  const std::byte* from = body().data();
  const auto flags = load<std::uint64_t>(from + 32);
  return {load<std::uint64_t>(from),
          load<std::uint64_t>(from + 8),
          {load<std::int64_t>(from + 16), (flags & 1) != 0},
          {load<std::int64_t>(from + 24), (flags & 2) != 0}};
}

}  // namespace runnel::pipeline
