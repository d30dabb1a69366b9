// Files and folders outside of the data path.
#include <cerrno>
#include <climits>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/linux/errno.hpp"
#include "platform/linux/system.hpp"

namespace runnel::linux_os {
namespace {

constexpr mode_t file_mode = 0640;

class File {
 public:
  File(const char* path, int flags, mode_t mode = 0)
      : descriptor_(::open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool ok() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  io::Handle release() { return static_cast<io::Handle>(std::exchange(descriptor_, -1)); }

 private:
  int descriptor_;
};

// What getdents64 writes, as the kernel lays it out: the name follows, zero-terminated.
struct EntryHeader {
  std::uint64_t inode;
  std::int64_t next;
  std::uint16_t size;
  std::uint8_t type;
};
constexpr std::size_t entry_name_at = 19;

io::FolderEntry::Kind kind_of(std::uint8_t type) {
  switch (type) {
    case DT_REG:
      return io::FolderEntry::Kind::regular;
    case DT_DIR:
      return io::FolderEntry::Kind::folder;
    case DT_LNK:
      return io::FolderEntry::Kind::link;
    case DT_UNKNOWN:
      return io::FolderEntry::Kind::unknown;
    default:
      return io::FolderEntry::Kind::other;
  }
}

Status make_folder(const char* path, mode_t mode) {
  if (::mkdir(path, mode) == 0) return {};
  if (errno != EEXIST) {
    // A parent that may not be written, or lies on a read-only file system, is fine when the folder
    // is there already.
    const Error why = last_error();
    struct stat info;
    return ::stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? Status() : Status(why);
  }
  struct stat info;
  if (::stat(path, &info) != 0) return last_error();
  return S_ISDIR(info.st_mode) ? Status() : Status(Error::not_folder);
}

}  // namespace

Status LinuxSystem::list(const char* folder, FunctionRef<bool(const io::FolderEntry&)> each) {
  const File opened(folder, O_RDONLY | O_DIRECTORY);
  if (!opened.ok()) return last_error();
  // opendir would allocate. On the stack, because `each` may list folders below this one.
  alignas(EntryHeader) std::byte storage[4096];
  while (true) {
    const long size = ::syscall(SYS_getdents64, opened.get(), storage, sizeof(storage));
    if (size < 0) return last_error();
    if (size == 0) return {};
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      const auto header = load<EntryHeader>(storage + at);
      const char* name = reinterpret_cast<const char*>(storage + at + entry_name_at);
      RUNNEL_ASSERT(header.size > entry_name_at);
      const std::string_view text(name, ::strnlen(name, header.size - entry_name_at));
      at += header.size;
      if (text == "." || text == "..") continue;
      if (!each(io::FolderEntry{text, header.inode, kind_of(header.type)})) return {};
    }
  }
}

Status LinuxSystem::make_folders(const char* folder, io::Access access) {
  const std::string_view whole(folder);
  if (whole.empty()) return Error::not_found;
  const mode_t mode = access == io::Access::owner ? 0700 : 0750;
  Text<PATH_MAX> path;
  for (std::size_t at = 0; at < whole.size();) {
    // One more component each round, with the slash in front of it.
    auto end = whole.find('/', at + 1);
    if (end == std::string_view::npos) end = whole.size();
    path << whole.substr(at, end - at);
    if (path.cut()) return Error::too_large;
    at = end;
    if (path.text() == "/") continue;
    if (const Status made = make_folder(path.c_str(), mode); !made) return made;
  }
  return {};
}

Status LinuxSystem::remove_file(const char* path) {
  return ::unlink(path) == 0 ? Status() : Status(last_error());
}

Result<io::FileInfo> LinuxSystem::file_info(const char* path) {
  struct stat from;
  if (::stat(path, &from) != 0) return fail(last_error());
  io::FileInfo info;
  info.kind = S_ISREG(from.st_mode)   ? io::FileInfo::Kind::regular
              : S_ISDIR(from.st_mode) ? io::FileInfo::Kind::folder
                                      : io::FileInfo::Kind::other;
  info.device = from.st_dev;
  info.inode = from.st_ino;
  info.size = static_cast<std::uint64_t>(from.st_size);
  info.modified_ns = std::int64_t{from.st_mtim.tv_sec} * 1'000'000'000 + from.st_mtim.tv_nsec;
  return info;
}

Result<std::string> LinuxSystem::read_file(const char* path, std::size_t bytes_max) {
  const File file(path, O_RDONLY);
  if (!file.ok()) return fail(last_error());
  std::string text;
  while (true) {
    char piece[4096];
    const ssize_t got = ::read(file.get(), piece, sizeof(piece));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(last_error());
    if (got == 0) return text;
    if (text.size() + static_cast<std::size_t>(got) > bytes_max) return fail(Error::too_large);
    text.append(piece, static_cast<std::size_t>(got));
  }
}

bool LinuxSystem::is_open_to_all(const char* path) const {
  struct stat about;
  return ::stat(path, &about) == 0 && (about.st_mode & S_IROTH) != 0;
}

Result<io::Handle> LinuxSystem::lock_file(const char* path, std::uint32_t& holder) {
  holder = 0;
  File file(path, O_RDWR | O_CREAT, file_mode);
  if (!file.ok()) return fail(last_error());
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(last_error());
    char digits[16];
    const ssize_t size = ::pread(file.get(), digits, sizeof(digits), 0);
    std::string_view text(digits, size < 0 ? 0 : static_cast<std::size_t>(size));
    text = text.substr(0, text.find('\n'));
    holder = static_cast<std::uint32_t>(parse_number(text).value_or(0));
    return fail(Error::in_use);
  }
  Text<16> line(process_id(), '\n');
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), line.c_str(), line.size(), 0) != static_cast<ssize_t>(line.size()))
    return fail(last_error());
  return file.release();
}

}  // namespace runnel::linux_os
