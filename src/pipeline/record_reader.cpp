// Reading a batch in the ring, and finding its end on the way.
#include "pipeline/channel.hpp"
#include "pipeline/subscription.hpp"

namespace runnel::pipeline {

using State = InFlight::State;

RecordReader::RecordReader(const Batch& batch)
    : batch_(batch),
      channel_(*batch.subscription_->channel_),
      records_(batch.slot_->records),
      behind_(batch.slot_->first) {
  RUNNEL_ASSERT(batch.slot_->state == State::taken || batch.slot_->events == 0);
}

bool RecordReader::next() {
  InFlight& slot = *batch_.slot_;
  if (slot.events == 0) return false;
  if (started_) ++events_before_;
  started_ = true;
  while (behind_.position < slot.last) {
    at_ = behind_;
    record_ = Record(records_ + at_.offset);
    channel_.step(behind_, record_.size());
    if (record_.kind() == RecordKind::padding) continue;
    if (slot.sized || events_before_ == 0) return true;
    if (events_before_ < slot.events_max &&
        behind_.position - slot.first.position <= slot.bytes_max)
      return true;
    cut_before();
    return false;
  }
  // Invariant: a batch's count is that of its records.
  RUNNEL_ASSERT(events_before_ == slot.events);
  if (!slot.sized) batch_.subscription_->sized(slot);
  return false;
}

void RecordReader::cut_before() {
  batch_.subscription_->give_back_from(*batch_.slot_, at_, events_before_);
}

}  // namespace runnel::pipeline
