// How a batch becomes frames. No co_await from its first record to the last.
#include <algorithm>

#include "base/log.hpp"
#include "pipeline/sink_runner.hpp"

namespace runnel::pipeline {

void SinkRunner::encode(Batch& batch) {
  encoder_.comes_from(batch.block(), origin_of(batch), batch.first_record());
  encoder_.forget_clock(false);
  is_taken_again_ = batch.is_taken_again();
  note_gap(batch.gap());
  if (!encode_records(batch)) {
    // Another sink of its group had it, which is as this one is (agent/groups.cpp); but the clock
    // has been set since, and times take more room than they did.
    encoder_.forget_clock(true);
    const bool fits = encode_records(batch);
    RUNNEL_ASSERT(fits);
  }
  context_.counters.replaced_characters = encoder_.replaced_characters();
  context_.counters.cut_events = encoder_.cut_events();
  id_ = id_of(batch);
  events_ = batch.events();
  first_record_ = batch.first_record();
  batch.encoded();
}

// The batch itself, or the block that it is a part of.
BatchId SinkRunner::origin_of(const Batch& batch) const {
  BatchId id{context_.identity.instance, context_.batches_name, context_.identity.epoch,
             batch.sequence()};
  if (batch.block().counts.records() > 0) id.epoch = batch.block().epoch;
  return id;
}

// What is in it is known now.
BatchId SinkRunner::id_of(const Batch& batch) const {
  BatchId id = origin_of(batch);
  const Block& block = batch.block();
  if (block.counts.records() == 0 || batch.events() == block.counts.records()) return id;
  id.first = batch.first_record();
  id.count = batch.events();
  return id;
}

// False: it was taken before and does not fit any more.
bool SinkRunner::encode_records(Batch& batch) {
  encoder_.clear();
  part_count_ = 0;
  return settings_.partitions ? encode_partitioned(batch) : encode_whole(batch);
}

void SinkRunner::note_gap(const Gap& gap) {
  if (gap.empty() || is_taken_again_) return;
  context_.counters.gap_events += gap.events;
  if (gap_complaint_.due(context_.now()))
    log_error(context_.name, gap.events, " events were dropped because the channel was full (",
              context_.counters.gap_events, " since the start)");
}

bool SinkRunner::encode_whole(Batch& batch) {
  encoder_.add(batch.gap());
  std::uint32_t events = 0;
  RecordReader reader(batch);
  while (reader.next()) {
    if (!encoder_.add(reader.record())) {
      if (is_taken_again_) return false;
      reader.cut_before();
      break;
    }
    if (reader.record().kind() == RecordKind::gap)
      note_gap(reader.record().gap());
    else
      ++events;
  }
  encoder_.finish();
  parts_[part_count_++] =
      Part{.end = encoder_.plain().size(), .events = events, .head_bytes = encoder_.head_bytes()};
  return true;
}

// Notes the key of every event, and the different ones in `parts_`. Returns how many records belong
// to the first `partitions_max` keys: the batch ends there.
std::uint32_t SinkRunner::find_keys(Batch& batch) {
  part_count_ = 0;
  std::uint32_t count = 0;
  RecordReader reader(batch);
  while (reader.next()) {
    const std::uint64_t key =
        reader.record().kind() == RecordKind::gap ? 0 : sink_.partition(reader.record());
    const auto end = parts_.begin() + static_cast<std::ptrdiff_t>(part_count_);
    if (std::none_of(parts_.begin(), end, [&](const Part& part) { return part.key == key; })) {
      if (part_count_ == parts_.size()) {
        reader.cut_before();
        break;
      }
      parts_[part_count_++] = Part{.key = key, .name = key};
    }
    memory_.keys[count++] = key;
  }
  // Nothing but what was dropped.
  if (part_count_ == 0 && !batch.gap().empty()) parts_[part_count_++] = Part{};
  return count;
}

// Mostly there is one key: then the batch ends where the buffer does. With several, one that does
// not fit is tried again with fewer events, until it does: a single record always fits.
bool SinkRunner::encode_partitioned(Batch& batch) {
  std::uint32_t count = find_keys(batch);
  if (part_count_ == 1) {
    const std::uint64_t key = parts_[0].key;
    part_count_ = 0;
    const bool fits = encode_whole(batch);
    parts_[0].key = parts_[0].name = key;
    return fits;
  }
  for (;;) {
    encoder_.clear();
    std::uint32_t added = 0;
    bool fits = encoder_.add(batch.gap());
    for (std::size_t index = 0; fits && index < part_count_; ++index) {
      Part& part = parts_[index];
      part.begin = index == 0 ? 0 : encoder_.plain().size();
      part.events = 0;
      part.first_end = encoder_.ends().size();
      std::uint32_t at = 0;
      RecordReader reader(batch);
      while (fits && reader.next()) {
        const std::uint32_t index_in_batch = at++;
        if (memory_.keys[index_in_batch] != part.key) continue;
        encoder_.goes_on_at(batch.first_record() + index_in_batch);
        fits = encoder_.add(reader.record());
        if (fits) ++added;
        if (reader.record().kind() != RecordKind::gap) ++part.events;
      }
      if (fits) encoder_.finish(part.begin);
      part.end = encoder_.plain().size();
      part.head_bytes = encoder_.head_bytes();
    }
    if (fits) break;
    if (is_taken_again_) return false;
    RUNNEL_ASSERT(count > 1);
    // The others are about as long as those that found room; or not, so it is a quarter less.
    count = std::max<std::uint32_t>(std::min(added - added / 16, count - count / 4), 1);
    RecordReader reader(batch);
    for (std::uint32_t kept = 0; kept <= count; ++kept) RUNNEL_ASSERT(reader.next());
    reader.cut_before();
  }
  RecordReader reader(batch);
  while (reader.next())
    if (reader.record().kind() == RecordKind::gap) note_gap(reader.record().gap());
  return true;
}

Frame SinkRunner::frame_of(const Part& part) {
  Frame frame;
  frame.plain = encoder_.plain().subspan(part.begin, part.end - part.begin);
  frame.wire = frame.plain;
  frame.events = part.events;
  if (settings_.event_ends) frame.ends = encoder_.ends().subspan(part.first_end, part.events);
  frame.offset = part.begin;
  frame.id = id_;
  frame.id.key = part.name;
  frame.key = part.key;
  frame.rewinds = rewinds_;
  if (settings_.codec == codec::Codec::none || frame.plain.empty()) return frame;
  const auto size = compressor_.compress(frame.plain, memory_.wire);
  // Invariant: `wire` was planned for the worst that `plain` can become.
  RUNNEL_ASSERT(size.has_value());
  frame.wire = memory_.wire.first(*size);
  return frame;
}

}  // namespace runnel::pipeline
