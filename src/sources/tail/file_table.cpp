#include "sources/tail/file_table.hpp"

#include <algorithm>

#include "base/fnv.hpp"

namespace runnel::sources::tail {

FileTable::FileTable(const Memory& memory) : memory_(memory) {
  std::fill(memory_.due.begin(), memory_.due.end(), never);
}

FileTable::~FileTable() {
  while (active_.take_front() != nullptr) {
  }
}

File& FileTable::claim() {
  RUNNEL_ASSERT(!full());
  const auto found = std::find_if(memory_.files.begin(), memory_.files.end(),
                                  [](const File& file) { return !file.used; });
  File& file = *found;
  ++count_;
  file.used = true;
  return file;
}

void FileTable::release(File& file) {
  RUNNEL_ASSERT(file.used && file.handle == io::Handle::none);
  file.unlink();
  std::destroy_at(&file);
  std::construct_at(&file);
  const std::size_t at = index(file);
  memory_.inodes[at] = memory_.path_hashes[at] = 0;
  memory_.due[at] = never;
  --count_;
}

void FileTable::set_identity(File& file, std::uint64_t device, std::uint64_t inode) {
  file.device = device;
  file.inode = inode;
  memory_.inodes[index(file)] = inode;
}

File* FileTable::find(std::span<std::uint64_t> in, std::uint64_t value, const File* behind) {
  const std::size_t from = behind == nullptr ? 0 : index(*behind) + 1;
  const auto found = std::find(in.begin() + static_cast<std::ptrdiff_t>(from), in.end(), value);
  if (found == in.end()) return nullptr;
  return &memory_.files[static_cast<std::size_t>(found - in.begin())];
}

File* FileTable::with_inode(std::uint64_t inode, const File* behind) {
  return inode == 0 ? nullptr : find(memory_.inodes, inode, behind);
}

File* FileTable::with_path_hash(std::uint64_t hash, const File* behind) {
  return find(memory_.path_hashes, hash, behind);
}

void FileTable::activate(File& file) {
  RUNNEL_ASSERT(file.used);
  if (!static_cast<Link<ActiveTag>&>(file).linked()) active_.push_back(file);
}

Instant FileTable::next_due() const {
  const auto nearest = std::min_element(memory_.due.begin(), memory_.due.end());
  return nearest == memory_.due.end() ? never : *nearest;
}

void FileTable::activate_due(Instant now) {
  for (std::size_t at = 0; at < memory_.due.size(); ++at) {
    if (memory_.due[at] > now) continue;
    memory_.due[at] = never;
    memory_.files[at].look = true;
    activate(memory_.files[at]);
  }
}

std::uint64_t hash_of(std::string_view path) {
  const std::uint64_t hash = Fnv().add(path).value();
  return hash == 0 ? 1 : hash;
}

}  // namespace runnel::sources::tail
