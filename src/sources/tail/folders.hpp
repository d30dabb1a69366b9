// The folders whose changes the kernel tells. Folders are watched, not files: one watch covers all
// files in it and those that will appear. Where watching fails, the owner polls.
#pragma once

#include <string_view>

#include "io/reactor.hpp"
#include "io/system.hpp"
#include "sources/tail/path_pool.hpp"

namespace runnel::sources::tail {

struct Folder {
  std::uint32_t watch = 0;
  PathPool::Id path = PathPool::none;  // none: a free slot
  bool seen = false;                   // in the scan that is under way
  bool stale = false;                  // it went away, or another one has its name now
};

class Folders {
 public:
  Folders(io::System& system, std::span<Folder> slots, PathPool& paths)
      : system_(system), slots_(slots), paths_(paths) {}

  // Where changes are told; after a failure nothing is watched.
  Status open();
  void close(io::Reactor& reactor);
  io::Handle watcher() const { return watcher_; }

  void begin_scan();
  // Watches it, or goes on watching it. `path` is followed by a zero byte. `no_memory`: too many;
  // `exists`: it is watched by another name.
  Status watch(std::string_view path);
  void end_scan();  // forgets those that no pattern leads to any more

  // Null for a watch that has been given up.
  Folder* find(std::uint32_t watch);
  std::string_view path_of(const Folder& folder) const { return paths_.text(folder.path); }
  std::size_t count() const;

 private:
  void forget(Folder& folder);

  io::System& system_;
  std::span<Folder> slots_;
  PathPool& paths_;
  io::Handle watcher_ = io::Handle::none;
  std::size_t last_found_ = 0;
};

}  // namespace runnel::sources::tail
