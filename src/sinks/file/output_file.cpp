#include "sinks/file/output_file.hpp"

#include "async/sleep.hpp"
#include "base/canary.hpp"
#include "base/mark.hpp"

namespace runnel::sinks {

using async::Task;

Task<Status> append(OutputFile& file, Bytes frame) {
  std::size_t done = 0;
  while (done < frame.size()) {
    const Bytes rest = frame.subspan(done);
    const auto wrote = co_await async::write(file.handle, rest, file.size + done);
    if (wrote && *wrote > 0) {
      if (done + *wrote < frame.size()) passed(Seldom::short_write_continued);
      done += canary(Canary::short_write_as_whole) ? rest.size() : *wrote;
      continue;
    }
    file.torn = true;
    passed(Seldom::torn_frame_cut);
    const Status cut = co_await async::truncate(file.handle, file.size);
    if (cut) file.torn = false;
    // A write of nothing without a reason: the device is full.
    co_return wrote ? Status(Error::no_space) : Status(wrote.error());
  }
  file.size += frame.size();
  // What an attempt before left behind is written over, unless it was longer than this frame.
  if (file.torn) {
    const Status cut = co_await async::truncate(file.handle, file.size);
    if (cut) file.torn = false;
  }
  co_return Status();
}

namespace {

Task<Status> sync_folder(std::string_view folder, bool& failed) {
  PathText path(folder);
  const auto opened = co_await async::open(path.c_str(), io::OpenMode::folder);
  if (!opened) co_return opened.error();
  const Status synced = co_await async::sync(*opened);
  // Not by an operation: in a cancelled scope none is begun, and the handle would stay open.
  async::Scope& scope = *co_await async::current_scope();
  scope.scheduler().reactor().discard(*opened);
  failed = synced.error() == Error::io || synced.error() == Error::no_space;
  const bool counts = failed || synced.error() == Error::cancelled;
  co_return counts ? synced : Status();
}

}  // namespace

Task<Status> sync_folders(std::string_view path, std::string_view top, bool& failed) {
  failed = false;
  std::string_view folder = folder_of(path);
  for (;;) {
    const Status synced = co_await sync_folder(folder, failed);
    if (!synced) co_return synced;
    if (folder.size() <= top.size()) co_return Status();
    folder = folder_of(folder);
  }
}

Task<Status> rename_numbered(const char* from, std::string_view wanted, std::uint32_t& number) {
  PathText to;
  while (number <= path_number_max) {
    to.clear();
    write_numbered(to, wanted, number);
    const Status renamed = co_await async::rename_exclusive(from, to.c_str());
    if (renamed.error() != Error::exists) co_return renamed;
    ++number;
  }
  co_return Error::exists;
}

}  // namespace runnel::sinks
