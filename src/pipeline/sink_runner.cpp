#include "pipeline/sink_runner.hpp"

#include <algorithm>

#include "base/canary.hpp"
#include "base/mark.hpp"
#include "pipeline/group.hpp"
#include "pipeline/shared_link.hpp"

namespace runnel::pipeline {

using async::Task;

namespace {

codec::CompressorSettings compressor_settings(const DeliverySettings& settings,
                                              std::size_t plain_bytes) {
  // Without an encoding there is nothing to compress; a compressor wants a size all the same.
  return {.codec = settings.codec,
          .level = settings.level,
          .input_bytes_max = std::max<std::size_t>(plain_bytes, 1)};
}

// A batch's worth, and never less than the largest single record can become.
std::size_t plain_bytes(const DeliverySettings& settings) {
  const EncodingSettings encoder = settings.encoder();
  // Dead letters are written from there when what was in it has been given up.
  const std::size_t letter =
      settings.dead_letter.on() ? dead_letter_bytes_max(settings.record_bytes_max) : 0;
  if (encoder.encoding == Encoding::none) return letter;
  return std::max(
      {letter, settings.take.bytes_max, encoded_bytes_max(encoder, settings.record_bytes_max)});
}

std::uint64_t random_seed(io::System& system) {
  std::uint64_t seed = 0;
  system.entropy(std::as_writable_bytes(std::span(&seed, 1)));
  return seed | 1;
}

}  // namespace

void DeliverySettings::keep_wishes_of(const DeliverySettings& plan) {
  partitions = plan.partitions;
  event_ends = plan.event_ends;
  octet_counted = plan.octet_counted;
  json_array = plan.json_array;
  format = plan.format;
}

EncodingSettings DeliverySettings::encoder() const {
  return {format == nullptr ? encoding : Encoding::custom, text_gaps, octet_counted, json_array,
          format};
}

DeliveryMemory DeliveryMemory::carve(Region& region, const DeliverySettings& settings) {
  DeliveryMemory memory;
  const std::size_t plain = plain_bytes(settings);
  memory.plain = region.bytes(plain, "encoded batch");
  if (settings.codec != codec::Codec::none) {
    const auto compressor = compressor_settings(settings, plain);
    memory.wire = region.bytes(codec::wire_bytes_max(compressor), "compressed batch");
    memory.compressor = codec::Compressor::carve(region, compressor);
  }
  if (settings.partitions)
    memory.keys = region.array<std::uint64_t>(settings.take.events_max, "partition keys");
  if (settings.event_ends)
    memory.ends = region.array<std::uint32_t>(settings.take.events_max, "ends of events");
  region.frames(4, 1024);
  if (settings.dead_letter.on()) {
    memory.refusals = region.array<Refusals::Reason>(settings.take.events_max, "refused events");
    // bury, append, rotate, open or sync_folder.
    region.frames(4, 1024);
    // The lock, the file, and one that is opened for a moment.
    region.handles(3);
  }
  return memory;
}

SinkRunner::SinkRunner(SinkContext& context, Sink& sink, const DeliverySettings& settings,
                       const DeliveryMemory& memory, std::span<const std::string_view> sources)
    : context_(context),
      sink_(sink),
      settings_(settings),
      memory_(memory),
      encoder_(settings.encoder(), memory.plain, memory.ends, sources, context.clock),
      compressor_(compressor_settings(settings, memory.plain.size()), memory.compressor),
      backoff_(settings.retry, random_seed(context.system)),
      dead_letters_(context, settings.dead_letter),
      refusals_(memory.refusals),
      sources_(sources) {
  // Text is smaller than the records it comes from: what is taken may be twice what is due, and the
  // frame ends where its buffer does. Full frames compress better.
  if (settings.encoder().encoding != Encoding::text || settings.partitions) return;
  settings_.take.bytes_due = settings.take.bytes_max;
  settings_.take.bytes_max *= 2;
}

Task<Started> SinkRunner::start() { return dead_letters_.start(); }

Task<void> SinkRunner::run() {
  for (;;) {
    if (context_.group != nullptr) {
      const bool is_ours = co_await wait_for_turn();
      if (!is_ours) break;
    }
    if (context_.link != nullptr && !context_.link->window().always()) {
      const bool is_open = co_await wait_for_window();
      if (!is_open) break;
    }
    // In a group another one would take what comes back for its dead letters.
    settings_.take.reserved = refusals_.any();
    auto taken = co_await context_.subscription.next(settings_.take);
    if (!taken && taken.error() == Error::timed_out) continue;
    if (!taken) break;
    Batch batch = std::move(*taken);
    if (refusals_.any() && is_to_be_buried(batch)) {
      const bool buried = co_await bury(batch);
      if (!buried) break;
      // What did not fit into one piece: it is read again for the next.
      if (!refusals_.any()) complete(batch);
      continue;
    }
    if (refusals_.any()) lose_rest();
    rewinds_ = context_.subscription.rewinds();
    context_.clock.refresh();
    encode(batch);
    // As a runner that gives a batch back while there are newer ones.
    if (canary(Canary::batch_out_of_order) &&
        context_.subscription.backlog_bytes() >= settings_.take.bytes_max)
      continue;
    if (canary(Canary::acknowledged_before_write)) {
      batch.hold();
      context_.subscription.settle(context_.subscription.written());
    }
    batch_ = &batch;
    const bool delivered = co_await deliver();
    if (!delivered) break;
    if (gives_back_) {
      refusals_.clear();
      continue;
    }
    if (canary(Canary::acknowledged_before_write)) continue;
    if (refusals_.any() && can_be_buried(batch)) {
      batch.reserve();
      continue;
    }
    complete(batch);
  }
  if (context_.group != nullptr) context_.group->leaves(context_.member);
  co_await sink_.shut();
  dead_letters_.close();
}

// A batch of which nothing had to be written (a gap that nobody wants to read) is safe when what
// was written before it is.
void SinkRunner::complete(Batch& batch) {
  const bool follows_held = context_.subscription.unsettled_bytes() > 0;
  if (held_ || follows_held) {
    batch.hold();
  } else {
    batch.commit();
  }
}

// --- encoding: no co_await from the first record to the last -----------------------------------

void SinkRunner::encode(Batch& batch) {
  encoder_.clear();
  encoder_.comes_from(batch.block(), origin_of(batch), batch.first_record());
  part_count_ = 0;
  note_gap(batch.gap());
  if (settings_.partitions) {
    encode_partitioned(batch);
  } else {
    encode_whole(batch);
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

void SinkRunner::note_gap(const Gap& gap) {
  if (gap.empty()) return;
  context_.counters.gap_events += gap.events;
  if (gap_complaint_.due(context_.now()))
    log_error(context_.name, gap.events, " events were dropped because the channel was full (",
              context_.counters.gap_events, " since the start)");
}

void SinkRunner::encode_whole(Batch& batch) {
  encoder_.add(batch.gap());
  std::uint32_t events = 0;
  RecordReader reader(batch);
  while (reader.next()) {
    if (!encoder_.add(reader.record())) {
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
void SinkRunner::encode_partitioned(Batch& batch) {
  std::uint32_t count = find_keys(batch);
  if (part_count_ == 1) {
    const std::uint64_t key = parts_[0].key;
    part_count_ = 0;
    encode_whole(batch);
    parts_[0].key = parts_[0].name = key;
    return;
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
    RUNNEL_ASSERT(count > 1);
    // The others are about as long as those that found room.
    count = std::max(added - added / 16, 1u);
    RecordReader reader(batch);
    for (std::uint32_t kept = 0; kept <= count; ++kept) RUNNEL_ASSERT(reader.next());
    reader.cut_before();
  }
  RecordReader reader(batch);
  while (reader.next())
    if (reader.record().kind() == RecordKind::gap) note_gap(reader.record().gap());
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

// --- delivering ---------------------------------------------------------------------------------

Task<bool> SinkRunner::deliver() {
  held_ = withdrawn_ = false;
  for (std::size_t index = 0; index < part_count_; ++index) {
    const Part part = parts_[index];
    if (part.events == 0 && part.begin == part.end) continue;
    const bool delivered = co_await deliver_part(part);
    if (!delivered) co_return false;
    if (withdrawn_ || gives_back_) co_return true;
    if (pieces_ == Pieces::none) continue;
    const bool in_pieces = co_await deliver_in_pieces(part, part.events / 2);
    if (!in_pieces) co_return false;
    if (gives_back_) co_return true;
  }
  ++context_.counters.sent_batches;
  co_return true;
}

Task<bool> SinkRunner::deliver_part(const Part& part) {
  const Frame frame = frame_of(part);
  const bool delivered = co_await deliver_frame(frame, part);
  if (!delivered) co_return false;
  if (withdrawn_ || gives_back_ || pieces_ != Pieces::none) co_return true;
  if (refused_ == frame.events && refused_ > 0) co_return true;
  context_.counters.sent_events += frame.events - refused_;
  context_.counters.sent_bytes += frame.wire.size();
  context_.counters.plain_bytes += frame.plain.size();
  co_return true;
}

Task<bool> SinkRunner::deliver_frame(const Frame& frame, const Part& part) {
  for (;;) {
    const Delivery delivery = co_await sink_.deliver(frame);
    if (delivery.outcome != Delivery::Outcome::retry) {
      if (last_error_ == Error::no_space) passed(Seldom::retry_after_no_space);
      if (last_error_ != Error::none) log_info(context_.name, "delivers again");
      last_error_ = Error::none;
      backoff_.succeeded();
      if (context_.group != nullptr) context_.group->delivers(context_.member);
      held_ = held_ || delivery.outcome == Delivery::Outcome::held;
      withdrawn_ = delivery.outcome == Delivery::Outcome::withdrawn;
      const bool grows = delivery.outcome == Delivery::Outcome::poisoned;
      const bool too_large = delivery.outcome == Delivery::Outcome::too_large;
      pieces_ = Pieces::none;
      refused_ = delivery.refused_events;
      if ((grows || too_large) && can_be_halved(frame))
        pieces_ = grows ? Pieces::growing : Pieces::small;
      else if (grows || too_large || delivery.outcome == Delivery::Outcome::refused)
        refused_ = frame.events;
      RUNNEL_ASSERT(refused_ <= frame.events);
      if (refused_ > 0) give_up(part, delivery);
      co_return true;
    }
    last_error_ = delivery.error;
    if (delivery.error == Error::cancelled) co_return false;
    gives_back_ = can_be_given_back(*batch_);
    failed_ = delivery;
    if (gives_back_) co_return true;
    const bool again = co_await wait_to_retry(delivery, "events wait in the channel");
    if (!again) co_return false;
    ++context_.counters.retries;
  }
}

}  // namespace runnel::pipeline
