#include "platform/cares/line_reader.hpp"

#include <algorithm>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "platform/linux/uninterrupted.hpp"

namespace runnel::cares {
namespace {

// What is kept in the buffer, and whether its beginning belongs to a line that did not fit.
struct Lines {
  std::span<char> buffer;
  std::size_t size = 0;
  bool too_long = false;

  // False: whoever gets them wants no more.
  bool hand_over(FunctionRef<bool(std::string_view)>& each) {
    std::string_view rest(buffer.data(), size);
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (!too_long && !each(rest.substr(0, end))) return false;
      too_long = false;
      rest.remove_prefix(end + 1);
    }
    if (rest.size() == buffer.size()) {
      too_long = true;
      rest = {};
    }
    if (!rest.empty()) std::memmove(buffer.data(), rest.data(), rest.size());
    size = rest.size();
    return true;
  }
};

}  // namespace

bool each_line(const char* path, std::size_t bytes_max, std::span<char> buffer,
               FunctionRef<bool(std::string_view)> each) {
  // Not for ever, if somebody has put a pipe there.
  const int file = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return false;
  Lines lines{buffer};
  std::size_t left = bytes_max;
  bool wanted = true;
  while (wanted && left > 0) {
    const std::size_t room = std::min(left, buffer.size() - lines.size);
    const auto got =
        linux_os::uninterrupted([&] { return ::read(file, buffer.data() + lines.size, room); });
    if (got <= 0) {
      // The last line may have no end.
      if (got == 0 && lines.size > 0 && !lines.too_long) each({buffer.data(), lines.size});
      ::close(file);
      return got == 0;
    }
    lines.size += static_cast<std::size_t>(got);
    left -= static_cast<std::size_t>(got);
    wanted = lines.hand_over(each);
  }
  ::close(file);
  return true;
}

}  // namespace runnel::cares
