// Memory: pages from the kernel, and what this process uses.
#include <string_view>

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/linux/errno.hpp"
#include "platform/linux/system.hpp"

namespace runnel::linux_os {
namespace {

// A short file of /proc, whole. Empty when it cannot be read.
std::string_view read_proc(const char* path, std::span<char> into) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::size_t size = 0;
  while (size < into.size()) {
    const ssize_t got = ::read(file, into.data() + size, into.size() - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  ::close(file);
  return {into.data(), size};
}

// The first number at or after `from`; 0 when there is none.
std::uint64_t number_in(std::string_view text, std::size_t from) {
  const auto start = text.find_first_of("0123456789", from);
  if (start == std::string_view::npos) return 0;
  const auto end = text.find_first_not_of("0123456789", start);
  return parse_number(text.substr(start, end == std::string_view::npos ? end : end - start))
      .value_or(0);
}

int add_loaded(dl_phdr_info* object, std::size_t, void* total) {
  for (int index = 0; index < object->dlpi_phnum; ++index)
    if (object->dlpi_phdr[index].p_type == PT_LOAD)
      *static_cast<std::uint64_t*>(total) += object->dlpi_phdr[index].p_memsz;
  return 0;
}

}  // namespace

io::MemoryUse LinuxSystem::memory_use() {
  io::MemoryUse use;
  char storage[4096];
  // "size resident shared text lib data dt", in pages.
  const auto statm = read_proc("/proc/self/statm", storage);
  if (const auto space = statm.find(' '); space != std::string_view::npos)
    use.resident_bytes = number_in(statm, space) * facts_.page_bytes;
  const auto status = read_proc("/proc/self/status", storage);
  if (const auto peak = status.find("VmHWM:"); peak != std::string_view::npos)
    use.peak_bytes = number_in(status, peak) * 1024;
  const struct mallinfo2 heap = ::mallinfo2();
  use.heap_bytes = heap.arena + heap.hblkhd;
  ::dl_iterate_phdr(add_loaded, &use.program_bytes);
  return use;
}

Result<MutableBytes> LinuxSystem::map(std::size_t bytes) {
  if (bytes == 0) return MutableBytes{};
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return fail(last_error());
  return MutableBytes{static_cast<std::byte*>(at), bytes};
}

void LinuxSystem::trim_heap() { ::malloc_trim(0); }

}  // namespace runnel::linux_os
