#include "sinks/file/walk.hpp"

namespace runnel::sinks {
namespace {

struct Walk {
  io::System& system;
  std::size_t entries_left;
  FunctionRef<bool(std::string_view)> each;

  // False: stop. Invariant: at most path_pattern_bytes_max levels, the slashes of a pattern.
  bool below(std::string_view folder, std::size_t levels) {
    PathText path(folder);
    const std::size_t folder_size = folder == "/" ? 0 : folder.size();
    bool go_on = true;
    const Status listed = system.list(path.c_str(), [&](const io::FolderEntry& entry) {
      if (entries_left == 0) return go_on = false;
      --entries_left;
      PathText inner(folder.substr(0, folder_size), '/', entry.name);
      if (inner.cut()) return true;
      switch (entry.kind) {
        case io::FolderEntry::Kind::folder:
          return go_on = levels == 0 || below(inner.text(), levels - 1);
        case io::FolderEntry::Kind::regular:
        case io::FolderEntry::Kind::unknown:
          return go_on = each(inner.text());
        case io::FolderEntry::Kind::link:
        case io::FolderEntry::Kind::other:
          break;
      }
      return true;
    });
    (void)listed;
    return go_on;
  }
};

}  // namespace

bool walk_files(io::System& system, const PathTemplate& path, std::size_t entries_max,
                FunctionRef<bool(std::string_view)> each) {
  Walk walk{system, entries_max, each};
  walk.below(path.folder(), path.folders_below());
  return walk.entries_left > 0;
}

}  // namespace runnel::sinks
