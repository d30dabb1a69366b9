#include "agent/journal_tool/file.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace runnel::agent::journal_tool {
namespace {

constexpr std::uint64_t piece_bytes_max = 8u << 20;

Result<std::int32_t> perform(io::Reactor& reactor, const io::Request& request) {
  io::Operation operation(request);
  reactor.submit(operation);
  io::CompletedList completed;
  while (operation.state != io::Operation::State::completed) {
    reactor.poll(never, completed);
    while (completed.take_front() != nullptr) {
    }
  }
  if (operation.error != Error::none) return fail(operation.error);
  return operation.result;
}
Status done(const Result<std::int32_t>& result) { return result ? Status() : result.error(); }

io::Request on(io::Handle handle, io::Verb verb) {
  io::Request request;
  request.verb = verb;
  request.handle = handle;
  return request;
}

}  // namespace

Result<File> File::open(io::Reactor& reactor, const char* path, io::OpenMode mode) {
  io::Request request = on(io::Handle::none, io::Verb::open);
  request.path = path;
  request.mode = mode;
  const auto opened = perform(reactor, request);
  if (!opened) return fail(opened.error());
  return File(reactor, static_cast<io::Handle>(*opened));
}

File::File(File&& other) noexcept
    : reactor_(other.reactor_), handle_(std::exchange(other.handle_, io::Handle::none)) {}

File::~File() {
  if (handle_ != io::Handle::none) reactor_.discard(handle_);
}

Result<std::uint64_t> File::size() {
  io::FileInfo info;
  io::Request request = on(handle_, io::Verb::stat);
  request.info = &info;
  const auto asked = perform(reactor_, request);
  if (!asked) return fail(asked.error());
  if (info.kind == io::FileInfo::Kind::folder) return fail(Error::is_folder);
  return info.size;
}

Result<std::size_t> File::read(std::uint64_t offset, MutableBytes into) {
  std::size_t size = 0;
  while (size < into.size()) {
    io::Request request = on(handle_, io::Verb::read);
    request.offset = offset + size;
    request.data = into.data() + size;
    request.size =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(into.size() - size, piece_bytes_max));
    const auto got = perform(reactor_, request);
    if (!got) return fail(got.error());
    if (*got == 0) break;
    size += static_cast<std::size_t>(*got);
  }
  return size;
}

Status File::write(std::uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    io::Request request = on(handle_, io::Verb::write);
    request.offset = offset;
    // The seam has one pointer for reading and writing; a write does not touch it.
    request.data = const_cast<std::byte*>(bytes.data());
    request.size =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes.size(), piece_bytes_max));
    const auto put = perform(reactor_, request);
    if (!put) return put.error();
    if (*put == 0) return Error::no_space;
    offset += static_cast<std::uint64_t>(*put);
    bytes = bytes.subspan(static_cast<std::size_t>(*put));
  }
  return {};
}

Status File::allocate(std::uint64_t bytes) {
  constexpr std::uint64_t step = 256u << 20;
  for (std::uint64_t from = 0; from < bytes; from += step) {
    io::Request request = on(handle_, io::Verb::allocate);
    request.offset = from;
    request.size = static_cast<std::uint32_t>(std::min(step, bytes - from));
    const Status allocated = done(perform(reactor_, request));
    if (allocated.error() == Error::unsupported || allocated.error() == Error::not_available) {
      request.verb = io::Verb::truncate;
      request.offset = bytes;
      return done(perform(reactor_, request));
    }
    if (!allocated) return allocated;
  }
  return {};
}

Status File::sync() { return done(perform(reactor_, on(handle_, io::Verb::sync))); }

Status unlink(io::Reactor& reactor, const char* path) {
  io::Request request = on(io::Handle::none, io::Verb::unlink);
  request.path = path;
  return done(perform(reactor, request));
}

Status rename(io::Reactor& reactor, const char* from, const char* to) {
  io::Request request = on(io::Handle::none, io::Verb::rename);
  request.path = from;
  request.path_to = to;
  return done(perform(reactor, request));
}

Status sync_folder_of(io::Reactor& reactor, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder(slash == path.npos ? "."
                                              : path.substr(0, std::max<std::size_t>(slash, 1)));
  auto opened = File::open(reactor, folder.c_str(), io::OpenMode::folder);
  if (!opened) return opened.error();
  return opened->sync();
}

}  // namespace runnel::agent::journal_tool
