#include "pipeline/record.hpp"

namespace runnel::pipeline {
namespace {

std::uint16_t flags_of(Time time) { return time.since_boot ? RecordHeader::time_since_boot : 0; }

}  // namespace

void Gap::add(const Gap& other) {
  if (other.empty()) return;
  if (empty()) first = other.first;
  last = other.last;
  events += other.events;
  bytes += other.bytes;
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
