#include "async/operations.hpp"

namespace runnel::async {
namespace {

using io::Verb;

std::uint32_t count(std::size_t bytes) {
  RUNNEL_ASSERT(bytes <= 1u << 30);
  return static_cast<std::uint32_t>(bytes);
}
// The seam has one pointer for both directions; a sending verb never writes through it.
std::byte* unconst(Bytes bytes) { return const_cast<std::byte*>(bytes.data()); }

}  // namespace

IoWait<io::Handle> accept(io::Handle listener, io::Address& peer, Instant deadline) {
  return IoWait<io::Handle>({.verb = Verb::accept, .handle = listener, .peer = &peer}, deadline);
}
IoWait<void> connect(io::Handle socket, io::Address& peer, Instant deadline, const char* path) {
  return IoWait<void>({.verb = Verb::connect, .handle = socket, .peer = &peer, .path = path},
                      deadline);
}
IoWait<std::uint32_t> recv(io::Handle socket, MutableBytes into, Instant deadline) {
  return IoWait<std::uint32_t>(
      {.verb = Verb::recv, .handle = socket, .size = count(into.size()), .data = into.data()},
      deadline);
}
IoWait<std::uint32_t> send(io::Handle socket, Bytes bytes, Instant deadline) {
  return IoWait<std::uint32_t>(
      {.verb = Verb::send, .handle = socket, .size = count(bytes.size()), .data = unconst(bytes)},
      deadline);
}
IoWait<std::uint32_t> send_to(io::Handle socket, Bytes datagram, io::Address& peer,
                              Instant deadline) {
  return IoWait<std::uint32_t>({.verb = Verb::send_to,
                                .handle = socket,
                                .size = count(datagram.size()),
                                .data = unconst(datagram),
                                .peer = &peer},
                               deadline);
}
IoWait<void> ready(io::Handle handle, Instant deadline) {
  return IoWait<void>({.verb = Verb::ready, .handle = handle}, deadline);
}

IoWait<io::Handle> open(const char* path, io::OpenMode mode) {
  return IoWait<io::Handle>({.verb = Verb::open, .mode = mode, .path = path});
}
IoWait<std::uint32_t> read(io::Handle file, MutableBytes into, std::uint64_t offset) {
  return IoWait<std::uint32_t>({.verb = Verb::read,
                                .handle = file,
                                .size = count(into.size()),
                                .data = into.data(),
                                .offset = offset});
}
IoWait<std::uint32_t> write(io::Handle file, Bytes bytes, std::uint64_t offset) {
  return IoWait<std::uint32_t>({.verb = Verb::write,
                                .handle = file,
                                .size = count(bytes.size()),
                                .data = unconst(bytes),
                                .offset = offset});
}
IoWait<void> sync(io::Handle file) { return IoWait<void>({.verb = Verb::sync, .handle = file}); }
IoWait<void> truncate(io::Handle file, std::uint64_t size) {
  return IoWait<void>({.verb = Verb::truncate, .handle = file, .offset = size});
}
IoWait<void> allocate(io::Handle file, std::uint64_t offset, std::uint32_t bytes) {
  return IoWait<void>({.verb = Verb::allocate, .handle = file, .size = bytes, .offset = offset});
}
IoWait<void> stat(const char* path, io::FileInfo& info) {
  return IoWait<void>({.verb = Verb::stat, .path = path, .info = &info});
}
IoWait<void> stat(io::Handle file, io::FileInfo& info) {
  return IoWait<void>({.verb = Verb::stat, .handle = file, .info = &info});
}
IoWait<void> rename(const char* from, const char* to) {
  return IoWait<void>({.verb = Verb::rename, .path = from, .path_to = to});
}
IoWait<void> rename_exclusive(const char* from, const char* to) {
  return IoWait<void>(
      {.verb = Verb::rename, .mode = io::OpenMode::exclusive, .path = from, .path_to = to});
}
IoWait<void> unlink(const char* path) { return IoWait<void>({.verb = Verb::unlink, .path = path}); }
IoWait<void> close(io::Handle handle) {
  return IoWait<void>({.verb = Verb::close, .handle = handle});
}

}  // namespace runnel::async
