// The tests' side of the seam: requests that count how often they were handed over, and a loop that
// waits for them. The patience of 60 s (of the driver's own clock) is only there so that a lost
// completion fails instead of hanging; no test measures time with it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/contract/driver_under_test.hpp"

namespace runnel::contract {

using io::Handle;
using io::OpenMode;
using io::Verb;

using FilledList = List<io::Buffer, io::BufferTag>;

// One request and what became of it. Streams and single operations alike, so that whatever a
// reactor hands over can be looked at as one of these.
struct Request : io::StreamOperation {
  int completions = 0;
  int yields = 0;
  FilledList queue;  // streams: what they were filled with

  bool done() const { return completions > 0; }
  bool ok() const { return done() && error == Error::none; }
  Handle new_handle() const { return static_cast<Handle>(result); }

  // What to ask. Each sets every field its verb reads.
  Request& accept(Handle listener, io::Address* from = nullptr);
  Request& connect(Handle socket, io::Address& to);
  Request& connect(Handle socket, io::Address& to, const std::string& path);
  Request& recv(Handle socket, MutableBytes into);
  Request& send(Handle socket, Bytes what);
  Request& recv_from(Handle socket, MutableBytes into, io::Address* from = nullptr);
  Request& send_to(Handle socket, Bytes what, io::Address& to);
  Request& ready(Handle handle);
  Request& open(const std::string& path, OpenMode mode);
  Request& read(Handle file, MutableBytes into, std::uint64_t offset);
  Request& write(Handle file, Bytes what, std::uint64_t offset);
  Request& sync(Handle file);
  Request& truncate(Handle file, std::uint64_t size);
  Request& allocate(Handle file, std::uint64_t offset, std::uint32_t length);
  Request& stat(const std::string& path, io::FileInfo& into);
  Request& stat(Handle file, io::FileInfo& into);
  Request& rename(const std::string& from, const std::string& to, OpenMode how = OpenMode::create);
  Request& unlink(const std::string& path);
  Request& close(Handle handle);
  Request& recv_stream(Handle socket, io::BufferPool& from);
  Request& recv_from_stream(Handle socket, io::BufferPool& from);

 private:
  Request& ask(Verb what, Handle on);
};

struct SocketPair {
  Handle client = Handle::none;
  Handle server = Handle::none;
  io::Address client_address;  // as the server's accept saw it
};

class Fixture {
 public:
  Fixture();
  ~Fixture();

  io::Reactor& reactor() { return driver_->reactor(); }
  io::System& system() { return driver_->system(); }
  std::string scratch() { return driver_->scratch(); }
  std::string path(std::string_view name) { return scratch() + "/" + std::string(name); }
  MutableBytes memory(std::size_t bytes) { return driver_->memory(bytes); }

  void submit(Request& request);
  // One poll, that returns when something completes or the patience is over.
  void turn();
  // One poll that does not wait.
  void glance();
  // One poll, up to that instant.
  void pause_until(Instant instant) { hand_over(instant); }
  // Polls until `condition`; the test ends when it does not come.
  void until(const std::function<bool()>& condition, const char* what);
  // Submits and waits for the completion.
  Request& run(Request& request);
  void wait_for(Request& request);
  // A read, write or send may come to less than was asked for: goes on with the rest, up to an
  // error or the end of the file. `result` is then the sum.
  Request& run_whole(Request& request);
  void send_all(Handle socket, std::string_view text);
  // What has come as soon as it is `count` bytes or more, or the end: in as many pieces as it
  // takes.
  std::string receive(Handle socket, std::size_t count);

  // Real pools over fresh memory, attached until the fixture ends.
  io::BufferPool& pool(std::uint32_t count, std::uint32_t buffer_bytes);
  // Gives all that the stream was filled with back, and returns it as text.
  std::string take_text(Request& stream);

  Handle listen(io::Transport transport, io::Address& address,
                const io::ListenOptions& options = {});
  // A connected TCP pair over loopback. The listener is made on first use and kept.
  SocketPair connect_pair();
  Handle open(const std::string& path, OpenMode mode);
  void close(Handle handle);
  // Through the seam, whole.
  void write_file(const std::string& path, std::string_view text);
  std::string read_file(const std::string& path);

 private:
  void hand_over(Instant until);

  std::unique_ptr<DriverUnderTest> driver_;
  std::deque<io::BufferPool> pools_;
  Handle listener_ = Handle::none;
  io::Address listener_address_;
};

io::Address loopback(std::uint16_t port = 0);
// Bytes that differ along their length, so that a shifted or repeated piece shows.
std::string pattern(std::size_t size, unsigned seed = 1);
inline std::string text_of(Bytes bytes) { return std::string(as_text(bytes)); }

inline MutableBytes writable(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

}  // namespace runnel::contract

namespace doctest {
template <>
struct StringMaker<runnel::Error> {
  static String convert(runnel::Error error) {
    const auto name = runnel::name_of(error);
    return String(name.data(), static_cast<unsigned>(name.size()));
  }
};
}  // namespace doctest
