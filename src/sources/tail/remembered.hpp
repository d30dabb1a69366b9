// Positions from the checkpoint whose files have not been met yet, or cannot be read at the moment.
// They are written into the next checkpoint as they are.
#pragma once

#include "sources/tail/path_pool.hpp"
#include "sources/tail/positions.hpp"

namespace runnel::sources::tail {

struct RememberedFile {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  Fingerprint fingerprint;
  std::uint64_t offset = 0;
  PathPool::Id path = PathPool::none;
};

class Remembered {
 public:
  Remembered(std::span<RememberedFile> slots, PathPool& paths) : slots_(slots), paths_(paths) {}

  bool add(const SavedPosition& position);  // false: no room
  // The file that this is, by inode and head; device and path only break ties. Null: a new one.
  RememberedFile* match(std::uint64_t device, std::uint64_t inode, Bytes head,
                        std::string_view path);
  void remove(RememberedFile& file);
  // Those of files whose inode is another one's now, with this head.
  void remove_former(std::uint64_t device, std::uint64_t inode, Bytes head);
  std::span<RememberedFile> all() { return slots_.first(count_); }
  std::size_t room() const { return slots_.size() - count_; }
  std::string_view path_of(const RememberedFile& file) const { return paths_.text(file.path); }

 private:
  std::span<RememberedFile> slots_;
  PathPool& paths_;
  std::size_t count_ = 0;
};

}  // namespace runnel::sources::tail
