// The end of a file: made durable, renamed to its finished name, its folder made durable.
#include "base/canary.hpp"
#include "base/mark.hpp"
#include "sinks/file/file_sink.hpp"

namespace runnel::sinks {

using async::Task;

// Every step can be taken again: after a failure the file is still open and the next call goes on.
Task<Status> FileSink::finish(OutputFile& file) {
  RUNNEL_ASSERT(file.is_open());
  if (!file.failed && file.size == 0) {
    const Status removed = co_await remove_empty(file);
    co_return removed;
  }
  if (!file.failed && file.torn) {
    const Status cut = co_await async::truncate(file.handle, file.size);
    if (!cut) co_return cut;
    file.torn = false;
  }
  if (!file.failed && settles()) {
    const Status durable = co_await make_durable(file);
    if (durable.error() == Error::not_found) {
      co_await give_up_missing(file);
      co_return Status();
    }
    if (!durable && !file.failed) co_return durable;
  }
  if (file.failed) {
    co_await abandon(file);
    co_return Status();
  }
  // Names of one path are taken in order: the next one begins where the last one ended.
  const bool follows = file.path.text() == last_finished_.text();
  std::uint32_t number = follows ? last_number_ + 1 : 0;
  const Status renamed =
      co_await rename_numbered(file.unfinished.c_str(), file.path.text(), number);
  if (renamed.error() == Error::not_found) {
    co_await give_up_missing(file);
    co_return Status();
  }
  if (!renamed) co_return renamed;
  last_finished_.clear();
  last_finished_ << file.path.text();
  last_number_ = number;
  co_await close(file);
  release(file, true);
  retention_due_ = !memory_.oldest.empty();
  // A rename that a power loss takes back is done again at the next start.
  bool failed = false;
  const std::string_view folder = folder_of(last_finished_.text());
  const Status synced = co_await sync_folders(last_finished_.text(), folder, failed);
  if (!synced && complaint_.due(context_.now()))
    log_warn(context_.name, last_finished_.text(),
             ": its folder could not be synced: ", describe(synced.error()));
  co_return Status();
}

// `failed` is set when a sync was refused. Other failures may be tried again.
Task<Status> FileSink::make_durable(OutputFile& file) {
  const std::uint64_t until = file.size;
  if (file.durable < until) {
    Status synced;
    if (!canary(Canary::sync_skipped)) synced = co_await async::sync(file.handle);
    if (!synced) {
      file.failed = synced.error() != Error::cancelled;
      co_return synced;
    }
    file.durable = std::max(file.durable, until);
    ++context_.counters.syncs;
  }
  if (!file.entry_durable) {
    const Status synced =
        co_await sync_folders(file.path.text(), settings_.path.folder(), file.failed);
    if (!synced) co_return synced;
    file.entry_durable = true;
  }
  co_return Status();
}

Task<Status> FileSink::remove_empty(OutputFile& file) {
  const Status removed = co_await async::unlink(file.unfinished.c_str());
  if (!removed && removed.error() != Error::not_found) co_return removed;
  co_await close(file);
  release(file, false);
  co_return Status();
}

// What is not durable may be lost although it can still be read, and later syncs would not say so:
// it is delivered once more, and cut off here so that nobody ever relies on it. Should the channel
// not have it any more, then the file is the only copy and stays as it is.
Task<void> FileSink::abandon(OutputFile& file) {
  passed(Seldom::file_given_up_after_sync);
  const bool again = context_.subscription.rewind_to_watermark();
  log_error(context_.name, file.unfinished.text(), " could not be made durable; ",
            again ? "what was not acknowledged is written again into another file"
                  : "the channel has dropped a part of it already: events may be lost");
  Status kept = again ? Status() : Status(Error::unsupported);
  const bool worthless = again && file.durable == 0;
  if (worthless) {
    kept = co_await async::unlink(file.unfinished.c_str());
  } else if (again) {
    kept = co_await async::truncate(file.handle, file.durable);
    std::uint32_t number = 0;
    if (kept) kept = co_await rename_numbered(file.unfinished.c_str(), file.path.text(), number);
  }
  if (!kept) log_warn(context_.name, file.unfinished.text(), " stays until the next start");
  co_await close(file);
  release(file, !worthless);
}

// Somebody removed or renamed it, or its folder. What was acknowledged is theirs; the rest is
// written again.
Task<void> FileSink::give_up_missing(OutputFile& file) {
  const bool again = settles() && context_.subscription.rewind_to_watermark();
  log_error(context_.name, file.unfinished.text(), " is gone: somebody removed or renamed it; ",
            again ? "what was not acknowledged is written again into another file"
                  : "what was in it went with it");
  co_await close(file);
  release(file, true);
}

// Whatever a close says, the handle is gone and what counts was durable before; unless it did not
// come to it, because the scope was cancelled.
Task<void> FileSink::close(OutputFile& file) {
  const Status closed = co_await async::close(file.handle);
  if (closed.error() == Error::cancelled) context_.reactor().discard(file.handle);
}

void FileSink::release(OutputFile& file, bool keep_as_own) {
  file.handle = io::Handle::none;
  if (file.inode == 0) return;
  if (!keep_as_own) {
    context_.own_files.remove(file.device, file.inode);
    return;
  }
  Own& place = own_[own_next_];
  if (own_count_ == own_.size())
    context_.own_files.remove(place.device, place.inode);
  else
    ++own_count_;
  place = Own{file.device, file.inode};
  own_next_ = (own_next_ + 1) % own_.size();
}

}  // namespace runnel::sinks
