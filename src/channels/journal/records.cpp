#include "channels/journal/records.hpp"

#include "base/assert.hpp"

namespace runnel::channels::journal {
namespace {

using pipeline::Record;
using pipeline::record_alignment;
using pipeline::RecordHeader;
using pipeline::RecordKind;

constexpr std::size_t padding_bytes_min = 8;
constexpr std::uint16_t flags_known = RecordHeader::time_since_boot;

// Entries lie one behind the other and fill the list exactly.
bool is_header_list(Bytes rest) {
  while (!rest.empty()) {
    if (rest.size() < pipeline::Headers::entry_overhead) return false;
    const auto key_bytes = static_cast<std::size_t>(rest[0]);
    const std::size_t entry =
        pipeline::Headers::entry_overhead + key_bytes + load<std::uint16_t>(rest.data() + 1);
    if (key_bytes == 0 || entry > rest.size()) return false;
    rest = rest.subspan(entry);
  }
  return true;
}

// Null, or what is wrong with the record at the beginning of `rest`.
const char* wrong_with(Bytes rest) {
  if (rest.size() < padding_bytes_min) return "less than a record is left";
  const auto size = load<std::uint32_t>(rest.data());
  const auto kind = static_cast<RecordKind>(rest[4]);
  if (size % record_alignment != 0 || size < padding_bytes_min) return "a record's size is no size";
  if (size > rest.size()) return "a record is larger than what is left of its block";
  if (kind == RecordKind::padding) return nullptr;
  if (kind != RecordKind::event && kind != RecordKind::gap) return "a record of an unknown kind";
  if (size < sizeof(RecordHeader)) return "a record is smaller than its header";
  const auto header = load<RecordHeader>(rest.data());
  const std::uint64_t content =
      std::uint64_t{sizeof(RecordHeader)} + header.headers_bytes + std::uint64_t{header.body_bytes};
  // Not align_up: the sum may be more than a 32-bit size.
  if (content > size || size - content >= record_alignment)
    return "a record's parts do not fill it";
  if (header.severity > pipeline::Severity::none) return "a record of an unknown severity";
  if ((header.flags & ~flags_known) != 0) return "a record with unknown flags";
  if (kind == RecordKind::gap && (size != pipeline::gap_record_bytes || header.headers_bytes != 0))
    return "a gap record of a wrong size";
  if (!is_header_list(rest.subspan(sizeof(RecordHeader), header.headers_bytes)))
    return "a record's headers do not fit into their list";
  return nullptr;
}

}  // namespace

RecordsFound check_records(Bytes raw) {
  RecordsFound found;
  while (found.wrong_at < raw.size()) {
    const Bytes rest = raw.subspan(found.wrong_at);
    found.wrong = wrong_with(rest);
    if (found.wrong != nullptr) return found;
    const Record record(rest.data());
    if (record.kind() == RecordKind::event) {
      ++found.events;
      found.body_bytes += record.body().size();
    } else if (record.kind() == RecordKind::gap) {
      ++found.gaps;
      found.dropped_events += record.gap().events;
    }
    found.wrong_at += record.size();
  }
  return found;
}

void each_record(Bytes raw, FunctionRef<void(const Record&)> each) {
  for (std::size_t at = 0; at < raw.size();) {
    const Record record(raw.data() + at);
    RUNNEL_ASSERT(record.size() > 0 && record.size() <= raw.size() - at);
    if (record.kind() != RecordKind::padding) each(record);
    at += record.size();
  }
}

}  // namespace runnel::channels::journal
