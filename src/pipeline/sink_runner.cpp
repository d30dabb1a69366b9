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
    // What comes back for its dead letters waits for nothing.
    const bool buries = refusals_.any();
    if (!buries && link_opens_in() > Duration::zero()) {
      const bool is_open = co_await wait_for_link();
      if (!is_open) break;
      continue;
    }
    settings_.take.worker = buries ? this : nullptr;
    auto taken = co_await context_.subscription.next(settings_.take);
    if (!taken && taken.error() == Error::timed_out) continue;
    if (!taken) {
      if (context_.group == nullptr) break;
      const bool more = co_await more_comes_back(taken.error());
      if (!more) break;
      continue;
    }
    if (context_.group != nullptr) context_.group->holds(context_.member, true);
    Batch batch = std::move(*taken);
    if (refusals_.any() && is_to_be_buried(batch)) {
      const bool buried = co_await bury(batch);
      if (!buried) break;
      // What did not fit into one piece: it is read again for the next.
      if (refusals_.any())
        batch.reserve(this);
      else
        complete(batch);
      continue;
    }
    if (refusals_.any()) lose_rest();
    // It may have been shut while the sink waited for events.
    if (link_opens_in() > Duration::zero()) continue;
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
      batch.reserve(this);
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
    // Attempts cost too: a month that is used up ends them. A window does not.
    if (context_.link != nullptr && context_.link->waits_for_next_month()) {
      const bool is_open = co_await wait_for_link();
      if (!is_open) co_return false;
    }
    ++context_.counters.retries;
  }
}

}  // namespace runnel::pipeline
