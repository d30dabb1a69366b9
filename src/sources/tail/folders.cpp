#include "sources/tail/folders.hpp"

#include <algorithm>

namespace runnel::sources::tail {

Status Folders::open() {
  const auto opened = system_.open_watcher();
  if (!opened) return opened.error();
  watcher_ = *opened;
  return {};
}

void Folders::close(io::Reactor& reactor) {
  if (watcher_ == io::Handle::none) return;
  reactor.discard(watcher_);
  watcher_ = io::Handle::none;
}

void Folders::begin_scan() {
  for (Folder& folder : slots_) {
    // Its name may mean another folder by now: only a new watch tells.
    if (folder.stale) forget(folder);
    folder.seen = false;
  }
}

Status Folders::watch(std::string_view path) {
  if (watcher_ == io::Handle::none) return Error::unsupported;
  Folder* free = nullptr;
  for (Folder& folder : slots_) {
    if (folder.path == PathPool::none) {
      if (free == nullptr) free = &folder;
    } else if (paths_.text(folder.path) == path) {
      folder.seen = true;
      return {};
    }
  }
  if (free == nullptr) return Error::no_memory;
  const PathPool::Id id = paths_.add({}, path);
  if (id == PathPool::none) return Error::no_memory;
  const auto watched = system_.watch(watcher_, paths_.c_str(id));
  if (!watched) {
    paths_.remove(id);
    return watched.error();
  }
  // The same folder by another name: changes would be told for one of the two only.
  if (find(*watched) != nullptr) {
    paths_.remove(id);
    return Error::exists;
  }
  *free = Folder{*watched, id, true, false};
  return {};
}

void Folders::end_scan() {
  for (Folder& folder : slots_)
    if (folder.path != PathPool::none && !folder.seen) forget(folder);
}

void Folders::forget(Folder& folder) {
  system_.unwatch(watcher_, folder.watch);
  paths_.remove(folder.path);
  folder = Folder();
}

Folder* Folders::find(std::uint32_t watch) {
  if (slots_[last_found_].path != PathPool::none && slots_[last_found_].watch == watch)
    return &slots_[last_found_];
  for (std::size_t at = 0; at < slots_.size(); ++at) {
    if (slots_[at].path == PathPool::none || slots_[at].watch != watch) continue;
    last_found_ = at;
    return &slots_[at];
  }
  return nullptr;
}

std::size_t Folders::count() const {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(),
                    [](const Folder& folder) { return folder.path != PathPool::none; }));
}

}  // namespace runnel::sources::tail
