// The files that are followed: a fixed number of slots, the queue of those that have something to
// do, and when the others want to be looked at. What is searched for (inode, path, due time) lies
// in arrays of its own, so that a search over thousands of slots touches little memory.
#pragma once

#include <optional>

#include "base/list.hpp"
#include "base/time.hpp"
#include "io/operation.hpp"
#include "pipeline/checkpoint.hpp"
#include "sources/tail/fingerprint.hpp"
#include "sources/tail/path_pool.hpp"

namespace runnel::sources::tail {

inline constexpr std::uint64_t no_end = UINT64_MAX;

struct ActiveTag;

struct File : Link<ActiveTag> {
  // What it is. `known`: the fingerprint has been taken; before that only its name and inode are.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  Fingerprint fingerprint;
  bool used = false;
  bool known = false;

  // Where it is. `label` is the path that events carry, with the header around it; `path` is where
  // it lies, when that has become another one. `former` is the hash of the name it had before, and
  // `departed` says when it lost it: the number of this departure.
  PathPool::Id label = PathPool::none;
  PathPool::Id path = PathPool::none;
  std::uint64_t former = 0;
  std::uint64_t departed = 0;
  std::uint64_t family = 0;  // hash of what all files of its log have in common; 0: only itself
  std::uint64_t behind = 0;  // inode of the file that is read first; 0: none
  bool linked = false;       // a symbolic link: changes are not told, it is polled
  bool renamed = false;      // to a name that no pattern matches: read to its end, then left
  bool deleted = false;      // read to its end, then left

  // How far it is read. Invariant: safe <= offset; `offset` is the beginning of a line; the
  // `unfinished` bytes behind it hold no newline.
  std::uint64_t offset = 0;
  std::uint64_t unfinished = 0;
  std::uint64_t safe = 0;      // everything before is in custody
  std::uint64_t size = 0;      // as last seen
  std::uint64_t end = no_end;  // --once: the size at start
  std::int64_t modified_ns = 0;
  pipeline::Checkpoint notes;  // empty: what is before `offset` is in custody

  io::Handle handle = io::Handle::none;
  bool look = false;      // it may have changed since its size was taken
  bool at_end = false;    // offset + unfinished has reached `size`
  bool counted = false;   // --once: the end waits for it
  bool finished = false;  // --once: nothing more of it is wanted
  bool named = false;     // the log has said that it cannot be read
  bool seen = false;      // in the scan that is under way
  Instant grew_at;

  bool leaving() const { return renamed || deleted; }
};

class FileTable {
 public:
  struct Memory {
    std::span<File> files;
    std::span<std::uint64_t> inodes;
    std::span<std::uint64_t> path_hashes;
    std::span<Instant> due;
  };
  explicit FileTable(const Memory& memory);
  ~FileTable();

  std::span<File> all() { return memory_.files; }
  std::size_t count() const { return count_; }
  bool full() const { return count_ == memory_.files.size(); }

  // A fresh slot, not to be asked for when full.
  File& claim();
  void release(File& file);
  void set_identity(File& file, std::uint64_t device, std::uint64_t inode);
  void set_path_hash(File& file, std::uint64_t hash) { memory_.path_hashes[index(file)] = hash; }
  std::uint64_t path_hash(const File& file) const { return memory_.path_hashes[index(file)]; }

  // The first at or behind `from` with this inode, or null.
  File* with_inode(std::uint64_t inode, const File* behind = nullptr);
  File* with_path_hash(std::uint64_t hash, const File* behind = nullptr);

  void activate(File& file);
  File* take_active() { return active_.take_front(); }
  bool any_active() const { return !active_.empty(); }

  void set_due(File& file, Instant due) { memory_.due[index(file)] = due; }
  Instant next_due() const;
  void activate_due(Instant now);

 private:
  std::size_t index(const File& file) const {
    return static_cast<std::size_t>(&file - memory_.files.data());
  }
  File* find(std::span<std::uint64_t> in, std::uint64_t value, const File* behind);

  Memory memory_;
  std::size_t count_ = 0;
  List<File, ActiveTag> active_;
};

std::uint64_t hash_of(std::string_view path);  // never 0

}  // namespace runnel::sources::tail
