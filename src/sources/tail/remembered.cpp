#include "sources/tail/remembered.hpp"

namespace runnel::sources::tail {

bool Remembered::add(const SavedPosition& position) {
  if (count_ == slots_.size()) return false;
  const PathPool::Id path = paths_.add({}, position.path);
  if (path == PathPool::none) return false;
  slots_[count_++] = {position.device, position.inode, position.fingerprint, position.offset, path};
  return true;
}

RememberedFile* Remembered::match(std::uint64_t device, std::uint64_t inode, Bytes head,
                                  std::string_view path) {
  RememberedFile* best = nullptr;
  int best_score = -1;
  for (RememberedFile& each : all()) {
    if (each.inode != inode || !each.fingerprint.matches(head)) continue;
    const bool same_path = path_of(each) == path;
    // Nothing had been read of it: without its name, its inode alone says too little.
    if (each.fingerprint.bytes == 0 && !same_path) continue;
    const int score = (each.device == device ? 2 : 0) + (same_path ? 1 : 0);
    if (score <= best_score) continue;
    best = &each;
    best_score = score;
  }
  return best;
}

void Remembered::remove(RememberedFile& file) {
  paths_.remove(file.path);
  file = slots_[--count_];
}

void Remembered::remove_former(std::uint64_t device, std::uint64_t inode, Bytes head) {
  for (std::size_t index = count_; index-- > 0;) {
    RememberedFile& each = slots_[index];
    if (each.inode == inode && each.device == device && !each.fingerprint.matches(head))
      remove(each);
  }
}

}  // namespace runnel::sources::tail
