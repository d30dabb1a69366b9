#include "tests/contract/fixture.hpp"

#include <algorithm>

namespace runnel::contract {
namespace {

constexpr Duration patience = 60s;

std::byte* bytes_of(Bytes what) { return const_cast<std::byte*>(what.data()); }

}  // namespace

Request& Request::ask(Verb what, Handle on) {
  RUNNEL_ASSERT(state != State::submitted);
  verb = what;
  handle = on;
  mode = OpenMode::read;
  error = Error::none;
  truncated = false;
  result = 0;
  size = 0;
  data = nullptr;
  offset = 0;
  peer = nullptr;
  path = path_to = nullptr;
  info = nullptr;
  pool = nullptr;
  filled = nullptr;
  completions = yields = 0;
  return *this;
}

Request& Request::accept(Handle listener, io::Address* from) {
  ask(Verb::accept, listener).peer = from;
  return *this;
}
Request& Request::connect(Handle socket, io::Address& to) {
  ask(Verb::connect, socket).peer = &to;
  return *this;
}
Request& Request::connect(Handle socket, io::Address& to, const std::string& at) {
  connect(socket, to).path = at.c_str();
  return *this;
}
Request& Request::recv(Handle socket, MutableBytes into) {
  ask(Verb::recv, socket).data = into.data();
  size = static_cast<std::uint32_t>(into.size());
  return *this;
}
Request& Request::send(Handle socket, Bytes what) {
  ask(Verb::send, socket).data = bytes_of(what);
  size = static_cast<std::uint32_t>(what.size());
  return *this;
}
Request& Request::recv_from(Handle socket, MutableBytes into, io::Address* from) {
  ask(Verb::recv_from, socket).data = into.data();
  size = static_cast<std::uint32_t>(into.size());
  peer = from;
  return *this;
}
Request& Request::send_to(Handle socket, Bytes what, io::Address& to) {
  ask(Verb::send_to, socket).data = bytes_of(what);
  size = static_cast<std::uint32_t>(what.size());
  peer = &to;
  return *this;
}
Request& Request::ready(Handle on) { return ask(Verb::ready, on); }
Request& Request::open(const std::string& what, OpenMode how) {
  ask(Verb::open, Handle::none).path = what.c_str();
  mode = how;
  return *this;
}
Request& Request::read(Handle file, MutableBytes into, std::uint64_t at) {
  ask(Verb::read, file).data = into.data();
  size = static_cast<std::uint32_t>(into.size());
  offset = at;
  return *this;
}
Request& Request::write(Handle file, Bytes what, std::uint64_t at) {
  ask(Verb::write, file).data = bytes_of(what);
  size = static_cast<std::uint32_t>(what.size());
  offset = at;
  return *this;
}
Request& Request::sync(Handle file) { return ask(Verb::sync, file); }
Request& Request::truncate(Handle file, std::uint64_t to) {
  ask(Verb::truncate, file).offset = to;
  return *this;
}
Request& Request::allocate(Handle file, std::uint64_t from, std::uint32_t length) {
  ask(Verb::allocate, file).offset = from;
  size = length;
  return *this;
}
Request& Request::stat(const std::string& what, io::FileInfo& into) {
  ask(Verb::stat, Handle::none).path = what.c_str();
  info = &into;
  return *this;
}
Request& Request::stat(Handle file, io::FileInfo& into) {
  ask(Verb::stat, file).info = &into;
  return *this;
}
Request& Request::rename(const std::string& from, const std::string& to, OpenMode how) {
  ask(Verb::rename, Handle::none).path = from.c_str();
  path_to = to.c_str();
  mode = how;
  return *this;
}
Request& Request::unlink(const std::string& what) {
  ask(Verb::unlink, Handle::none).path = what.c_str();
  return *this;
}
Request& Request::close(Handle what) { return ask(Verb::close, what); }
Request& Request::recv_stream(Handle socket, io::BufferPool& from) {
  ask(Verb::recv_stream, socket).pool = &from;
  filled = &queue;
  return *this;
}
Request& Request::recv_from_stream(Handle socket, io::BufferPool& from) {
  ask(Verb::recv_from_stream, socket).pool = &from;
  filled = &queue;
  return *this;
}

Fixture::Fixture() {
  std::string why_not;
  driver_ = chosen_driver().make(why_not);
  REQUIRE_MESSAGE(driver_ != nullptr, why_not);
}

Fixture::~Fixture() {
  for (io::BufferPool& pool : pools_) reactor().detach(pool);
}

void Fixture::submit(Request& request) {
  reactor().submit(request);
  // A completion inside submit would run its owner before submit's caller has gone on.
  REQUIRE(request.state == io::Operation::State::submitted);
}

void Fixture::hand_over(Instant until) {
  io::CompletedList completed;
  reactor().poll(until, completed);
  while (io::Operation* operation = completed.take_front()) {
    auto& request = static_cast<Request&>(*operation);
    if (request.state == io::Operation::State::completed) {
      ++request.completions;
      CHECK(request.completions == 1);
    } else {
      CHECK(request.state == io::Operation::State::submitted);
      CHECK(io::is_stream(request.verb));
      ++request.yields;
    }
  }
}

void Fixture::turn() { hand_over(after(reactor().now(), patience)); }
void Fixture::glance() { hand_over(instant_from_ns(0)); }

void Fixture::until(const std::function<bool()>& condition, const char* what) {
  const Instant bound = after(reactor().now(), patience);
  while (!condition()) {
    hand_over(bound);
    if (reactor().now() >= bound && !condition()) {
      // Whoever still waits would be destroyed while the reactor borrows it: nothing to go on with.
      MESSAGE("the patience is over while waiting for: ", std::string(what));
      RUNNEL_ASSERT(false && "a completion was lost");
    }
  }
}

void Fixture::wait_for(Request& request) {
  until([&] { return request.done(); }, "a request");
}

Request& Fixture::run(Request& request) {
  submit(request);
  wait_for(request);
  return request;
}

Request& Fixture::run_whole(Request& request) {
  std::byte* const data = request.data;
  const std::uint32_t size = request.size;
  const std::uint64_t offset = request.offset;
  std::uint32_t total = 0;
  while (true) {
    request.completions = 0;
    run(request);
    if (!request.ok() || request.result == 0) break;
    total += static_cast<std::uint32_t>(request.result);
    REQUIRE(total <= size);
    if (total == size) break;
    request.data = data + total;
    request.size = size - total;
    request.offset = offset + total;
  }
  if (request.ok()) request.result = static_cast<std::int32_t>(total);
  return request;
}

void Fixture::send_all(Handle socket, std::string_view text) {
  Request send;
  if (text.empty()) return;
  run_whole(send.send(socket, as_bytes(text)));
  REQUIRE(send.ok());
  REQUIRE(send.result == static_cast<std::int32_t>(text.size()));
}

std::string Fixture::receive(Handle socket, std::size_t count) {
  std::string all;
  // Larger than what should come, so that too much would show.
  std::string piece(count + 10, '\0');
  while (all.size() < count) {
    Request recv;
    run(recv.recv(socket, writable(piece)));
    REQUIRE(recv.ok());
    if (recv.result == 0) break;
    all.append(piece, 0, static_cast<std::size_t>(recv.result));
  }
  return all;
}

io::BufferPool& Fixture::pool(std::uint32_t count, std::uint32_t buffer_bytes) {
  Region measuring = Region::measuring();
  io::BufferPool::carve(measuring, count, buffer_bytes, "buffers");
  Region region = Region::over(memory(measuring.used()));
  pools_.push_back(io::BufferPool::carve(region, count, buffer_bytes, "buffers"));
  reactor().attach(pools_.back());
  return pools_.back();
}

std::string Fixture::take_text(Request& stream) {
  std::string text;
  while (io::Buffer* buffer = stream.queue.take_front()) {
    CHECK(buffer->state == io::Buffer::State::filled);
    CHECK(buffer->data >= buffer->memory);
    CHECK(buffer->data + buffer->size <= buffer->memory + stream.pool->buffer_bytes());
    text += as_text(buffer->bytes());
    buffer->state = io::Buffer::State::leased;
    reactor().recycle(*stream.pool, *buffer);
  }
  return text;
}

Handle Fixture::listen(io::Transport transport, io::Address& address,
                       const io::ListenOptions& options) {
  const auto handle = system().listen(transport, address, options);
  REQUIRE(handle.has_value());
  const auto local = system().local_address(*handle);
  REQUIRE(local.has_value());
  address = *local;
  return *handle;
}

SocketPair Fixture::connect_pair() {
  if (listener_ == Handle::none) {
    listener_address_ = loopback();
    listener_ = listen(io::Transport::tcp, listener_address_);
  }
  SocketPair pair;
  const auto client = system().socket(io::Transport::tcp, listener_address_.family);
  REQUIRE(client.has_value());
  pair.client = *client;
  Request accept, connect;
  submit(accept.accept(listener_, &pair.client_address));
  submit(connect.connect(pair.client, listener_address_));
  wait_for(accept);
  wait_for(connect);
  REQUIRE(connect.error == Error::none);
  REQUIRE(accept.error == Error::none);
  pair.server = accept.new_handle();
  return pair;
}

Handle Fixture::open(const std::string& path, OpenMode mode) {
  Request request;
  run(request.open(path, mode));
  REQUIRE(request.error == Error::none);
  return request.new_handle();
}

void Fixture::close(Handle handle) {
  Request request;
  run(request.close(handle));
  CHECK(request.error == Error::none);
}

void Fixture::write_file(const std::string& path, std::string_view text) {
  const Handle file = open(path, OpenMode::create);
  Request request;
  run(request.truncate(file, 0));
  REQUIRE(request.error == Error::none);
  std::size_t written = 0;
  while (written < text.size()) {
    run(request.write(file, as_bytes(text.substr(written)), written));
    REQUIRE(request.error == Error::none);
    REQUIRE(request.result > 0);
    written += static_cast<std::size_t>(request.result);
  }
  close(file);
}

std::string Fixture::read_file(const std::string& path) {
  const Handle file = open(path, OpenMode::read);
  std::string all;
  std::string piece(1000, '\0');
  Request request;
  while (true) {
    run(request.read(file, writable(piece), all.size()));
    REQUIRE(request.error == Error::none);
    if (request.result == 0) break;
    all.append(piece, 0, static_cast<std::size_t>(request.result));
  }
  close(file);
  return all;
}

io::Address loopback(std::uint16_t port) {
  io::Address address;
  address.family = io::Family::ipv4;
  address.ip = {127, 0, 0, 1};
  address.port = port;
  return address;
}

std::string pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  std::uint32_t state = seed * 2654435761U + 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>('a' + (state >> 24) % 26);
  }
  return text;
}

}  // namespace runnel::contract
