// Looking for the files that the patterns name. Folders are watched before they are listed, so that
// nothing appears unseen in between.
#include <algorithm>
#include <array>
#include <cstring>

#include "sources/tail/family.hpp"
#include "sources/tail/tail.hpp"

namespace runnel::sources::tail {
namespace {

// A flood of changes of folders leads to one scan in this time, not to one each.
constexpr Duration scan_interval = 100ms;
// Each level costs stack.
constexpr std::size_t depth_max = 24;

}  // namespace

struct Tail::Walk {
  std::array<char, path_bytes_max + 1> text = {};
  std::size_t size = 0;
  std::size_t depth = 0;
  std::size_t matches = 0;
  bool literal = false;  // the last part of the pattern can only match itself

  std::string_view path() const { return {text.data(), size}; }
  const char* c_str() const { return text.data(); }
  // The root has no name of its own.
  std::string_view folder() const { return size == 0 ? std::string_view("/") : path(); }
  bool push(std::string_view name) {
    if (depth == depth_max || size + 1 + name.size() > path_bytes_max) return false;
    text[size++] = '/';
    std::memcpy(text.data() + size, name.data(), name.size());
    cut_to(size + name.size());
    ++depth;
    return true;
  }
  void pop(std::size_t to) {
    cut_to(to);
    --depth;
  }

 private:
  void cut_to(std::size_t to) {
    size = to;
    text[size] = '\0';
  }
};

void Tail::scan() {
  rescan_ = false;
  next_scan_ = after(context().now(), scan_interval);
  folders_.begin_scan();
  for (File& file : files_.all()) file.seen = false;
  for (const std::string& pattern : settings_.patterns) {
    Walk walk;
    walk.literal = is_literal(std::string_view(pattern).substr(pattern.rfind('/') + 1));
    this->walk(walk, pattern);
    if (starting_ && walk.matches == 0)
      log_warn(context().name, pattern, " names no file yet; what appears there will be read");
  }
  folders_.end_scan();
  for (File& file : files_.all())
    if (file.used && !file.seen && !file.leaving()) departed(file);
  if (starting_) line_up(0);
}

// `pattern`: what is left of it below the folder that `walk` has come to.
void Tail::walk(Walk& walk, std::string_view pattern) {
  std::string_view rest = pattern;
  const auto part = take_part(rest);
  if (part == "**") {
    this->walk(walk, rest.empty() ? std::string_view("/*") : rest);
    walk_below(walk, pattern);
  } else if (!rest.empty() && is_literal(part)) {
    walk_literal(walk, part, rest);
  } else {
    walk_folder(walk, part, rest);
  }
}

// A folder with a given name needs no listing of the one that it is in.
void Tail::walk_literal(Walk& walk, std::string_view part, std::string_view rest) {
  const std::size_t size = walk.size;
  if (!walk.push(part)) return;
  const auto info = context().system.file_info(walk.c_str());
  const bool there = info && info->kind == io::FileInfo::Kind::folder;
  if (there) this->walk(walk, rest);
  walk.pop(size);
  // Until it appears, its parent tells of that.
  if (!there) watch(walk.folder());
}

void Tail::walk_folder(Walk& walk, std::string_view part, std::string_view rest) {
  watch(walk.folder());
  const std::size_t size = walk.size;
  const Status listed =
      context().system.list(walk.folder().data(), [&](const io::FolderEntry& entry) {
        if (!name_matches(part, entry.name) || !walk.push(entry.name)) return true;
        if (rest.empty()) {
          meet(walk, entry.kind);
        } else {
          const auto info = context().system.file_info(walk.c_str());
          if (info && info->kind == io::FileInfo::Kind::folder) this->walk(walk, rest);
        }
        walk.pop(size);
        return true;
      });
  if (listed) return;
  if (starting_)
    log_warn(context().name, "cannot list ", walk.folder(), ": ", describe(listed.error()),
             "; give the user that runs Runnel the right to read this folder");
  // One may be allowed to open a file in a folder that one may not list.
  if (rest.empty() && is_literal(part) && walk.push(part)) {
    meet(walk, io::FolderEntry::Kind::link);
    walk.pop(size);
  }
}

// Every folder below, not through links: they may lead in circles.
void Tail::walk_below(Walk& walk, std::string_view pattern) {
  watch(walk.folder());
  const std::size_t size = walk.size;
  (void)context().system.list(walk.folder().data(), [&](const io::FolderEntry& entry) {
    using Kind = io::FolderEntry::Kind;
    if (entry.name.starts_with('.')) return true;
    if (entry.kind != Kind::folder && entry.kind != Kind::unknown) return true;
    if (!walk.push(entry.name)) {
      if (!said_deep_)
        log_warn(context().name, walk.path(), "/", entry.name, " lies too deep and is left out");
      said_deep_ = true;
      return true;
    }
    bool folder = entry.kind == Kind::folder;
    if (!folder) {
      const auto info = context().system.file_info(walk.c_str());
      folder = info && info->kind == io::FileInfo::Kind::folder;
    }
    if (folder) this->walk(walk, pattern);
    walk.pop(size);
    return true;
  });
}

void Tail::meet(Walk& walk, io::FolderEntry::Kind kind) {
  const auto info = context().system.file_info(walk.c_str());
  if (!info) return;  // gone again, or a link to nowhere
  if (info->kind != io::FileInfo::Kind::regular) {
    const bool folder = info->kind == io::FileInfo::Kind::folder;
    if (starting_ && walk.literal)
      log_warn(context().name, walk.path(),
               folder ? " is a folder: name the files in it, such as "
                      : " is not a file and is left out: ",
               walk.path(), folder ? "/*" : "");
    return;
  }
  ++walk.matches;
  offer(walk.path(), *info, kind == io::FolderEntry::Kind::link);
}

void Tail::watch(std::string_view folder) {
  const Status watched = folders_.watch(folder);
  // Gone again: its parent tells.
  if (!watched && watched.error() != Error::not_found) poll_from_now_on(folder, watched.error());
}

void Tail::poll_from_now_on(std::string_view folder, Error why) {
  polling_ = true;
  if (next_poll_ == never) next_poll_ = after(context().now(), settings_.poll_interval);
  if (said_polling_) return;
  said_polling_ = true;
  log_warn(context().name, "changes in ", folder, " are not told (", describe(why),
           "): looking every ", HumanDuration{settings_.poll_interval}, " (poll_interval)");
}

bool Tail::is_own(std::string_view path, std::uint64_t device, std::uint64_t inode) const {
  if (context().own_files.contains(device, inode)) return true;
  const std::string_view state(context().state_dir);
  return !state.empty() && path.starts_with(state) &&
         path.substr(state.size()).starts_with("/tail-") &&
         path.find(".checkpoint", state.size()) != std::string_view::npos;
}

// A pattern names `path`, and this is what lies there.
void Tail::offer(std::string_view path, const io::FileInfo& info, bool linked) {
  if (is_own(path, info.device, info.inode)) return;
  for (File* file = files_.with_inode(info.inode); file != nullptr;
       file = files_.with_inode(info.inode, file)) {
    if (file->device != info.device) continue;
    refresh(*file, path, info);
    return;
  }
  if (File* before = with_path(path)) departed(*before);
  // --once: only what was there at start.
  if (context().once && !starting_) return;
  claim(path, info, linked);
}

void Tail::refresh(File& file, std::string_view path, const io::FileInfo& info) {
  file.seen = true;
  if (path != path_of(file) || file.deleted) {
    const auto there = context().system.file_info(path_of(file).data());
    const bool another_name =
        there && there->inode == file.inode && there->device == file.device && !file.deleted;
    if (!another_name) moved_to(file, path);
  }
  if (info.size == file.size && info.modified_ns == file.modified_ns) return;
  file.look = true;
  files_.activate(file);
}

void Tail::claim(std::string_view path, const io::FileInfo& info, bool linked) {
  File* slot = free_slot(info);
  if (slot == nullptr) return;
  File& file = *slot;
  if (!set_label(file, path)) {
    if (!said_no_paths_)
      log_warn(context().name, path, " and maybe others are not read: the planned memory for paths",
               " is full; raise files_max");
    said_no_paths_ = true;
    release(file);
    return;
  }
  const std::uint64_t hash = hash_of(path);
  files_.set_identity(file, info.device, info.inode);
  files_.set_path_hash(file, hash);
  file.size = info.size;
  file.modified_ns = info.modified_ns;
  file.offset = file.safe = existing_from_end_ && starting_ ? info.size : 0;
  file.linked = linked;
  links_ += linked ? 1 : 0;
  end_at(file, info.size);
  file.grew_at = context().now();
  file.seen = true;
  file.family = hash_of_family(path);
  const File* before = nullptr;
  for (const File& other : files_.all())
    if (other.used && other.former == hash &&
        (before == nullptr || other.departed > before->departed))
      before = &other;
  file.behind = before == nullptr ? 0 : before->inode;
  files_.activate(file);
  if (!starting_) line_up(file.family);
}

// The files of a log that have not been begun are read in the order in which they were written.
// Names tell it only of one rotation at a time; nobody may have looked for several.
void Tail::line_up(std::uint64_t family) {
  for (File& file : files_.all()) {
    if (!file.used || file.family == 0 || (file.known && !starting_)) continue;
    if (family != 0 && file.family != family) continue;
    const File* older = older_one(file);
    if (older != nullptr && !waits_for(*older, file)) file.behind = older->inode;
  }
}

// As far as is known: what has been read to its end waits for a change, and is not active.
bool Tail::has_more(const File& file) const {
  return &file == stepped_ || static_cast<const Link<ActiveTag>&>(file).linked();
}

// Directly or through others: then the other way round would be a circle.
bool Tail::waits_for(const File& file, const File& other) {
  const File* next = &file;
  for (std::size_t steps = 0; steps < files_.count() && next->behind != 0; ++steps) {
    next = files_.with_inode(next->behind);
    if (next == nullptr) return false;
    if (next == &other) return true;
  }
  return false;
}

// Of those that are older and have something left to read the youngest, or null.
const File* Tail::older_one(const File& file) {
  const auto is_older = [&](const File& a, const File& b) {
    if (a.modified_ns != b.modified_ns) return a.modified_ns < b.modified_ns;
    return path_of(a) > path_of(b);  // log.2, log.1, log
  };
  const File* youngest = nullptr;
  for (const File& other : files_.all()) {
    if (!other.used || other.family != file.family || &other == &file) continue;
    if (!has_more(other) || !is_older(other, file)) continue;
    if (youngest == nullptr || is_older(*youngest, other)) youngest = &other;
  }
  return youngest;
}

// When there are more files than slots: those that were written to most recently, as long as
// nothing has been read.
File* Tail::free_slot(const io::FileInfo& wanted) {
  if (!files_.full()) return &files_.claim();
  overflow_ = true;
  if (!said_overflow_)
    log_warn(context().name, "more than ", settings_.files_max,
             " files match: the most recently written ones are read; raise files_max for more");
  said_overflow_ = true;
  if (!starting_) return nullptr;
  File* oldest = nullptr;
  for (File& file : files_.all())
    if (!file.known && (oldest == nullptr || file.modified_ns < oldest->modified_ns))
      oldest = &file;
  if (oldest == nullptr || oldest->modified_ns >= wanted.modified_ns) return nullptr;
  release(*oldest);
  return &files_.claim();
}

}  // namespace runnel::sources::tail
