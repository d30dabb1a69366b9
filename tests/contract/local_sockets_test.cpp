// Goal: Unix sockets do in every driver what those of TCP and UDP do, and their files are treated
// with care: a stale one is replaced, everything else is left alone. Method: both ends are ours.
#include "tests/contract/fixture.hpp"

namespace runnel::contract {
namespace {

constexpr auto streams = io::Transport::tcp, datagrams = io::Transport::udp;
constexpr auto local = io::Family::local;

Result<Handle> listen_at(Fixture& f, io::Transport transport, const std::string& path,
                         std::uint32_t backlog = 128) {
  io::ListenOptions options;
  options.path = path.c_str();
  options.backlog = backlog;
  return f.system().listen(transport, {.family = local}, options);
}
Handle listener_at(Fixture& f, io::Transport transport, const std::string& path,
                   std::uint32_t backlog = 128) {
  const auto handle = listen_at(f, transport, path, backlog);
  REQUIRE(handle.has_value());
  return *handle;
}
Handle client(Fixture& f, io::Transport transport = streams) {
  const auto handle = f.system().socket(transport, local);
  REQUIRE(handle.has_value());
  return *handle;
}
Error connects(Fixture& f, Handle socket, const std::string& path) {
  io::Address to{.family = local};
  Request connect;
  f.run(connect.connect(socket, to, path));
  return connect.error;
}

struct Pair {
  explicit Pair(Fixture& f) : f_(f), path(f.path("pair.sock")) {
    listener = listener_at(f, streams, path);
    one = client(f);
    Request accept;
    f.submit(accept.accept(listener, &peer));
    CHECK(connects(f, one, path) == Error::none);
    f.wait_for(accept);
    REQUIRE(accept.ok());
    other = accept.new_handle();
  }
  ~Pair() {
    for (const Handle each : {one, other, listener})
      if (each != Handle::none) f_.close(each);
  }
  void close_other() { f_.close(std::exchange(other, Handle::none)); }

  Fixture& f_;
  std::string path;
  Handle listener, one, other;
  io::Address peer;
};

}  // namespace

TEST_CASE("local sockets: bytes go both ways, and addresses say what they are") {
  Fixture f;
  Pair pair(f);
  CHECK(pair.peer == io::Address{.family = local});
  for (const Handle each : {pair.listener, pair.one, pair.other})
    CHECK(f.system().local_address(each) == io::Address{.family = local});
  f.send_all(pair.one, "hello");
  CHECK(f.receive(pair.other, 5) == "hello");
  const std::string text = pattern(2'000'000, 3);
  Request send;
  std::string got;
  for (std::size_t sent = 0; sent < text.size();) {
    f.submit(send.send(pair.other, as_bytes(text).subspan(sent)));
    // What one send takes is no more than there is room for: whoever reads makes more.
    while (!send.done()) got += f.receive(pair.one, 1);
    REQUIRE(send.ok());
    sent += static_cast<std::size_t>(send.result);
    got += f.receive(pair.one, sent - got.size());
  }
  CHECK(got == text);
}

TEST_CASE("local sockets: buffers of a pool are filled, and the end comes after all bytes") {
  Fixture f;
  Pair pair(f);
  io::BufferPool& pool = f.pool(4, 4096);
  const std::string text = pattern(1'000'000, 7);
  Request receive, send;
  f.submit(receive.recv_stream(pair.other, pool));
  std::string got;
  for (std::size_t sent = 0; sent < text.size();) {
    f.submit(send.send(pair.one, as_bytes(text).subspan(sent)));
    f.until(
        [&] {
          got += f.take_text(receive);
          return send.done();
        },
        "a send");
    REQUIRE(send.ok());
    sent += static_cast<std::size_t>(send.result);
  }
  f.close(std::exchange(pair.one, Handle::none));
  f.until(
      [&] {
        got += f.take_text(receive);
        return receive.done();
      },
      "the end");
  CHECK(receive.error == Error::closed);
  CHECK(got + f.take_text(receive) == text);
}

TEST_CASE("local sockets: a file that nobody listens on any more is replaced, its owner's is not") {
  Fixture f;
  for (const auto transport : {streams, datagrams}) {
    const std::string path = f.path(transport == streams ? "stream.sock" : "datagram.sock");
    const Handle first = listener_at(f, transport, path);
    const auto second = listen_at(f, transport, path);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error() == Error::in_use);
    const auto of_first = f.system().file_info(path.c_str());
    REQUIRE(of_first.has_value());
    CHECK(of_first->kind == io::FileInfo::Kind::other);
    // It heard nothing of that.
    if (transport == streams) {
      Request accept;
      f.submit(accept.accept(first));
      f.glance();
      CHECK_FALSE(accept.done());
      f.reactor().cancel(accept);
      f.wait_for(accept);
    }
    f.close(first);
    const Handle left = client(f, transport);
    CHECK(connects(f, left, path) == Error::refused);
    f.close(left);
    const Handle third = listener_at(f, transport, path);
    const Handle again = client(f, transport);
    CHECK(connects(f, again, path) == Error::none);
    f.close(again);
    f.close(third);
    CHECK(f.system().remove_file(path.c_str()).ok());
    CHECK(f.system().file_info(path.c_str()).error() == Error::not_found);
    CHECK(f.system().remove_file(path.c_str()).error() == Error::not_found);
  }
}

TEST_CASE("local sockets: what is no socket stays; a path that cannot be is refused") {
  Fixture f;
  const std::string file = f.path("notes");
  f.write_file(file, "keep me");
  const std::string folder = f.path("folder");
  REQUIRE(f.system().make_folders(folder.c_str()).ok());
  struct Row {
    std::string path;
    Error error;
  };
  const Row rows[] = {
      {file, Error::exists},
      {folder, Error::exists},
      {f.path("missing/x.sock"), Error::not_found},
      {file + "/x.sock", Error::not_folder},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    for (const auto transport : {streams, datagrams}) {
      const auto listening = listen_at(f, transport, row.path);
      REQUIRE_FALSE(listening.has_value());
      CHECK(listening.error() == row.error);
    }
  }
  CHECK(f.read_file(file) == "keep me");
}

TEST_CASE("local sockets: connecting says what is wrong with the path") {
  Fixture f;
  f.write_file(f.path("notes"), "no socket");
  const Handle listener = listener_at(f, datagrams, f.path("datagram.sock"));
  const Handle from = client(f);
  CHECK(connects(f, from, f.path("missing.sock")) == Error::not_found);
  CHECK(connects(f, from, f.path("missing/x.sock")) == Error::not_found);
  CHECK(connects(f, from, f.path("notes/x.sock")) == Error::not_folder);
  CHECK(connects(f, from, f.path("notes")) == Error::refused);
  CHECK(connects(f, from, f.path("datagram.sock")) == Error::unsupported);
  f.close(from);
  f.close(listener);
}

TEST_CASE("local sockets: the longest path") {
  Fixture f;
  std::string path = f.path("");
  path.resize(io::local_path_bytes_max, 'p');
  const Handle listener = listener_at(f, streams, path);
  const Handle from = client(f);
  CHECK(connects(f, from, path) == Error::none);
  f.close(from);
  f.close(listener);
}

TEST_CASE("local sockets: who does not fit into the backlog is refused and need not wait") {
  Fixture f;
  const std::string path = f.path("full.sock");
  const Handle listener = listener_at(f, streams, path, 1);
  std::vector<Handle> clients;
  Error last = Error::none;
  while (last == Error::none && clients.size() < 10) {
    clients.push_back(client(f));
    last = connects(f, clients.back(), path);
  }
  CHECK(last == Error::refused);
  Request accept;
  f.run(accept.accept(listener));
  REQUIRE(accept.ok());
  CHECK(connects(f, clients.back(), path) == Error::none);
  for (const Handle each : clients) f.close(each);
  f.close(accept.new_handle());
  f.close(listener);
}

TEST_CASE("local sockets: what the peer's program has not read is not acknowledged") {
  Fixture f;
  Pair pair(f);
  const auto state = [&] { return f.system().stream_state(pair.one); };
  REQUIRE(state().has_value());
  CHECK(state()->unacknowledged_bytes == 0);
  CHECK_FALSE(state()->peer_finished);
  f.send_all(pair.one, "a few bytes");
  Request ready;
  f.run(ready.ready(pair.other));  // they have arrived, and nobody has read them
  CHECK(state()->unacknowledged_bytes > 0);
  CHECK(f.receive(pair.other, 11) == "a few bytes");
  const auto look_until = [&](const auto& condition) {
    for (int looks = 0; looks < 10'000 && !condition(); ++looks)
      f.pause_until(after(f.reactor().now(), 1ms));
    return condition();
  };
  CHECK(look_until([&] { return state()->unacknowledged_bytes == 0; }));
  SUBCASE("and a peer that has read all ends in order") {
    pair.close_other();
    CHECK(look_until([&] { return state().has_value() && state()->peer_finished; }));
    Request send;
    f.run(send.send(pair.one, as_bytes("x")));
    CHECK(send.error == Error::closed);
  }
  SUBCASE("and one that has not resets, which is never taken for an acknowledgement") {
    f.send_all(pair.one, "unread");
    Request arrived;
    f.run(arrived.ready(pair.other));
    pair.close_other();
    CHECK(look_until([&] { return !state() || state()->unacknowledged_bytes == 0; }));
  }
}

TEST_CASE("local sockets: a reset is told once") {
  Fixture f;
  Pair pair(f);
  f.send_all(pair.one, "unread");
  Request ready;
  f.run(ready.ready(pair.other));
  pair.close_other();
  std::string into(10, '\0');
  Request recv;
  f.run(recv.recv(pair.one, writable(into)));
  CHECK(recv.error == Error::reset);
  f.run(recv.recv(pair.one, writable(into)));
  CHECK(recv.ok());
  CHECK(recv.result == 0);
}

TEST_CASE("local sockets: datagrams keep their bounds, are never dropped, and have no sender") {
  Fixture f;
  const std::string path = f.path("log");
  io::BufferPool& pool = f.pool(8, 1024 + io::BufferPool::datagram_overhead);
  const Handle receiver = listener_at(f, datagrams, path);
  const Handle sender = client(f, datagrams);
  REQUIRE(connects(f, sender, path) == Error::none);

  std::string into(100, '\0');
  io::Address from;
  Request recv, send;
  f.run(send.send(sender, as_bytes("first")));
  REQUIRE(send.ok());
  f.run(recv.recv_from(receiver, writable(into), &from));
  CHECK(recv.result == 5);
  CHECK(from == io::Address{.family = local});

  // No more at a time than every kernel takes without the sender waiting.
  constexpr unsigned at_once = 8, rounds = 20;
  Request stream;
  f.submit(stream.recv_from_stream(receiver, pool));
  for (unsigned round = 0; round < rounds; ++round) {
    for (unsigned number = 0; number < at_once; ++number) {
      const std::string text = pattern(500, round * at_once + number);
      f.run(send.send(sender, as_bytes(text)));
      REQUIRE(send.ok());
    }
    unsigned received = 0;
    f.until(
        [&] {
          while (io::Buffer* buffer = stream.queue.take_front()) {
            CHECK(text_of(buffer->bytes()) == pattern(500, round * at_once + received++));
            CHECK_FALSE(buffer->truncated);
            CHECK(buffer->peer == io::Address{.family = local});
            buffer->state = io::Buffer::State::leased;
            f.reactor().recycle(pool, *buffer);
          }
          return received == at_once;
        },
        "a round of datagrams");
  }
  const std::string long_one = pattern(2000);
  f.run(send.send(sender, as_bytes(long_one)));
  f.until([&] { return !stream.queue.empty(); }, "a long datagram");
  CHECK(stream.queue.front().truncated);
  CHECK(long_one.starts_with(f.take_text(stream)));
  f.reactor().cancel(stream);
  f.wait_for(stream);
  CHECK(f.system().datagrams_dropped(receiver) == 0);
  f.close(receiver);
  f.run(send.send(sender, as_bytes("nobody is there")));
  CHECK(send.error == Error::refused);
  f.close(sender);
}

}  // namespace runnel::contract
