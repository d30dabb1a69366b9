// `runnel journal export`: the events, as a sink would have written them.
#include <string>
#include <vector>

#include "agent/exit_codes.hpp"
#include "agent/journal_tool/times.hpp"
#include "agent/journal_tool/tool.hpp"
#include "async/scheduler.hpp"
#include "base/text.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/encoder.hpp"

namespace runnel::agent::journal_tool {
namespace {

using pipeline::Encoding;
using pipeline::Event;
using pipeline::Gap;
using pipeline::Record;
using pipeline::RecordKind;
using pipeline::Time;

// A journal knows its sources by number only.
class SourceNames {
 public:
  SourceNames() {
    names_.reserve(count);
    for (std::size_t number = 0; number < count; ++number)
      names_.push_back(concat("source-", number));
    views_.assign(names_.begin(), names_.end());
  }
  std::span<const std::string_view> views() const { return views_; }

 private:
  static constexpr std::size_t count = 1024;
  std::vector<std::string> names_;
  std::vector<std::string_view> views_;
};

class Exporter {
 public:
  Exporter(JournalRequest::Format format, Machine machine)
      : encoding_{.encoding =
                      format == JournalRequest::Format::text ? Encoding::text : Encoding::json,
                  .text_gaps = true},
        machine_(machine),
        scheduler_(machine.reactor),
        clock_(machine.system, scheduler_) {
    make_room(standard_bytes);
  }

  BootClocks& clocks() { return clocks_; }
  std::uint64_t exported_events() const { return exported_events_; }
  std::uint64_t replaced_characters() const {
    return replaced_characters_ + encoder_->replaced_characters();
  }

  // False: nobody takes it any more.
  bool add(const journal::BlockHeader& header, MutableBytes raw) {
    offset_ = clocks_.offset_of(header);
    bool taken = true;
    journal::each_record(raw, [&](const Record& record) { taken = taken && add(record); });
    return taken;
  }
  bool flush() {
    const Bytes plain = encoder_->plain();
    const bool taken = plain.empty() || machine_.console.out(as_text(plain));
    encoder_->clear();
    return taken;
  }

 private:
  static constexpr std::size_t standard_bytes = 256 * 1024;

  // Where the boot's clock is not known, time counts from 1970: nobody takes that for a date.
  Time wall(Time time) const {
    if (!time.since_boot) return time;
    return {static_cast<std::int64_t>(static_cast<std::uint64_t>(time.ns) +
                                      static_cast<std::uint64_t>(offset_.value_or(0))),
            false};
  }

  bool add(const Record& record) {
    if (record.kind() == RecordKind::gap) {
      Gap gap = record.gap();
      gap.first = wall(gap.first);
      gap.last = wall(gap.last);
      return put(pipeline::gap_record_bytes,
                 [&](std::byte* at, std::size_t) { pipeline::write_gap(at, gap); });
    }
    ++exported_events_;
    Event event{wall(record.time()), record.source(), record.severity(), record.headers(), {},
                record.body()};
    std::byte mark[32];
    pipeline::HeaderWriter marking(mark);
    // A list that is full to the last byte goes without.
    if (record.time().since_boot && !offset_ &&
        record.headers().encoded().size() + sizeof(mark) <= pipeline::Headers::bytes_max) {
      marking.add("clock", "since boot");
      event.headers = marking.headers();
    }
    return put(pipeline::record_bytes(event),
               [&](std::byte* at, std::size_t size) { pipeline::write_record(at, event, size); });
  }

  // The encoder reads records; these have their times set right.
  template <class Write>
  bool put(std::size_t bytes, Write&& write) {
    if (record_.size() < bytes) record_.resize(bytes);
    write(record_.data(), bytes);
    const Record record(record_.data());
    if (encoder_->add(record)) return true;
    if (!flush()) return false;
    if (encoder_->add(record)) return true;
    make_room(pipeline::encoded_bytes_max(encoding_, bytes));
    const bool added = encoder_->add(record);
    RUNNEL_ASSERT(added);
    return true;
  }

  void make_room(std::size_t bytes) {
    if (encoder_) replaced_characters_ += encoder_->replaced_characters();
    buffer_.resize(bytes);
    encoder_.emplace(encoding_, MutableBytes(buffer_), std::span<std::uint32_t>(), names_.views(),
                     clock_);
  }

  pipeline::EncodingSettings encoding_;
  Machine machine_;
  async::Scheduler scheduler_;
  pipeline::Clock clock_;
  SourceNames names_;
  BootClocks clocks_;
  std::optional<std::int64_t> offset_;
  std::vector<std::byte> buffer_;
  std::vector<std::byte> record_;
  std::optional<pipeline::Encoder> encoder_;
  std::uint64_t exported_events_ = 0;
  std::uint64_t replaced_characters_ = 0;
};

}  // namespace

int export_events(const JournalRequest& request, JournalReader& reader, Machine machine) {
  Exporter exporter(request.format, machine);
  // Once for the clocks alone: a block may tell the time of those before it.
  Progress looking(machine, reader, "looked through");
  for (const FoundBlock* block = reader.next(); block != nullptr; block = reader.next()) {
    exporter.clocks().learn(block->header);
    looking.step();
  }
  reader.rewind();
  Progress progress(machine, reader, "exported");
  bool taken = true;
  for (const FoundBlock* block = reader.next(); block != nullptr && taken; block = reader.next()) {
    if (block->header.sequence < request.from || block->header.sequence > request.until) continue;
    const auto raw = reader.unpack();
    if (raw) taken = exporter.add(block->header, *raw);
    progress.step();
  }
  if (!taken || !exporter.flush())
    return complain(machine, {"standard output: nobody takes it any more", exit_codes::io});
  std::string summary = concat(request.path, ": ", exporter.exported_events(), " events exported");
  if (exporter.replaced_characters() != 0)
    summary += concat("; ", exporter.replaced_characters(), " characters were not UTF-8");
  if (is_damaged(reader)) summary += concat("; ", what_is_missing(reader));
  machine.console.say(summary);
  return is_damaged(reader) ? exit_codes::damaged : exit_codes::ok;
}

}  // namespace runnel::agent::journal_tool
