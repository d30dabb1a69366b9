#include "pipeline/dead_letter_file.hpp"

#include "async/operations.hpp"
#include "base/log.hpp"
#include "pipeline/dead_letter.hpp"

namespace runnel::pipeline {

using async::Task;

namespace {

constexpr int exit_unavailable = 69;
constexpr int exit_io = 74;

// "central" of "sinks.central".
std::string_view own_name(std::string_view label) { return label.substr(label.find('.') + 1); }

}  // namespace

DeadLetterPaths::DeadLetterPaths(std::string_view folder, std::string_view sink) {
  current << folder << '/' << sink << ".dead";
  previous << current.text() << ".1";
  lock << current.text() << ".lock";
}

DeadLetterFile::DeadLetterFile(SinkContext& context, const DeadLetterSettings& settings)
    : context_(context),
      settings_(settings),
      sink_(own_name(context.name)),
      paths_(settings_.folder, sink_) {}

void DeadLetterFile::close() {
  for (io::Handle* handle : {&file_, &lock_}) {
    if (*handle != io::Handle::none) context_.reactor().discard(*handle);
    *handle = io::Handle::none;
  }
}

// --- the start -----------------------------------------------------------------------------------

Started DeadLetterFile::refuse(std::string_view what, Error error) const {
  return problem(concat("dead_letter.dir \"", settings_.folder, "\" ", what, ": ", describe(error),
                        "; make it writable for this user, or name another folder"),
                 exit_io);
}

Task<Started> DeadLetterFile::start() {
  if (!on()) co_return Started();
  const Status made = context_.system.make_folders(settings_.folder.c_str(), io::Access::owner);
  if (!made) co_return refuse("cannot be made", made.error());
  std::uint32_t holder = 0;
  const auto lock = context_.system.lock_file(paths_.lock.c_str(), holder);
  if (!lock && lock.error() == Error::in_use)
    co_return problem(concat("dead_letter: ", path(), " is in use by process ", holder,
                             "; another agent, or runnel dead-letter send"),
                      exit_unavailable);
  if (!lock) co_return refuse("cannot be locked", lock.error());
  lock_ = *lock;
  io::Handle previous = io::Handle::none;
  const auto info = context_.system.file_info(paths_.previous.c_str());
  if (info) {
    const auto bytes = co_await open(paths_.previous, previous);
    Status read = bytes ? Status() : Status(bytes.error());
    if (read) read = co_await examine(previous, *bytes);
    context_.reactor().discard(previous);
    if (!read) co_return refuse("has a file that cannot be read", read.error());
    previous_letters_ = found_;
  }
  const auto bytes = co_await open(paths_.current, file_);
  Status status = bytes ? Status() : Status(bytes.error());
  if (status) status = co_await examine(file_, *bytes);
  if (status && found_end_ < *bytes) {
    log_warn(context_.name, path(), ": cut off ", *bytes - found_end_,
             " bytes at its end that are no whole letter");
    status = co_await async::truncate(file_, found_end_);
  }
  if (status) status = co_await sync_folder();
  if (!status) co_return refuse("has a file that cannot be used", status.error());
  letters_ = found_;
  size_ = found_end_;
  if (letters_ + previous_letters_ > 0)
    log_info(context_.name, path(), ": ", letters_ + previous_letters_,
             " dead letters from before; see runnel dead-letter list");
  co_return Started();
}

// Its size.
Task<Result<std::uint64_t>> DeadLetterFile::open(DeadLetterPath& path, io::Handle& file) {
  const auto opened = co_await async::open(path.c_str(), io::OpenMode::secret);
  if (!opened) co_return fail(opened.error());
  file = *opened;
  io::FileInfo info;
  const Status known = co_await async::stat(file, info);
  if (!known) co_return fail(known.error());
  device_ = info.device;
  inode_ = info.inode;
  co_return info.size;
}

Task<Status> DeadLetterFile::examine(io::Handle file, std::uint64_t file_bytes) {
  DeadLetterReader reader(file_bytes);
  for (auto step = reader.next(); step != DeadLetterReader::Step::end; step = reader.next()) {
    if (step == DeadLetterReader::Step::letter) continue;
    const auto got = co_await async::read(file, reader.room(), reader.read_at());
    if (!got) co_return got.error();
    reader.filled(*got);
  }
  if (reader.damaged_bytes() > 0)
    log_error(context_.name, path(), ": ", reader.damaged_bytes(),
              " bytes between dead letters are damaged");
  found_ = reader.letters();
  found_end_ = reader.whole_end();
  co_return Status();
}

// --- writing -------------------------------------------------------------------------------------

Task<Status> DeadLetterFile::append(Bytes letters, std::uint64_t count) {
  RUNNEL_ASSERT(letters.size() <= append_bytes_max());
  Status status = co_await see_that_it_is_there();
  if (status && size_ + letters.size() > append_bytes_max()) status = co_await rotate();
  if (!status) co_return status;
  const std::uint64_t before = size_;
  status = co_await write(letters);
  if (status) {
    ++context_.counters.syncs;
    status = co_await async::sync(file_);
  }
  if (status) {
    letters_ += count;
    co_return status;
  }
  // The next letters are written over what is left of these; a reader would pass them over too.
  size_ = before;
  const Status cut = co_await async::truncate(file_, size_);
  (void)cut;
  co_return status;
}

Task<Status> DeadLetterFile::write(Bytes letters) {
  while (!letters.empty()) {
    const auto wrote = co_await async::write(file_, letters, size_);
    if (!wrote) co_return wrote.error();
    // A write of nothing without a reason: the device is full.
    if (*wrote == 0) co_return Status(Error::no_space);
    size_ += *wrote;
    context_.counters.written_bytes += *wrote;
    letters = letters.subspan(*wrote);
  }
  co_return Status();
}

// Somebody may have taken the file away: what is written into one without a name is lost.
Task<Status> DeadLetterFile::see_that_it_is_there() {
  if (file_ != io::Handle::none) {
    io::FileInfo info;
    const Status known = co_await async::stat(paths_.current.c_str(), info);
    if (known && info.device == device_ && info.inode == inode_) co_return Status();
    if (!known && known.error() != Error::not_found) co_return known;
    context_.reactor().discard(std::exchange(file_, io::Handle::none));
    size_ = letters_ = 0;
  }
  const Status opened = co_await open_fresh();
  co_return opened;
}

// What was current becomes the previous one, and that is given up.
Task<Status> DeadLetterFile::rotate() {
  const Status renamed = co_await async::rename(paths_.current.c_str(), paths_.previous.c_str());
  if (!renamed) co_return renamed;
  context_.counters.dead_letter_dropped_events += previous_letters_;
  previous_letters_ = letters_;
  context_.reactor().discard(std::exchange(file_, io::Handle::none));
  size_ = letters_ = 0;
  const Status opened = co_await open_fresh();
  co_return opened;
}

// A file that somebody has put in its place is gone on with, behind what is in it.
Task<Status> DeadLetterFile::open_fresh() {
  io::Handle fresh = io::Handle::none;
  const auto bytes = co_await open(paths_.current, fresh);
  Status status = bytes ? Status() : Status(bytes.error());
  // Without its name what is written into it would not outlast a power cut.
  if (status) status = co_await sync_folder();
  if (status) {
    file_ = fresh;
    size_ = align_up(static_cast<std::size_t>(*bytes), DeadLetter::alignment);
  } else if (fresh != io::Handle::none) {
    context_.reactor().discard(fresh);
  }
  co_return status;
}

// Where folders cannot be synced there is nothing to wait for.
Task<Status> DeadLetterFile::sync_folder() {
  const auto folder = co_await async::open(settings_.folder.c_str(), io::OpenMode::folder);
  if (!folder) co_return folder.error();
  const Status synced = co_await async::sync(*folder);
  context_.reactor().discard(*folder);
  const bool counts = synced.error() == Error::io || synced.error() == Error::no_space ||
                      synced.error() == Error::cancelled;
  co_return counts ? synced : Status();
}

}  // namespace runnel::pipeline
