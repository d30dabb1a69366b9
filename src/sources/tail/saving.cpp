// The checkpoint file: loaded once, written as a whole under another name, synced, renamed, and the
// folder synced. At any instant the name means one whole checkpoint, the old one or the new one.
#include "async/operations.hpp"
#include "base/canary.hpp"
#include "base/mark.hpp"
#include "sources/tail/tail.hpp"

namespace runnel::sources::tail {
namespace {

constexpr int exit_io = 74;
constexpr std::size_t set_aside_max = 99;
constexpr std::string_view name_prefix = "sources.";

}  // namespace

async::Task<pipeline::Started> Tail::load() {
  existing_from_end_ = !settings_.from_beginning;
  const std::string_view folder(context().state_dir);
  if (folder.empty()) co_return pipeline::Started();
  std::string_view name(context().name);
  if (name.starts_with(name_prefix)) name.remove_prefix(name_prefix.size());
  checkpoint_path_ << folder << "/tail-" << name << ".checkpoint";
  checkpoint_new_path_ << checkpoint_path_.text() << ".new";
  if (checkpoint_new_path_.cut())
    co_return problem(concat("state_dir is too long a path: ", folder));

  const std::size_t bytes_max = (remembered_.room() + 2) * position_line_bytes_max;
  const auto text = context().system.read_file(checkpoint_path_.c_str(), bytes_max);
  if (!text && text.error() == Error::not_found) {
    // What is skipped by start_at = "end" must stay skipped: written even if nothing is read.
    changed();
    co_return pipeline::Started();
  }
  if (!text)
    co_return problem(concat("cannot read the checkpoint ", checkpoint_path_.text(), ": ",
                             describe(text.error())),
                      exit_io);
  existing_from_end_ = false;
  passed(Seldom::checkpoint_loaded);
  const PositionsRead read = read_positions(
      *text, [&](const SavedPosition& position) { return remembered_.add(position); });
  switch (read) {
    case PositionsRead::whole:
      break;
    case PositionsRead::unknown_version:
      co_return problem(concat("the checkpoint ", checkpoint_path_.text(),
                               " was written by a later Runnel; update, or move it away to begin "
                               "anew (then start_at counts)"));
    case PositionsRead::refused:
      co_return problem(concat("the checkpoint ", checkpoint_path_.text(),
                               " holds more files than files_max = ", settings_.files_max,
                               " has room for; raise files_max"));
    case PositionsRead::damaged: {
      auto kept = co_await keep_aside();
      co_return kept;
    }
  }
  co_return pipeline::Started();
}

// A damaged checkpoint stays for whoever wants to know why. Reading goes on from the beginning:
// that repeats lines, the other choice would lose some.
async::Task<pipeline::Started> Tail::keep_aside() {
  for (std::size_t number = 1; number <= set_aside_max; ++number) {
    const std::string aside = concat(checkpoint_path_.text(), ".damaged-", number);
    const Status renamed =
        co_await async::rename_exclusive(checkpoint_path_.c_str(), aside.c_str());
    if (!renamed && renamed.error() == Error::exists) continue;
    if (!renamed)
      co_return problem(concat("the checkpoint ", checkpoint_path_.text(),
                               " is damaged and cannot be renamed: ", describe(renamed.error())),
                        exit_io);
    log_error(context().name, "the checkpoint ", checkpoint_path_.text(), " is damaged; kept as ",
              aside, "; all files are read from their beginning");
    changed();
    co_return pipeline::Started();
  }
  co_return problem(concat("the checkpoint ", checkpoint_path_.text(),
                           " is damaged, and so were 99 before it that lie beside it; look at the "
                           "disk, and remove them"));
}

void Tail::changed() {
  changed_ = true;
  if (keeps_positions() && next_save_ == never)
    next_save_ = after(context().now(), settings_.checkpoint_interval);
}

void Tail::note(File& file, const pipeline::Receipt& receipt) {
  if (!keeps_positions()) return;
  file.notes.note(receipt, file.offset);
  notes_pending_ = true;
  if (next_save_ == never) next_save_ = after(context().now(), settings_.checkpoint_interval);
}

void Tail::settle() {
  if (!notes_pending_) return;
  notes_pending_ = false;
  for (File& file : files_.all()) {
    if (!file.notes.pending()) continue;
    if (const auto safe = file.notes.settle(context().outlet)) {
      // Invariant: what may be forgotten has been read.
      RUNNEL_ASSERT(*safe <= file.offset);
      file.safe = *safe;
      changed_ = true;
    }
    notes_pending_ |= file.notes.pending();
  }
}

async::Task<void> Tail::save_if_due() {
  if (!keeps_positions() || context().now() < next_save_) co_return;
  if (canary(Canary::allocates)) ::operator delete(::operator new(16));
  settle();
  if (changed_) {
    changed_ = false;
    const Status saved = co_await save();
    if (!saved) {
      changed_ = true;
      passed(Seldom::checkpoint_not_saved);
      if (saved.error() != Error::cancelled) {
        ++context().counters.errors;
        if (save_complaint_.due(context().now()))
          log_error(context().name, "cannot write ", checkpoint_path_.text(), ": ",
                    describe(saved.error()), "; tried again every ",
                    HumanDuration{settings_.checkpoint_interval},
                    "; after a crash, lines read since the last one are read again");
      }
    }
  }
  // While something is not in custody, there is something to come back for.
  next_save_ =
      changed_ || notes_pending_ ? after(context().now(), settings_.checkpoint_interval) : never;
}

async::Task<Status> Tail::save() {
  const auto opened = co_await async::open(checkpoint_new_path_.c_str(), io::OpenMode::create);
  if (!opened) co_return opened.error();
  // What an interrupted save has left there is nobody's.
  Status status = co_await async::truncate(*opened, 0);
  if (status) status = co_await write_positions(*opened);
  if (status && !canary(Canary::checkpoint_not_synced)) {
    status = co_await async::sync(*opened);
    ++context().counters.syncs;
  }
  context().reactor().discard(*opened);
  if (!status) co_return status;
  status = co_await async::rename(checkpoint_new_path_.c_str(), checkpoint_path_.c_str());
  if (!status) co_return status;
  status = co_await sync_folder();
  co_return status;
}

async::Task<Status> Tail::sync_folder() {
  const auto folder = co_await async::open(context().state_dir, io::OpenMode::folder);
  if (!folder) co_return folder.error();
  const Status synced = co_await async::sync(*folder);
  ++context().counters.syncs;
  context().reactor().discard(*folder);
  co_return synced;
}

// The files in their slots, then the remembered ones. False: nothing to write for this one.
bool Tail::position_of(std::size_t index, SavedPosition& position) {
  const auto files = files_.all();
  if (index >= files.size()) {
    const RememberedFile& saved = remembered_.all()[index - files.size()];
    position = {saved.device, saved.inode, saved.fingerprint, saved.offset,
                remembered_.path_of(saved)};
    return true;
  }
  const File& file = files[index];
  // Of a file that has not been looked at there is something to say only if it is to be skipped.
  if (!file.used || file.deleted || (!file.known && file.safe == 0)) return false;
  position = {file.device, file.inode, file.fingerprint, file.safe, label_of(file)};
  return true;
}

async::Task<Status> Tail::write_positions(io::Handle handle) {
  TextWriter out(checkpoint_text_);
  write_first_line(out);
  std::uint64_t offset = 0;
  std::uint32_t crc = 0;
  std::size_t positions = 0;
  const std::size_t count = files_.all().size() + remembered_.all().size();
  for (std::size_t index = 0; index < count; ++index) {
    SavedPosition position;
    if (!position_of(index, position)) continue;
    if (out.room() < position_line_bytes_max) {
      crc = crc32c(as_bytes(out.text()), crc);
      const Status written = co_await write_all(handle, as_bytes(out.text()), offset);
      if (!written) co_return written;
      offset += out.size();
      out.clear();
    }
    write_position(out, position);
    ++positions;
  }
  crc = crc32c(as_bytes(out.text()), crc);
  const Status body = co_await write_all(handle, as_bytes(out.text()), offset);
  if (!body) co_return body;
  offset += out.size();
  out.clear();
  write_last_line(out, positions, crc);
  const Status end = co_await write_all(handle, as_bytes(out.text()), offset);
  co_return end;
}

async::Task<Status> Tail::write_all(io::Handle handle, Bytes bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto written = co_await async::write(handle, bytes, offset);
    if (!written) co_return written.error();
    if (*written == 0) co_return Error::no_space;
    context().counters.written_bytes += *written;
    bytes = bytes.subspan(*written);
    offset += *written;
  }
  co_return Status();
}

}  // namespace runnel::sources::tail
