// Files that appear, move and go while they are followed, and those that did while nobody looked.
#include <array>

#include "base/canary.hpp"
#include "base/mark.hpp"
#include "sources/tail/family.hpp"
#include "sources/tail/tail.hpp"

namespace runnel::sources::tail {
namespace {

// A file that cannot be read is not tried again at each of its changes.
constexpr Duration retry_after_change = 1s;

}  // namespace

File* Tail::with_path(std::string_view path) {
  const std::uint64_t hash = hash_of(path);
  for (File* file = files_.with_path_hash(hash); file != nullptr;
       file = files_.with_path_hash(hash, file))
    if (path_of(*file) == path) return file;
  return nullptr;
}

// The headers of a file's events are its label with the header's name around it: encoded here once.
bool Tail::set_label(File& file, std::string_view path) {
  std::array<std::byte, pipeline::Headers::entry_overhead + 255> prefix;
  std::size_t prefix_bytes = 0;
  if (!settings_.header.empty()) {
    std::array<std::byte, prefix.size() + path_bytes_max> encoded;
    pipeline::HeaderWriter writer{MutableBytes(encoded)};
    writer.add(settings_.header, path);
    prefix_bytes = writer.headers().encoded().size() - path.size();
    std::copy_n(encoded.begin(), prefix_bytes, prefix.begin());
  }
  const PathPool::Id id = paths_.add(Bytes(prefix.data(), prefix_bytes), path);
  if (id == PathPool::none) return false;
  paths_.remove(file.label);
  file.label = id;
  return true;
}

void Tail::take_changes() {
  if (folders_.watcher() == io::Handle::none) return;
  context().system.take_changes(folders_.watcher(), [&](const io::Change& change) {
    if (change.lost) {
      passed(Seldom::watch_overflowed);
      rescan_ = true;
      return;
    }
    Folder* folder = folders_.find(change.watch);
    if (folder == nullptr) return;
    if (change.name.empty()) {
      folder->stale = true;
      rescan_ = true;
      return;
    }
    change_in(*folder, change);
  });
}

void Tail::change_in(const Folder& folder, const io::Change& change) {
  const std::string_view above = folders_.path_of(folder);
  const Scratch path(above == "/" ? std::string_view() : above, '/', change.name);
  if (path.cut()) return;
  if (change.gone) {
    if (File* file = with_path(path.text())) departed(*file);
  }
  if (change.appeared) appeared(path.text());
  if (!change.modified) return;
  File* file = with_path(path.text());
  if (file == nullptr || file->finished) return;
  const Instant now = context().now();
  if (file->named && now < after(file->grew_at, retry_after_change)) return;
  if (file->named) file->grew_at = now;
  file->look = true;
  files_.activate(*file);
}

void Tail::appeared(std::string_view path) {
  Scratch terminated(path);
  const auto info = context().system.file_info(terminated.c_str());
  if (!info) return;
  if (info->kind == io::FileInfo::Kind::folder) {
    for (const std::string& pattern : settings_.patterns) rescan_ |= may_lead_to(pattern, path);
    return;
  }
  if (info->kind != io::FileInfo::Kind::regular || !settings_.names(path)) return;
  bool linked = false;
  Scratch folder(folder_of(path));
  (void)context().system.list(folder.c_str(), [&](const io::FolderEntry& entry) {
    if (entry.name != path.substr(path.rfind('/') + 1)) return true;
    linked = entry.kind == io::FolderEntry::Kind::link;
    return false;
  });
  offer(path, *info, linked);
}

void Tail::poll_links() {
  for (File& file : files_.all()) {
    if (!file.used || !file.linked || file.leaving()) continue;
    Scratch path(path_of(file));
    const auto info = context().system.file_info(path.c_str());
    if (info && info->kind == io::FileInfo::Kind::regular) {
      offer(path.text(), *info, true);
    } else {
      departed(file);
    }
  }
}

Tail::Search Tail::find_inode(std::string_view folder, std::uint64_t inode, Scratch& path) {
  Scratch terminated(folder);
  bool any = false, found = false;
  const Status listed =
      context().system.list(terminated.c_str(), [&](const io::FolderEntry& entry) {
        any = true;
        if (entry.inode != inode || entry.kind == io::FolderEntry::Kind::folder) return true;
        path.clear();
        path << (folder == "/" ? std::string_view() : folder) << '/' << entry.name;
        found = !path.cut();
        return !found;
      });
  if (found) return Search::found;
  // An empty folder is what the place of a file system looks like that is not mounted yet.
  return listed && any ? Search::absent : Search::unknown;
}

// Its name means another file now, or none: it has been renamed or deleted.
void Tail::departed(File& file) {
  if (file.deleted) return;
  const auto there = context().system.file_info(path_of(file).data());
  if (there && there->inode == file.inode && there->device == file.device) return;
  const std::uint64_t before = files_.path_hash(file);
  Scratch path;
  bool moved = false;
  if (!file.linked && find_inode(folder_of(path_of(file)), file.inode, path) == Search::found) {
    const auto info = context().system.file_info(path.c_str());
    moved = info && info->inode == file.inode && info->device == file.device &&
            moved_to(file, path.text());
  }
  if (moved) passed(Seldom::rotated_while_up);
  if (moved && canary(Canary::rotated_rest_lost)) {
    release(file);
    return;
  }
  if (!moved) {
    if (file.handle == io::Handle::none) {
      release(file);
      return;
    }
    passed(Seldom::deleted_file_read_to_end);
    file.deleted = true;
    files_.set_path_hash(file, 0);
  }
  file.former = before;
  file.departed = ++departures_;
  file.grew_at = context().now();
  file.look = true;
  files_.activate(file);
}

bool Tail::moved_to(File& file, std::string_view path) {
  const bool named = settings_.names(path);
  PathPool::Id id = PathPool::none;
  if (named ? !set_label(file, path) : (id = paths_.add({}, path)) == PathPool::none) return false;
  paths_.remove(file.path);
  file.path = id;
  file.renamed = !named;
  file.deleted = false;
  files_.set_path_hash(file, hash_of(path));
  file.family = hash_of_family(path);
  changed();
  return true;
}

// Rotation while Runnel was down: positions whose file has another name now are taken up first, so
// that the file that has the old name waits for them.
void Tail::adopt_remembered() {
  for (std::size_t count = remembered_.all().size(); count-- > 0;) {
    RememberedFile& saved = remembered_.all()[count];
    Scratch before(remembered_.path_of(saved));
    const auto there = context().system.file_info(before.c_str());
    if (there && there->inode == saved.inode) continue;
    Scratch path;
    const Search search = find_inode(folder_of(before.text()), saved.inode, path);
    if (search == Search::unknown) continue;
    if (search == Search::found && settings_.names(before.text())) {
      if (adopt(saved, path.text())) remembered_.remove(saved);
      continue;
    }
    if (search == Search::absent)
      log_warn(
          context().name, before.text(),
          " was deleted or moved away while Runnel was not running; what had been read of it: ",
          saved.offset, " bytes");
    remembered_.remove(saved);
    changed();
  }
}

bool Tail::adopt(const RememberedFile& saved, std::string_view path) {
  Scratch terminated(path);
  const auto info = context().system.file_info(terminated.c_str());
  if (!info || info->inode != saved.inode || files_.full()) return false;
  if (files_.with_inode(info->inode) != nullptr) return false;
  if (is_own(path, info->device, info->inode)) return false;
  File& file = files_.claim();
  Scratch before(remembered_.path_of(saved));
  if (!set_label(file, before.text()) || !moved_to(file, path)) {
    release(file);
    return false;
  }
  files_.set_identity(file, info->device, info->inode);
  file.former = hash_of(before.text());
  file.departed = ++departures_;
  file.known = true;
  file.fingerprint = saved.fingerprint;
  file.offset = file.safe = saved.offset;
  file.size = info->size;
  file.modified_ns = info->modified_ns;
  file.grew_at = context().now();
  end_at(file, info->size);
  passed(Seldom::rotated_while_down);
  log_info(context().name, before.text(), " was renamed to ", path,
           " while Runnel was not running: reading the rest of it first");
  files_.activate(file);
  return true;
}

void Tail::close(File& file) {
  if (file.handle == io::Handle::none) return;
  context().reactor().discard(file.handle);
  file.handle = io::Handle::none;
}

void Tail::release(File& file) {
  if (canary(Canary::handle_kept)) file.handle = io::Handle::none;
  close(file);
  finished(file);
  links_ -= file.linked ? 1 : 0;
  paths_.remove(file.label);
  paths_.remove(file.path);
  files_.release(file);
  changed();
  // Somebody may have been waiting for a slot.
  if (overflow_ && !starting_) {
    overflow_ = false;
    rescan_ = true;
  }
}

}  // namespace runnel::sources::tail
