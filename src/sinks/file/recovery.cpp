#include "sinks/file/recovery.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "async/operations.hpp"
#include "base/canary.hpp"
#include "base/log.hpp"
#include "base/mark.hpp"
#include "codec/whole_frames.hpp"
#include "sinks/file/output_file.hpp"
#include "sinks/file/walk.hpp"

namespace runnel::sinks {

using async::Task;
using pipeline::SinkContext;
using pipeline::Started;

namespace {

constexpr int exit_io = 74;
constexpr std::size_t piece_bytes = 256 * 1024;

std::string advice_for(Error error) {
  switch (error) {
    case Error::access:
      return "let the user that runs this write there, or choose another path";
    case Error::read_only:
      return "remount it for writing, or choose another path";
    case Error::not_folder:
    case Error::is_folder:
      return "move what is there away, or choose another path";
    default:
      return "see to the device, or choose another path";
  }
}

Started refuse(std::string_view what, std::string_view where, Error error) {
  return problem(concat("path: ", what, " ", where, ": ", describe(error), "; ", advice_for(error)),
                 exit_io);
}

}  // namespace

Task<Started> check_folder(SinkContext& context, const FileSettings& settings,
                           const char* example) {
  const std::string folder(settings.path.folder());
  const Status made = context.system.make_folders(folder.c_str());
  if (!made) co_return refuse("cannot make the folder", folder, made.error());
  const auto there = context.system.file_info(example);
  if (there && there->kind == io::FileInfo::Kind::folder)
    co_return refuse("cannot write the file", example, Error::is_folder);
  std::string probe = folder == "/" ? std::string() : folder;
  probe += "/.runnel-probe-" + std::to_string(context.system.process_id());
  const auto opened = co_await async::open(probe.c_str(), io::OpenMode::create);
  // A full device is no reason not to start: delivery waits for room.
  if (!opened && opened.error() == Error::no_space) co_return Started();
  if (!opened) co_return refuse("cannot write into the folder", folder, opened.error());
  const Status closed = co_await async::close(*opened);
  (void)closed;
  const Status removed = co_await async::unlink(probe.c_str());
  if (!removed) co_return refuse("cannot delete in the folder", folder, removed.error());
  co_return Started();
}

namespace {

struct Leftover {
  std::string path;
  std::uint64_t size = 0;
  std::uint64_t whole = 0;
  bool broken = false;
};

std::vector<std::string> find_leftovers(SinkContext& context, const FileSettings& settings) {
  std::vector<std::string> found;
  const bool complete =
      walk_files(context.system, settings.path, recovery_entries_max, [&](std::string_view path) {
        if (!path.ends_with(unfinished_ending)) return true;
        const auto finished = path.substr(0, path.size() - unfinished_ending.size());
        if (settings.path.matches(finished)) found.emplace_back(path);
        return found.size() < leftovers_max;
      });
  if (!complete)
    log_warn(context.name, "looked at ", recovery_entries_max, " files below ",
             settings.path.folder(), " only; there may be more unfinished ones");
  std::sort(found.begin(), found.end());
  return found;
}

// How much of the file consists of whole frames.
Task<Status> examine(io::Handle handle, codec::Codec codec, Leftover& leftover) {
  io::FileInfo info;
  const Status known = co_await async::stat(handle, info);
  if (!known) co_return known;
  leftover.size = info.size;
  codec::WholeFrames frames(codec);
  std::vector<std::byte> piece(piece_bytes);
  std::uint64_t offset = 0;
  bool more = true;
  while (more) {
    const auto got = co_await async::read(handle, piece, offset);
    if (!got) co_return got.error();
    offset += *got;
    more = *got > 0 && frames.feed(Bytes(piece).first(*got));
  }
  leftover.whole = frames.whole_bytes();
  leftover.broken = frames.broken();
  co_return Status();
}

Task<Status> cut_to_whole(io::Handle handle, const Leftover& leftover, bool sync) {
  if (leftover.whole < leftover.size && !canary(Canary::torn_frame_kept)) {
    passed(Seldom::torn_tail_cut);
    const Status cut = co_await async::truncate(handle, leftover.whole);
    if (!cut) co_return cut;
  }
  Status synced;
  if (sync) synced = co_await async::sync(handle);
  co_return synced;
}

Task<Status> put_in_place(SinkContext& context, const Leftover& leftover) {
  const std::string_view path = leftover.path;
  std::string finished(path.substr(0, path.size() - unfinished_ending.size()));
  if (leftover.size == 0 || (leftover.whole == 0 && !leftover.broken)) {
    const Status removed = co_await async::unlink(leftover.path.c_str());
    passed(Seldom::leftover_deleted);
    if (removed)
      log_info(context.name, "deleted ", path, ": no whole frame in its ", leftover.size, " bytes");
    co_return removed;
  }
  if (leftover.whole == 0) finished += broken_ending;
  std::uint32_t number = 0;
  const Status renamed = co_await rename_numbered(leftover.path.c_str(), finished, number);
  if (!renamed) co_return renamed;
  PathText name;
  write_numbered(name, finished, number);
  passed(leftover.whole == 0 ? Seldom::leftover_set_aside : Seldom::leftover_finished);
  if (leftover.whole == 0)
    log_warn(context.name, "put ", path, " aside as ", name.text(), ": its beginning is no frame");
  else
    log_info(context.name, "finished ", path, " as ", name.text(), ": kept ", leftover.whole,
             " bytes, cut ", leftover.size - leftover.whole);
  co_return Status();
}

Task<Status> finish_leftover(SinkContext& context, const FileSettings& settings,
                             const std::string& path) {
  Leftover leftover;
  leftover.path = path;
  const auto opened = co_await async::open(path.c_str(), io::OpenMode::create);
  if (!opened) co_return opened.error();
  Status status = co_await examine(*opened, settings.codec, leftover);
  if (status && leftover.whole > 0)
    status = co_await cut_to_whole(*opened, leftover, settings.fsync != Fsync::never);
  const Status closed = co_await async::close(*opened);
  (void)closed;
  if (status) status = co_await put_in_place(context, leftover);
  bool failed = false;
  if (status) status = co_await sync_folders(path, folder_of(path), failed);
  co_return status;
}

}  // namespace

Task<void> finish_leftovers(SinkContext& context, const FileSettings& settings) {
  const std::vector<std::string> found = find_leftovers(context, settings);
  for (const std::string& path : found) {
    const auto info = context.system.file_info(path.c_str());
    // Another sink of this agent is writing it.
    if (info && context.own_files.contains(info->device, info->inode)) continue;
    const Status finished = co_await finish_leftover(context, settings, path);
    if (!finished)
      log_error(context.name, path, " could not be finished: ", describe(finished.error()));
  }
}

}  // namespace runnel::sinks
