#include "sinks/file/file_sink.hpp"

#include <algorithm>

#include "async/sleep.hpp"
#include "base/fnv.hpp"
#include "sinks/file/recovery.hpp"
#include "sinks/file/retention.hpp"

namespace runnel::sinks {

using async::Task;
using pipeline::Delivery;
using pipeline::Frame;

namespace {

// A collision closes a file early, nothing else.
std::uint64_t hash(const HeaderValues& values) {
  constexpr std::uint8_t end = 0;  // stands in no value
  Fnv result;
  for (const HeaderValue& value : values) result.add(value.view()).add(end);
  return result.value();
}

bool same(const HeaderValues& left, const HeaderValues& right) {
  for (std::size_t index = 0; index < left.size(); ++index)
    if (left[index].view() != right[index].view()) return false;
  return true;
}

}  // namespace

FileMemory FileSink::carve(Region& region, const FileSettings& settings) {
  FileMemory memory;
  const bool has_headers = settings.path.header_count() > 0;
  const std::size_t files = has_headers ? settings.files_open_max : 1;
  memory.files = region.array<OutputFile>(files, "open files");
  if (has_headers) {
    // One more than a batch may have: the record that goes over is asked for too.
    const std::size_t count = pipeline::Sink::partitions_max + 1;
    memory.partitions = region.array<HeaderValues>(count, "paths of a batch");
  }
  if (settings.keep_bytes > 0 || settings.keep_age > Duration::zero())
    memory.oldest = region.array<PathText>(Retention::candidates_max, "oldest files");
  constexpr std::size_t tasks = 24, frame_bytes = 2048;
  region.frames(tasks, frame_bytes);
  region.handles(files + 2);
  return memory;
}

FileSink::FileSink(pipeline::SinkContext& context, const FileSettings& settings,
                   const FileMemory& memory)
    : context_(context), settings_(settings), memory_(memory) {
  for (HeaderValue& value : unknown_) value.assign(std::nullopt, settings_.path.value_bytes_max());
}

// --- start ---------------------------------------------------------------------------------------

Task<pipeline::Started> FileSink::start() {
  settings_.path.write(wanted_, context_.clock.now(), unknown_);
  const pipeline::Started usable = co_await check_folder(context_, settings_, wanted_.c_str());
  if (!usable) co_return usable;
  co_await finish_leftovers(context_, settings_);
  retention_due_ = !memory_.oldest.empty();
  co_return pipeline::Started();
}

// --- partitions ----------------------------------------------------------------------------------

std::uint64_t FileSink::partition(const pipeline::Record& record) {
  if (partitions_are_old_) partition_count_ = last_partition_ = 0;
  partitions_are_old_ = false;
  HeaderValues values = unknown_;
  const pipeline::Headers headers = record.headers();
  for (std::size_t index = 0; index < settings_.path.header_count(); ++index)
    values[index].assign(headers.find(settings_.path.header(index)),
                         settings_.path.value_bytes_max());
  // Neighbours mostly go the same way.
  if (partition_count_ > 0 && same(memory_.partitions[last_partition_], values))
    return last_partition_ + 1;
  std::size_t index = 0;
  while (index < partition_count_ && !same(memory_.partitions[index], values)) ++index;
  if (index == partition_count_) {
    // Invariant: the runner ends a batch at `partitions_max` different keys.
    RUNNEL_ASSERT(partition_count_ < memory_.partitions.size());
    memory_.partitions[partition_count_++] = values;
  }
  last_partition_ = index;
  return index + 1;
}

const HeaderValues& FileSink::values_of(std::uint64_t key) const {
  if (key == 0) return unknown_;
  RUNNEL_ASSERT(key <= partition_count_);
  return memory_.partitions[static_cast<std::size_t>(key) - 1];
}

// --- delivering ----------------------------------------------------------------------------------

Task<Delivery> FileSink::deliver(const Frame& frame) {
  partitions_are_old_ = true;
  Delivery delivery;
  delivery.outcome = settles() ? Delivery::Outcome::held : Delivery::Outcome::delivered;
  if (!keeper_) {
    async::Scope& runner = *co_await async::current_scope();
    keeper_.emplace(runner, context_.name);
    keeper_->spawn(keep());
  }
  if (frame.wire.empty()) co_return delivery;
  Status written = co_await delivering_.enter();
  if (written) {
    written = co_await write(frame);
    delivering_.leave();
  }
  if (!written) {
    delivery.outcome = Delivery::Outcome::retry;
    delivery.error = written.error();
  }
  if (is_withdrawn(frame)) delivery.outcome = Delivery::Outcome::withdrawn;
  co_return delivery;
}

Task<Status> FileSink::write(const Frame& frame) {
  wanted_.clear();
  settings_.path.write(wanted_, context_.clock.now(), values_of(frame.key));
  OutputFile* file = nullptr;
  const Status chosen = co_await choose(frame, file);
  if (!chosen) {
    note_failure(chosen.error(), wanted_.text());
    co_return chosen;
  }
  // Closing the file before failed, perhaps just now: what it held goes first.
  if (is_withdrawn(frame)) co_return Status();
  const Status appended = co_await append(*file, frame.wire);
  if (!appended) {
    note_failure(appended.error(), file->unfinished.text());
    co_return appended;
  }
  note_success();
  context_.counters.written_bytes += frame.wire.size();
  file->events += frame.events;
  file->written = context_.now();
  file->full = (settings_.roll_bytes > 0 && file->size >= settings_.roll_bytes) ||
               (settings_.roll_events > 0 && file->events >= settings_.roll_events);
  // The keeper has a file to close, or a new one's time to watch.
  context_.subscription.pressure().ring();
  co_return Status();
}

bool FileSink::has_no_room_for(const OutputFile& file, const Frame& frame) const {
  if (file.full || file.failed || close_due_at(file) <= context_.now()) return true;
  if (file.size == 0) return false;
  if (settings_.roll_bytes > 0 && file.size + frame.wire.size() > settings_.roll_bytes) return true;
  return settings_.roll_events > 0 && file.events + frame.events > settings_.roll_events;
}

// The open file for `wanted_`. Files whose time has passed and, when the table is full, the one
// that was written longest ago are closed on the way.
Task<Status> FileSink::choose(const Frame& frame, OutputFile*& chosen) {
  const std::uint64_t identity = hash(values_of(frame.key));
  OutputFile* free = nullptr;
  OutputFile* oldest = nullptr;
  for (OutputFile& file : memory_.files) {
    const bool is_wanted = file.is_open() && file.path.text() == wanted_.text();
    const bool is_past = file.is_open() && !is_wanted && file.identity == identity;
    if (is_past || (is_wanted && has_no_room_for(file, frame))) {
      const Status ended = co_await end_file(file);
      if (!ended) co_return ended;
    }
    if (!file.is_open()) {
      free = &file;
    } else if (is_wanted) {
      chosen = &file;
    } else if (oldest == nullptr || file.written < oldest->written) {
      oldest = &file;
    }
  }
  if (chosen != nullptr) co_return Status();
  if (free == nullptr) {
    RUNNEL_ASSERT(oldest != nullptr);
    const Status ended = co_await end_file(*oldest);
    if (!ended) co_return ended;
    free = oldest;
  }
  const Status opened = co_await open(*free);
  if (!opened) co_return opened;
  free->identity = identity;
  chosen = free;
  co_return Status();
}

Task<Status> FileSink::end_file(OutputFile& file) {
  const Status entered = co_await structure_.enter();
  if (!entered) co_return entered;
  const Status ended = co_await finish(file);
  structure_.leave();
  co_return ended;
}

Task<Status> FileSink::open(OutputFile& file) {
  file.path.clear();
  file.path << wanted_.text();
  auto opened = co_await open_unfinished(file);
  if (!opened && opened.error() == Error::not_found) {
    // Rare: once for every new folder, or one that somebody removed.
    PathText folder(folder_of(file.path.text()));
    const Status made = context_.system.make_folders(folder.c_str());
    if (!made) co_return made;
    opened = co_await open_unfinished(file);
  }
  if (!opened) co_return opened.error();
  file.handle = *opened;
  file.size = file.durable = file.events = 0;
  file.entry_durable = file.torn = file.full = file.failed = false;
  file.opened = file.written = context_.now();
  io::FileInfo info;
  const Status known = co_await async::stat(file.handle, info);
  file.device = known ? info.device : 0;
  file.inode = known ? info.inode : 0;
  if (known) context_.own_files.add(file.device, file.inode);
  co_return Status();
}

// Somebody else's unfinished file of the same name is left alone: this one takes a number.
Task<Result<io::Handle>> FileSink::open_unfinished(OutputFile& file) {
  constexpr std::uint32_t attempts_max = 1000;
  Result<io::Handle> opened = fail(Error::exists);
  for (std::uint32_t number = 0; number < attempts_max; ++number) {
    file.unfinished.clear();
    write_numbered(file.unfinished, file.path.text(), number);
    file.unfinished << unfinished_ending;
    opened = co_await async::open(file.unfinished.c_str(), io::OpenMode::exclusive);
    if (opened || opened.error() != Error::exists) break;
  }
  co_return opened;
}

void FileSink::note_failure(Error error, std::string_view path) {
  if (error != Error::no_space || out_of_space_) return;
  out_of_space_ = true;
  log_error(context_.name, path, ": ", describe(error),
            "; delivery stops until there is room, events wait in the channel");
}

void FileSink::note_success() {
  if (!out_of_space_) return;
  out_of_space_ = false;
  log_info(context_.name, "there is room again: delivery goes on");
}

// --- shut ----------------------------------------------------------------------------------------

Task<void> FileSink::shut() {
  stopping_ = true;
  context_.subscription.pressure().ring();
  if (keeper_) {
    co_await keeper_->join();
    keeper_.reset();
  }
  bool all_finished = true;
  for (OutputFile& file : memory_.files) {
    if (!file.is_open()) continue;
    const Status finished = co_await finish(file);
    if (finished) continue;
    all_finished = false;
    log_warn(context_.name, file.unfinished.text(), " stays as it is (", describe(finished.error()),
             "); the next start finishes it");
    context_.reactor().discard(file.handle);
    release(file, true);
  }
  if (settles() && all_finished) context_.subscription.settle(context_.subscription.written());
}

}  // namespace runnel::sinks
