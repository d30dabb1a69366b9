// A channel with a store below its ring: how what is put becomes blocks, and how they leave.
#include "base/mark.hpp"
#include "pipeline/channel.hpp"
#include "pipeline/store.hpp"

namespace runnel::pipeline {

void Channel::rest_on(Store& store) {
  RUNNEL_ASSERT(blocks_ && store_ == nullptr);
  store_ = &store;
}

void Channel::begin_at(Position head) {
  RUNNEL_ASSERT(head_.position == 0 && head % record_alignment == 0);
  head_ = writing_ = {head, 0};
  tail_ = custody_ = written_ = head;
  open_.first = open_.walked = head_;
}

// Once for each record, right after it was put: its header is still in the cache.
void Channel::cut_blocks() {
  while (open_.walked.position < head_.position) {
    const Record record(at(open_.walked));
    const std::size_t size = record.size();
    if (record.kind() == RecordKind::padding) {
      close_block();
      step(open_.walked, size);
      open_.first = open_.walked;
      continue;
    }
    if (open_.bytes > 0 && open_.bytes + size > blocks_->block_bytes()) close_block();
    if (open_.bytes == 0) {
      open_.since = scheduler_.now();
      store_->opened();
    }
    open_.bytes += size;
    ++(record.kind() == RecordKind::gap ? open_.counts.gaps : open_.counts.events);
    if (record.kind() == RecordKind::event) open_.counts.body_bytes += record.body().size();
    step(open_.walked, size);
    // The ring's end: a block's records lie one behind the other.
    if (open_.walked.offset == 0) close_block();
  }
}

void Channel::close_block() {
  if (open_.bytes > 0) {
    blocks_->push(open_.first, open_.bytes, open_.counts, open_.since);
    open_.bytes = 0;
    open_.counts = {};
    store_->sealed();
  }
  open_.first = open_.walked;
}

bool Channel::seal() {
  if (open_.bytes == 0) return true;
  if (!blocks_->takes_small_ones()) return false;
  close_block();
  return true;
}

bool Channel::seal_for_store() {
  if (!seal()) return false;
  for (Subscription& subscription : subscriptions()) subscription.more_to_read();
  return true;
}

void Channel::written_until(Position until) {
  if (until <= written_) return;
  written_ = until;
  taken_.ring();
}

void Channel::release_oldest() {
  Block& oldest = blocks_->front();
  const bool was_crowded = !blocks_->takes_small_ones();
  for (Subscription& subscription : subscriptions()) subscription.leaves_table(oldest);
  blocks_->pop_front();
  tail_ = blocks_->empty() ? open_.first.position : blocks_->front().first.position;
  if (blocks_->empty() && open_.bytes == 0 && !put_open_) {
    rewind_when_empty();
    open_.first = open_.walked = head_;
    written_until(head_.position);
    safe_until(head_.position);
  }
  wake_next_writer();
  if (was_crowded)
    for (Subscription& subscription : subscriptions()) subscription.more_to_read();
}

void Channel::drop_newest_while(bool full) {
  when_full_ = full ? WhenFull::drop_newest : WhenFull::block;
  if (!full) return;
  for (Writable& writer : writers_)
    if (&writer != woken_writer_) writer.end(Error::none);
}

}  // namespace runnel::pipeline
