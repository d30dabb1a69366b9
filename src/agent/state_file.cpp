#include "agent/state_file.hpp"

#include "async/operations.hpp"

namespace runnel::agent {

using async::Task;

// Handles are discarded, not closed: whoever is cancelled could not wait for that.
Task<Status> replace_file(io::Reactor& reactor, const char* folder, const char* fresh,
                          const char* path, Bytes text) {
  const auto file = co_await async::open(fresh, io::OpenMode::create);
  if (!file) co_return file.error();
  Status status = co_await async::truncate(*file, 0);
  if (status) {
    const auto written = co_await async::write(*file, text, 0);
    if (!written) status = written.error();
    if (written && *written < text.size()) status = Error::no_space;
  }
  if (status) status = co_await async::sync(*file);
  reactor.discard(*file);
  if (status) status = co_await async::rename(fresh, path);
  if (!status) co_return status;
  const auto opened = co_await async::open(folder, io::OpenMode::folder);
  if (!opened) co_return opened.error();
  status = co_await async::sync(*opened);
  reactor.discard(*opened);
  co_return status;
}

std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(name)) return {};
  std::string_view line = text.substr(name.size(), end - name.size());
  text.remove_prefix(end + 1);
  if (!line.starts_with(' ')) return {};
  return line.substr(1);
}

}  // namespace runnel::agent
