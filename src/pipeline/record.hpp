// A record: an event as it lies in a channel's ring. 8-aligned, little-endian, never wrapped, so
// that a reader hands contiguous bytes to whatever comes next.
//
//   0   u32 size         the whole record, a multiple of 8
//   4   u8  kind         1 event, 2 padding to the end of the ring, 3 gap
//   5   u8  severity     RFC 5424, 8 = none
//   6   u16 flags        bit 0: the time counts from boot
//   8   u32 body bytes
//   12  u16 headers bytes
//   14  u16 source
//   16  i64 time         nanoseconds
//   24  headers, then body, then zero to seven bytes of nothing
//
// Padding has only its first 8 bytes. A gap's body is a `Gap` in that order of fields.
// Body "hi" from source 1 at boot + 5 ns, no headers:
//   20 00 00 00 01 08 01 00 02 00 00 00 00 00 01 00 05 00 00 00 00 00 00 00 68 69 ..
#pragma once

#include <new>

#include "base/assert.hpp"
#include "pipeline/event.hpp"

namespace runnel::pipeline {

// Events that a channel had to drop, so that a receiver can account for every one.
struct Gap {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;  // of bodies
  Time first;
  Time last;

  bool empty() const { return events == 0; }
  void add(const Gap& other);
};

enum class RecordKind : std::uint8_t { event = 1, padding = 2, gap = 3 };

struct RecordHeader {
  static constexpr std::uint16_t time_since_boot = 1;

  std::uint32_t size;
  RecordKind kind;
  Severity severity;
  std::uint16_t flags;
  std::uint32_t body_bytes;
  std::uint16_t headers_bytes;
  std::uint16_t source;
  std::int64_t time_ns;
};
static_assert(sizeof(RecordHeader) == 24 && alignof(RecordHeader) == 8);

inline constexpr std::uint32_t record_alignment = 8;
inline constexpr std::size_t record_bytes(std::size_t headers, std::size_t body) {
  return align_up(sizeof(RecordHeader) + headers + body, record_alignment);
}
inline std::size_t record_bytes(const Event& event) {
  return record_bytes(event.context.encoded().size() + event.headers.encoded().size(),
                      event.body.size());
}

// A record seen in place. Valid while the batch it came from keeps its place in the ring.
class Record {
 public:
  explicit Record(const std::byte* at) : at_(at) {}
  std::uint32_t size() const { return header().size; }
  RecordKind kind() const { return header().kind; }
  Severity severity() const { return header().severity; }
  std::uint16_t source() const { return header().source; }
  Time time() const {
    return {header().time_ns, (header().flags & RecordHeader::time_since_boot) != 0};
  }
  Headers headers() const {
    return Headers(Bytes(at_ + sizeof(RecordHeader), header().headers_bytes));
  }
  Bytes body() const {
    return {at_ + sizeof(RecordHeader) + header().headers_bytes, header().body_bytes};
  }
  Gap gap() const;  // of a gap record

 private:
  // The ring is 8-aligned and so is every record in it; the bytes were stored by `write_record`.
  const RecordHeader& header() const {
    return *static_cast<const RecordHeader*>(static_cast<const void*>(at_));
  }
  const std::byte* at_;
};

// `size` is record_bytes(event), and there is room for it.
[[gnu::always_inline]] inline void write_record(std::byte* at, const Event& event,
                                                std::size_t size) {
  RUNNEL_ASSERT(size % record_alignment == 0 && size <= UINT32_MAX);
  const Bytes context = event.context.encoded();
  const Bytes own = event.headers.encoded();
  RUNNEL_ASSERT(context.size() + own.size() <= Headers::bytes_max);
  // The last bytes go to disk in a journal: never what the ring held before. First, because most of
  // them are about to be written over.
  store(at + size - record_alignment, std::uint64_t{0});
  new (at) RecordHeader{static_cast<std::uint32_t>(size),
                        RecordKind::event,
                        event.severity,
                        event.time.since_boot ? RecordHeader::time_since_boot : std::uint16_t{0},
                        static_cast<std::uint32_t>(event.body.size()),
                        static_cast<std::uint16_t>(context.size() + own.size()),
                        event.source,
                        event.time.ns};
  put_bytes(put_bytes(put_bytes(at + sizeof(RecordHeader), context), own), event.body);
}
void write_padding(std::byte* at, std::size_t size);
inline constexpr std::size_t gap_record_bytes = record_bytes(0, 40);
void write_gap(std::byte* at, const Gap& gap);

}  // namespace runnel::pipeline
