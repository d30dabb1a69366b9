#include "pipeline/context.hpp"

#include <algorithm>

namespace runnel::pipeline {

void OwnFiles::add(std::uint64_t device, std::uint64_t inode) {
  if (count_ < files_.size()) files_[count_++] = File{device, inode};
}

void OwnFiles::remove(std::uint64_t device, std::uint64_t inode) {
  for (std::size_t index = 0; index < count_; ++index) {
    if (files_[index].device != device || files_[index].inode != inode) continue;
    files_[index] = files_[--count_];
    return;
  }
}

bool OwnFiles::contains(std::uint64_t device, std::uint64_t inode) const {
  return std::any_of(
      files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(count_),
      [&](const File& file) { return file.device == device && file.inode == inode; });
}

}  // namespace runnel::pipeline
