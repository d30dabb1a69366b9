#include "sinks/file/retention.hpp"

#include <algorithm>

#include "async/operations.hpp"
#include "async/sleep.hpp"
#include "base/log.hpp"
#include "sinks/file/walk.hpp"

namespace runnel::sinks {

async::Task<void> Retention::apply() {
  for (std::size_t pass = 0; pass < passes_max; ++pass) {
    collect();
    std::size_t removed = 0;
    while (removed < count_ && is_too_much(oldest_[removed])) {
      const Candidate& going = oldest_[removed];
      PathText& path = paths_[going.path];
      const Status unlinked = co_await async::unlink(path.c_str());
      if (!unlinked && unlinked.error() != Error::not_found) {
        log_warn(context_.name, "retention cannot delete ", path.text(), ": ",
                 describe(unlinked.error()));
        co_return;
      }
      // Its inode may come back as a file of somebody else's.
      context_.own_files.remove(going.device, going.inode);
      total_bytes_ -= going.size;
      ++removed;
    }
    if (removed < count_ || count_ < candidates_max) co_return;
    co_await async::yield();
  }
}

void Retention::collect() {
  count_ = 0;
  total_bytes_ = 0;
  const bool complete =
      walk_files(context_.system, settings_.path, entries_max, [this](std::string_view path) {
        look_at(path);
        return true;
      });
  if (!complete)
    log_warn(context_.name, "retention looked at ", entries_max, " files only; there are more in ",
             settings_.path.folder());
}

void Retention::look_at(std::string_view path) {
  if (path.ends_with(unfinished_ending) || !settings_.path.matches(path)) return;
  PathText name(path);
  const auto info = context_.system.file_info(name.c_str());
  if (!info || info->kind != io::FileInfo::Kind::regular) return;
  total_bytes_ += info->size;
  remember(path, *info);
}

// Keeps the oldest ones, sorted; of two with one time, the lesser name is the older.
void Retention::remember(std::string_view path, const io::FileInfo& info) {
  const auto is_older = [&](const Candidate& other) {
    if (info.modified_ns != other.modified_ns) return info.modified_ns < other.modified_ns;
    return path < paths_[other.path].text();
  };
  std::size_t place = count_;
  while (place > 0 && is_older(oldest_[place - 1])) --place;
  if (place == candidates_max) return;
  // The youngest one's path makes room when all are in use.
  const std::size_t slot = count_ < candidates_max ? count_++ : oldest_[count_ - 1].path;
  for (std::size_t index = count_ - 1; index > place; --index) oldest_[index] = oldest_[index - 1];
  oldest_[place] = {info.modified_ns, info.size, info.device, info.inode, slot};
  paths_[slot].clear();
  paths_[slot] << path;
}

bool Retention::is_too_much(const Candidate& oldest) const {
  if (settings_.keep_bytes > 0 && total_bytes_ > settings_.keep_bytes) return true;
  if (settings_.keep_age == Duration::zero()) return false;
  const std::int64_t now_ns = context_.system.wall_clock().time_since_epoch().count();
  return now_ns - oldest.modified_ns > settings_.keep_age.count();
}

}  // namespace runnel::sinks
