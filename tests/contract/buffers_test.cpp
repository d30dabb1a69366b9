// Goal: streams over buffer pools deliver every byte in order, survive a pool that is empty, and
// end as they should; every buffer comes back. Method: small pools, so that they run out all the
// time.
#include <algorithm>

#include "tests/contract/fixture.hpp"

namespace runnel::contract {
namespace {

// After the stream has completed, all buffers of the pool but those in its queue are free again.
void check_all_back(Fixture& f, Request& stream) {
  f.take_text(stream);
  for (const io::Buffer& buffer : stream.pool->buffers())
    CHECK(buffer.state == io::Buffer::State::with_reactor);
}

}  // namespace

TEST_CASE("buffers: a stream yields what comes, then the end") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  io::BufferPool& pool = f.pool(4, 1024);
  Request stream;
  f.submit(stream.recv_stream(pair.server, pool));
  std::string got;
  for (int round = 0; round < 30; ++round) {
    const std::string text = "line " + std::to_string(round) + "\n";
    f.send_all(pair.client, text);
    std::string piece;
    f.until(
        [&] {
          piece += f.take_text(stream);
          return piece.size() >= text.size();
        },
        "a line");
    CHECK(piece == text);
    CHECK(!stream.done());
  }
  f.send_all(pair.client, "the end");
  f.close(pair.client);
  f.wait_for(stream);
  CHECK(stream.error == Error::closed);
  CHECK(stream.state == io::Operation::State::completed);
  CHECK(stream.yields > 0);
  CHECK(f.take_text(stream) == "the end");
  check_all_back(f, stream);
  f.close(pair.server);
}

TEST_CASE("buffers: far more than the pool holds arrives once and in order") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  io::BufferPool& pool = f.pool(2, 512);
  const std::string text = pattern(300'000, 9);
  Request stream, send;
  f.submit(stream.recv_stream(pair.server, pool));
  std::string got;
  std::size_t sent = 0;
  f.submit(send.send(pair.client, as_bytes(text)));
  while (got.size() < text.size()) {
    f.turn();
    got += f.take_text(stream);
    REQUIRE(!stream.done());
    if (send.done()) {
      REQUIRE(send.ok());
      sent += static_cast<std::size_t>(send.result);
      send.completions = 0;
      if (sent < text.size()) f.submit(send.send(pair.client, as_bytes(text).subspan(sent)));
    }
  }
  CHECK(got == text);
  f.until([&] { return send.state != io::Operation::State::submitted; }, "the last send");
  f.close(pair.client);
  f.wait_for(stream);
  CHECK(stream.error == Error::closed);
  check_all_back(f, stream);
  f.close(pair.server);
}

TEST_CASE("buffers: an empty pool stops a stream and a returned buffer starts it again") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  io::BufferPool& pool = f.pool(2, 256);
  const std::string text = pattern(256 * 5, 5);
  Request stream;
  f.submit(stream.recv_stream(pair.server, pool));
  f.send_all(pair.client, text);
  std::size_t held = 0;
  f.until([&] { return stream.queue.count() == 2; }, "both buffers");
  // It has run out, which is not its end, and polling on does not busy itself with it.
  const Instant deadline = after(f.reactor().now(), 5ms);
  f.pause_until(deadline);
  CHECK(!stream.done());
  CHECK(stream.queue.count() == 2);
  std::string got;
  while (got.size() < text.size()) {
    io::Buffer& buffer = stream.queue.pop_front();
    got += as_text(buffer.bytes());
    held += buffer.size;
    buffer.state = io::Buffer::State::leased;
    f.reactor().recycle(pool, buffer);
    if (got.size() + 256 < text.size())
      f.until([&] { return stream.queue.count() == 2; }, "the next buffer");
    else
      f.until([&] { return !stream.queue.empty() || got.size() == text.size(); }, "the last ones");
  }
  CHECK(got == text);
  CHECK(held == text.size());
  f.reactor().cancel(stream);
  f.wait_for(stream);
  CHECK(stream.error == Error::cancelled);
  check_all_back(f, stream);
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("buffers: a stream that has run out can be cancelled") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  io::BufferPool& pool = f.pool(1, 64);
  Request stream;
  f.submit(stream.recv_stream(pair.server, pool));
  const std::string text = pattern(200);
  f.send_all(pair.client, text);
  f.until([&] { return stream.queue.count() == 1; }, "the only buffer");
  f.pause_until(after(f.reactor().now(), 2ms));
  f.reactor().cancel(stream);
  f.wait_for(stream);
  CHECK(stream.error == Error::cancelled);
  std::string got = f.take_text(stream);
  CHECK(got.size() > 0);
  CHECK(got.size() <= 64);
  check_all_back(f, stream);

  // What the stream has not taken is still in the socket.
  got += f.receive(pair.server, text.size() - got.size());
  CHECK(got == text);
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("buffers: a cancel that meets arriving data loses no buffer") {
  Fixture f;
  io::BufferPool& pool = f.pool(4, 128);
  for (int round = 0; round < 60; ++round) {
    const SocketPair pair = f.connect_pair();
    Request stream, send;
    const std::string text = pattern(300);
    f.submit(stream.recv_stream(pair.server, pool));
    if (round % 2 == 0) f.glance();
    f.submit(send.send(pair.client, as_bytes(text)));
    if (round % 3 != 0) f.glance();
    f.reactor().cancel(stream);
    f.wait_for(stream);
    CHECK(stream.error == Error::cancelled);
    CHECK(text.starts_with(f.take_text(stream)));
    f.wait_for(send);
    check_all_back(f, stream);
    f.close(pair.client);
    f.close(pair.server);
  }
}

TEST_CASE("buffers: a reset ends a stream as reset") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  io::BufferPool& pool = f.pool(2, 128);
  Request stream, send, ready;
  f.submit(stream.recv_stream(pair.server, pool));
  f.run(send.send(pair.server, as_bytes("never read")));
  f.run(ready.ready(pair.client));
  f.close(pair.client);
  f.wait_for(stream);
  CHECK(stream.error == Error::reset);
  check_all_back(f, stream);
  f.close(pair.server);
}

TEST_CASE("buffers: more connections than buffers, each holding half a line, all make progress") {
  Fixture f;
  io::BufferPool& pool = f.pool(4, 256);
  constexpr std::size_t count = 24;
  struct Connection {
    SocketPair pair;
    Request stream;
    std::string carry;  // the half line, copied so that its buffer can go back
  };
  std::vector<Connection> connections(count);
  for (Connection& connection : connections) {
    connection.pair = f.connect_pair();
    f.submit(connection.stream.recv_stream(connection.pair.server, pool));
  }
  const auto take_all = [&] {
    for (Connection& connection : connections) connection.carry += f.take_text(connection.stream);
  };
  for (int round = 1; round <= 5; ++round) {
    for (const char* half : {"half a ", "line\n"}) {
      for (Connection& connection : connections) f.send_all(connection.pair.client, half);
      const std::string_view so_far = *half == 'h' ? "half a " : "half a line\n";
      f.until(
          [&] {
            take_all();
            for (Connection& connection : connections)
              if (connection.carry != so_far) return false;
            return true;
          },
          "half a line of every connection");
    }
    for (Connection& connection : connections) {
      CHECK(!connection.stream.done());
      connection.carry.clear();
    }
  }
  for (Connection& connection : connections) {
    f.close(connection.pair.client);
    f.wait_for(connection.stream);
    CHECK(connection.stream.error == Error::closed);
    f.close(connection.pair.server);
  }
  check_all_back(f, connections[0].stream);
}

TEST_CASE("buffers: idle connections hold none, and a busy one cannot starve the others") {
  Fixture f;
  io::BufferPool& pool = f.pool(2, 256);
  const SocketPair busy = f.connect_pair(), quiet = f.connect_pair(), idle = f.connect_pair();
  Request busy_stream, quiet_stream, idle_stream, flood;
  f.submit(busy_stream.recv_stream(busy.server, pool));
  f.submit(idle_stream.recv_stream(idle.server, pool));
  f.submit(quiet_stream.recv_stream(quiet.server, pool));
  const std::string text = pattern(64 * 1024);
  f.submit(flood.send(busy.client, as_bytes(text)));
  // Only once the flood has arrived: which of two connections' bytes come first is nobody's
  // promise.
  f.until([&] { return !busy_stream.queue.empty(); }, "the flood");
  f.send_all(quiet.client, "a word");
  std::string word;
  std::size_t from_busy = 0;
  f.until(
      [&] {
        from_busy += f.take_text(busy_stream).size();
        word += f.take_text(quiet_stream);
        if (flood.done() && word.size() < 6) f.submit(flood.send(busy.client, as_bytes(text)));
        return word == "a word";
      },
      "the quiet connection");
  CHECK(from_busy > 0);
  CHECK(idle_stream.yields == 0);
  for (Request* stream : {&busy_stream, &quiet_stream, &idle_stream}) f.reactor().cancel(*stream);
  if (!flood.done()) f.reactor().cancel(flood);
  for (Request* request : {&busy_stream, &quiet_stream, &idle_stream, &flood})
    f.until([&] { return request->done() || request->state == io::Operation::State::idle; },
            "the end");
  for (Request* stream : {&busy_stream, &quiet_stream, &idle_stream}) f.take_text(*stream);
  check_all_back(f, busy_stream);
  for (const SocketPair& pair : {busy, quiet, idle}) {
    f.close(pair.client);
    f.close(pair.server);
  }
}

TEST_CASE("buffers: a buffer is not lost on a stream that is cancelled when its turn has come") {
  constexpr std::size_t count = 3;
  const std::string text = pattern(600);
  // Who waits in which place is the driver's own business: each of them is cancelled once.
  for (std::size_t victim = 0; victim < count; ++victim) {
    for (const bool cancel_first : {false, true}) {
      CAPTURE(victim);
      CAPTURE(cancel_first);
      Fixture f;
      io::BufferPool& pool = f.pool(1, 64);
      std::vector<SocketPair> pairs(count);
      std::vector<Request> streams(count);
      std::vector<std::string> got(count);
      const auto take_all = [&] {
        for (std::size_t index = 0; index < count; ++index)
          got[index] += f.take_text(streams[index]);
      };
      for (std::size_t index = 0; index < count; ++index) {
        pairs[index] = f.connect_pair();
        f.submit(streams[index].recv_stream(pairs[index].server, pool));
        f.send_all(pairs[index].client, text);
      }
      f.until(
          [&] {
            return std::any_of(streams.begin(), streams.end(),
                               [](const Request& each) { return !each.queue.empty(); });
          },
          "the only buffer");
      // All the others find the pool empty and wait for it.
      f.pause_until(after(f.reactor().now(), 2ms));
      if (cancel_first) f.reactor().cancel(streams[victim]);
      take_all();
      if (!cancel_first) f.reactor().cancel(streams[victim]);
      f.until(
          [&] {
            take_all();
            for (std::size_t index = 0; index < count; ++index)
              if (index != victim && got[index].size() < text.size()) return false;
            return streams[victim].done();
          },
          "the streams that were not cancelled");
      CHECK(streams[victim].error == Error::cancelled);
      for (std::size_t index = 0; index < count; ++index) {
        if (index != victim) {
          CHECK(got[index] == text);
          f.reactor().cancel(streams[index]);
          f.wait_for(streams[index]);
        }
        f.take_text(streams[index]);
        CHECK(text.starts_with(got[index]));
      }
      check_all_back(f, streams[0]);
      for (const SocketPair& pair : pairs) {
        f.close(pair.client);
        f.close(pair.server);
      }
    }
  }
}

TEST_CASE("buffers: two pools do not know of each other") {
  Fixture f;
  io::BufferPool& small = f.pool(1, 64);
  io::BufferPool& large = f.pool(8, 2048);
  const SocketPair a = f.connect_pair(), b = f.connect_pair();
  Request from_a, from_b;
  f.submit(from_a.recv_stream(a.server, small));
  f.submit(from_b.recv_stream(b.server, large));
  f.send_all(a.client, pattern(100));
  f.until([&] { return from_a.queue.count() == 1; }, "the small pool's only buffer");
  const std::string text = pattern(5000, 2);
  f.send_all(b.client, text);
  std::string got;
  f.until(
      [&] {
        got += f.take_text(from_b);
        return got.size() >= text.size();
      },
      "the large pool's stream");
  CHECK(got == text);
  for (Request* stream : {&from_a, &from_b}) {
    f.reactor().cancel(*stream);
    f.wait_for(*stream);
    check_all_back(f, *stream);
  }
  for (const SocketPair& pair : {a, b}) {
    f.close(pair.client);
    f.close(pair.server);
  }
}

}  // namespace runnel::contract
