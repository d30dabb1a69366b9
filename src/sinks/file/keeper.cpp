// The file sink's second task: syncs when they are due, closes files when their time has come,
// settles what is durable. It sleeps until the nearest of these; with nothing open and nothing
// unsettled there is none.
#include <algorithm>

#include "sinks/file/file_sink.hpp"
#include "sinks/file/retention.hpp"

namespace runnel::sinks {

using async::Task;

namespace {

constexpr Duration pause_first = std::chrono::seconds(1);
constexpr Duration pause_longest = std::chrono::seconds(30);

}  // namespace

Task<void> FileSink::keep() {
  while (!stopping_) {
    settle_what_is_durable();
    const Instant now = context_.now();
    OutputFile* due = nullptr;
    Instant next = never;
    for (OutputFile& file : memory_.files) {
      if (!file.is_open()) continue;
      const Instant at = std::max(close_due_at(file), close_not_before_);
      if (at <= now) due = &file;
      next = std::min(next, at);
    }
    const Instant sync_at = sync_due();
    if (due != nullptr) {
      const Status closed = co_await close_due(*due);
      if (closed.error() == Error::cancelled) co_return;
      if (!closed) close_not_before_ = after(context_.now(), pause_first);
    } else if (sync_at <= now) {
      const Status synced = co_await sync_all();
      if (synced.error() == Error::cancelled) co_return;
    } else if (retention_due_) {
      retention_due_ = false;
      Retention retention(context_, settings_, memory_.oldest);
      co_await retention.apply();
    } else {
      auto& pressure = context_.subscription.pressure();
      const Status rang = co_await pressure.wait(std::min(next, sync_at));
      if (rang.error() == Error::cancelled) co_return;
    }
  }
}

// When every byte that was written is durable, so is all that is held.
void FileSink::settle_what_is_durable() {
  if (!settles() || context_.subscription.unsettled_bytes() == 0) return;
  for (const OutputFile& file : memory_.files)
    if (file.is_open() && (file.failed || file.dirty())) return;
  context_.subscription.settle(context_.subscription.written());
}

Instant FileSink::sync_due() {
  const pipeline::Subscription& subscription = context_.subscription;
  if (!settles() || subscription.unsettled_bytes() == 0) {
    unsettled_since_ = never;
    return never;
  }
  if (unsettled_since_ == never) unsettled_since_ = context_.now();
  Instant due = never;
  if (settings_.fsync == Fsync::interval) due = after(unsettled_since_, settings_.fsync_interval);
  if (subscription.settling_is_urgent()) due = context_.now();
  return std::max(due, sync_not_before_);
}

// One sync at a time; frames that are appended meanwhile belong to the next one.
Task<Status> FileSink::sync_all() {
  const Status entered = co_await structure_.enter();
  if (!entered) co_return entered;
  // Before anything is submitted: a sync promises nothing of what comes after it.
  const pipeline::Position covered = context_.subscription.written();
  Status result;
  for (OutputFile& file : memory_.files) {
    if (!file.is_open() || file.failed || !file.dirty()) continue;
    const Status durable = co_await make_durable(file);
    if (durable) continue;
    result = durable;
    if (durable.error() == Error::cancelled) break;
    // Its folder is gone. Closing it deals with that, between two frames.
    if (durable.error() == Error::not_found) file.full = true;
  }
  structure_.leave();
  if (result) {
    context_.subscription.settle(covered);
    unsettled_since_ = never;
    sync_pause_ = Duration::zero();
  } else {
    sync_pause_ = std::clamp(sync_pause_ * 2, pause_first, pause_longest);
    sync_not_before_ = after(context_.now(), sync_pause_);
  }
  co_return result;
}

Instant FileSink::close_due_at(const OutputFile& file) const {
  if (file.full || file.failed) return Instant::min();
  Instant due = never;
  if (settings_.roll_age > Duration::zero()) due = after(file.opened, settings_.roll_age);
  if (settings_.roll_idle > Duration::zero())
    due = std::min(due, after(file.written, settings_.roll_idle));
  return due;
}

Task<Status> FileSink::close_due(OutputFile& file) {
  const Status delivering = co_await delivering_.enter();
  if (!delivering) co_return delivering;
  Status closed = co_await structure_.enter();
  if (closed) {
    // The runner may have been here first.
    const bool still_due = file.is_open() && close_due_at(file) <= context_.now();
    if (still_due) closed = co_await finish(file);
    structure_.leave();
  }
  delivering_.leave();
  co_return closed;
}

}  // namespace runnel::sinks
