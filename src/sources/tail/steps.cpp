// One file's turn: open it, look what has become of it, read a piece, and decide when it wants to
// be looked at again.
#include <algorithm>

#include "async/operations.hpp"
#include "base/mark.hpp"
#include "sources/tail/tail.hpp"

namespace runnel::sources::tail {
namespace {

// Whoever had a deleted file open may write a last line.
constexpr Duration deleted_grace = 5s;
// A renamed file goes on being written until its writer opens the new one.
constexpr Duration renamed_grace = 5min;
constexpr Duration unreadable_retry = 1min;
constexpr Duration look_again_after = 1s;

// Not about the file: the source is being stopped.
bool ends_the_source(Error error) { return error == Error::cancelled || error == Error::closed; }

std::string_view what_to_do(Error error) {
  switch (error) {
    case Error::access:
      return "; give the user that runs Runnel the right to read it (for /var/log often: the group "
             "adm)";
    case Error::too_many_handles:
      return "; raise the limit of open files (ulimit -n, LimitNOFILE), or lower close_idle_after";
    default:
      return "";
  }
}

}  // namespace

// One bounded piece of work on one file.
async::Task<Result<std::uint32_t>> Tail::step(File& file) {
  if (file.finished) co_return 0;
  if (context().own_files.contains(file.device, file.inode)) {
    release(file);
    co_return 0;
  }
  if (waits_behind_another(file)) {
    files_.activate(file);
    co_return 0;
  }
  Error error = Error::none;
  if (file.handle == io::Handle::none) {
    const Status opened = co_await open(file);
    error = opened.error();
  }
  if (error == Error::none && file.look) {
    const auto is_it = co_await look(file);
    if (is_it && !*is_it) co_return 0;
    if (!is_it) error = is_it.error();
  }
  std::uint32_t events = 0;
  if (error == Error::none && !file.at_end && file.offset < file.end) {
    const auto put = co_await read_piece(file);
    if (put) events = *put;
    if (!put) error = put.error();
  }
  if (error == Error::none && file.offset >= file.end) finished(file);
  if (error == Error::none && !file.finished) {
    if (!file.at_end) {
      files_.activate(file);
    } else {
      const auto put = co_await settle_down(file);
      if (put) events += *put;
      if (!put) error = put.error();
    }
  }
  if (ends_the_source(error)) co_return fail(error);
  if (error != Error::none) failed(file, error);
  co_return events;
}

// The file that had this name before is read first: a reader sees the lines of one log in order.
bool Tail::waits_behind_another(File& file) {
  if (file.behind == 0) return false;
  // By what it is, not by its name: it may be renamed once more, and so may this one.
  const bool waits = std::any_of(files_.all().begin(), files_.all().end(), [&](const File& other) {
    return other.used && &other != &file && other.inode == file.behind &&
           other.device == file.device && has_more(other);
  });
  if (!waits) file.behind = 0;
  return waits;
}

async::Task<Status> Tail::open(File& file) {
  auto opened = co_await async::open(path_of(file).data(), io::OpenMode::read);
  if (!opened && opened.error() == Error::too_many_handles && close_one_idle())
    opened = co_await async::open(path_of(file).data(), io::OpenMode::read);
  if (!opened) co_return opened.error();
  file.handle = *opened;
  file.look = true;
  co_return Status();
}

bool Tail::close_one_idle() {
  for (File& file : files_.all()) {
    const bool idle = file.handle != io::Handle::none && file.at_end && !file.leaving();
    if (!idle || static_cast<Link<ActiveTag>&>(file).linked()) continue;
    close(file);
    return true;
  }
  return false;
}

async::Task<Result<std::size_t>> Tail::read_fully(io::Handle handle, MutableBytes into,
                                                  std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got = co_await async::read(handle, into.subspan(done), offset + done);
    if (!got) co_return fail(got.error());
    if (*got == 0) break;
    done += *got;
  }
  co_return done;
}

// Whenever a file may have changed: is it still the same one, and how long is it?
async::Task<Result<bool>> Tail::look(File& file) {
  file.look = false;
  io::FileInfo info;
  const Status asked = co_await async::stat(file.handle, info);
  if (!asked) co_return fail(asked.error());
  if (info.kind != io::FileInfo::Kind::regular) co_return fail(Error::unsupported);
  // A sink makes a file known as its own before it writes into it, but maybe not before the folder
  // told of it: a file that has bytes is asked for here at the latest.
  if (context().own_files.contains(info.device, info.inode)) {
    release(file);
    co_return false;
  }
  const auto head = co_await read_fully(file.handle, MutableBytes(head_), 0);
  if (!head) co_return fail(head.error());
  if (!accept_head(file, info, Bytes(head_).first(*head))) co_return false;
  if (info.size != file.size || info.modified_ns != file.modified_ns)
    file.grew_at = context().now();
  file.named = false;
  file.size = info.size;
  file.modified_ns = info.modified_ns;
  file.at_end = file.offset + file.unfinished >= file.size;
  co_return true;
}

bool Tail::accept_head(File& file, const io::FileInfo& info, Bytes head) {
  const auto is_this = [&](std::uint64_t device, std::uint64_t inode) {
    return info.device == device && info.inode == inode;
  };
  bool replaced = !is_this(file.device, file.inode);
  if (replaced && !file.known) {
    // Between being met and being opened. Some file systems state another inode of an open file
    // than of its name: then that is how it is known from now on.
    const auto there = context().system.file_info(path_of(file).data());
    replaced = there && is_this(there->device, there->inode);
    if (!replaced) files_.set_identity(file, info.device, info.inode);
  }
  if (replaced) {
    // What has its name now is another file, which may be known already.
    const bool linked = file.linked;
    close(file);
    Scratch path(path_of(file));
    departed(file);
    if (settings_.names(path.text())) offer(path.text(), info, linked);
    return false;
  }
  if (!file.known) recall(file, info, head);
  if (!file.fingerprint.matches(head)) {
    if (file.renamed) {
      // Its inode number has been given to a file that is none of ours.
      release(file);
      return false;
    }
    restart(file, head, "has other content than before");
  } else if (info.size < file.offset) {
    restart(file, head, "has been truncated");
  }
  if (head.size() > file.fingerprint.bytes) {
    file.fingerprint = Fingerprint::of(head);
    changed();
  }
  return true;
}

// The first look: perhaps the checkpoint knows it.
void Tail::recall(File& file, const io::FileInfo& info, Bytes head) {
  file.known = true;
  // Kept, the wrong one may be taken up when the file is rotated while nobody runs.
  remembered_.remove_former(info.device, info.inode, head);
  RememberedFile* saved = remembered_.match(info.device, info.inode, head, label_of(file));
  if (saved == nullptr) {
    file.fingerprint = Fingerprint::of(head);
    // Known to the checkpoint soon: it may be rotated while Runnel is down.
    changed();
    return;
  }
  file.offset = file.safe = saved->offset;
  file.fingerprint = saved->fingerprint;
  remembered_.remove(*saved);
}

void Tail::restart(File& file, Bytes head, const char* why) {
  passed(Seldom::truncated_file_seen);
  log_info(context().name, path_of(file), " ", why, ": reading it from its beginning");
  file.fingerprint = Fingerprint::of(head);
  file.offset = file.safe = file.unfinished = 0;
  file.notes.clear();
  changed();
}

Duration Tail::leave_after(const File& file) const {
  if (file.deleted) return deleted_grace;
  return settings_.close_idle_after > Duration::zero() ? settings_.close_idle_after : renamed_grace;
}

// Its end has been reached: what happens now depends on how long it has been there.
async::Task<Result<std::uint32_t>> Tail::settle_down(File& file) {
  const Duration quiet = context().now() - file.grew_at;
  const bool flush_due =
      settings_.flush_partial_after > Duration::zero() && quiet >= settings_.flush_partial_after;
  // A renamed file could be found again after a crash: until its events are in custody it stays.
  const bool leaves =
      file.leaving() && quiet >= leave_after(file) && (file.deleted || !file.notes.pending());
  std::uint32_t events = 0;
  if (file.unfinished > 0 && (context().once || flush_due || leaves)) {
    const auto put = co_await put_tail(file, file.unfinished, false);
    if (!put) co_return put;
    events = *put;
  }
  if (context().once) {
    finished(file);
  } else if (leaves && events == 0) {
    release(file);
    co_return events;
  } else if (!file.leaving() && settings_.close_idle_after > Duration::zero() &&
             quiet >= settings_.close_idle_after) {
    close(file);
  }
  schedule(file);
  co_return events;
}

void Tail::schedule(File& file) {
  if (file.finished) return;
  const Instant now = context().now();
  Instant due = never;
  const auto at = [&](Instant when) { due = std::min(due, when); };
  if (file.look || !file.at_end) at(after(now, look_again_after));
  if (file.leaving()) at(std::max(after(file.grew_at, leave_after(file)), after(now, 1s)));
  if (file.unfinished > 0 && settings_.flush_partial_after > Duration::zero())
    at(std::max(after(file.grew_at, settings_.flush_partial_after), now));
  if (file.handle != io::Handle::none && settings_.close_idle_after > Duration::zero() &&
      !file.leaving())
    at(std::max(after(file.grew_at, settings_.close_idle_after), now));
  files_.set_due(file, due);
}

// It cannot be opened or read. Said once; tried again when it changes, and every minute.
void Tail::failed(File& file, Error why) {
  const Instant now = context().now();
  // Its handle is all that is left of a deleted file: what it holds may be readable in a moment.
  if (file.deleted && !context().once && file.handle != io::Handle::none &&
      now < after(file.grew_at, renamed_grace)) {
    ++context().counters.errors;
    file.look = true;
    files_.set_due(file, after(now, look_again_after));
    return;
  }
  close(file);
  if (why == Error::not_found) {
    files_.set_due(file, after(now, look_again_after));
    departed(file);
    return;
  }
  ++context().counters.errors;
  passed(Seldom::file_could_not_be_read);
  if (!file.named)
    log_warn(context().name, "cannot read ", path_of(file), ": ", describe(why), what_to_do(why),
             "; tried again every minute");
  file.named = true;
  file.grew_at = now;
  file.look = true;
  if (file.deleted) {
    release(file);
    return;
  }
  finished(file);
  if (!file.finished) files_.set_due(file, after(now, unreadable_retry));
}

void Tail::end_at(File& file, std::uint64_t size) {
  if (!context().once) return;
  file.end = size;
  file.counted = true;
  ++unfinished_files_;
}

// --once: nothing more is wanted of it.
void Tail::finished(File& file) {
  if (!file.counted || file.finished) return;
  RUNNEL_ASSERT(unfinished_files_ > 0);
  --unfinished_files_;
  file.finished = true;
  files_.set_due(file, never);
  close(file);
}

}  // namespace runnel::sources::tail
