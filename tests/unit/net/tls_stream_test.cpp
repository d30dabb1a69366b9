// Goal: a TlsStream keeps the contract of streams: bytes arrive whole and in order while tasks read
// and write at once, ends are told apart, deadlines and cancellation end what waits, and a
// handshake lets others run. Method: a client and a server stream over pipes in memory, each
// direction with a task of its own.
#include "net/tls_stream.hpp"

#include <string>

#include <doctest/doctest.h>

#include "async/frame_arena.hpp"
#include "tests/support/manual_reactor.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/tls_pair.hpp"

using namespace runnel;
using namespace runnel::async;
using namespace runnel::test;

namespace {

struct World {
  World() = default;
  explicit World(std::size_t piece, std::size_t room = 64 * 1024) {
    client_inner.piece = server_inner.piece = piece;
    client_inner.room_bytes = server_inner.room_bytes = room;
  }
  ~World() {
    scope.cancel();
    settle();
  }
  // Until nothing is ready; time stands still.
  void settle() {
    do scheduler.turn(reactor.now());
    while (!scheduler.idle());
  }
  void shake() {
    scope.spawn(shake_one(client, client_status));
    scope.spawn(shake_one(server, server_status));
    settle();
    REQUIRE(client_status.ok());
    REQUIRE(server_status.ok());
  }
  static Task<void> shake_one(net::TlsStream& stream, Status& into) {
    into = Error::would_block;
    into = co_await stream.handshake(never);
  }

  std::vector<std::byte> frames = std::vector<std::byte>(512 * 1024);
  FrameArena arena{frames};
  ManualReactor reactor;
  Scheduler scheduler{reactor};
  Scope scope{scheduler, "test"};
  TlsPair pair;
  Pipe up, down;
  MemoryStream client_inner{down, up}, server_inner{up, down};
  net::TlsStream client{*pair.client.session, client_inner};
  net::TlsStream server{*pair.server.session, server_inner};
  Status client_status, server_status;
};

std::string text_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>(at * 7 + at / 251);
  return text;
}

Task<void> write_all(net::TlsStream& stream, std::string text, std::size_t at_once, Status& into) {
  into = Error::would_block;
  Status status;
  for (std::size_t at = 0; status.ok() && at < text.size(); at += at_once) {
    const std::string_view part = std::string_view(text).substr(at, at_once);
    status = co_await stream.write(as_bytes(part), never);
  }
  if (status.ok()) status = co_await stream.shut(never);
  into = status;
}

Task<void> read_all(net::TlsStream& stream, std::string& into, Error& end, Instant deadline) {
  std::byte buffer[777];
  for (;;) {
    const Result<std::uint32_t> size = co_await stream.read(buffer, deadline);
    if (!size) {
      end = size.error();
      co_return;
    }
    into += as_text(Bytes(buffer).first(*size));
  }
}

Task<void> write_once(net::TlsStream& stream, std::string text, Instant deadline, Status& into) {
  into = Error::would_block;
  into = co_await stream.write(as_bytes(text), deadline);
}

Task<void> count_turns(const Status& until, std::uint64_t& turns) {
  while (until.error() == Error::would_block) {
    co_await yield();
    ++turns;
  }
}

}  // namespace

TEST_CASE("tls stream: both directions at once, whatever the pieces, to an orderly end") {
  for (const std::size_t piece : {1u, 7u, 100u, 1500u, 100'000u}) {
    for (const std::size_t room : {10u, 5000u, 64u * 1024}) {
      World world(piece, room);
      world.shake();
      CHECK(world.client.is_open());
      const std::string upwards = text_of(40'000), downwards = text_of(70'000);
      std::string got_up, got_down;
      Error end_up = Error::none, end_down = Error::none;
      Status wrote_up, wrote_down;
      world.scope.spawn(write_all(world.client, upwards, 20'000, wrote_up));
      world.scope.spawn(write_all(world.server, downwards, 333, wrote_down));
      world.scope.spawn(read_all(world.server, got_up, end_up, never));
      world.scope.spawn(read_all(world.client, got_down, end_down, never));
      world.settle();
      CHECK(wrote_up.ok());
      CHECK(wrote_down.ok());
      CHECK(got_up == upwards);
      CHECK(got_down == downwards);
      CHECK(end_up == Error::closed);
      CHECK(end_down == Error::closed);
      CHECK(world.client.traffic().sent_bytes == world.server.traffic().received_bytes);
      CHECK(world.client.traffic().sent_bytes > upwards.size());
      world.client.close();
      world.server.close();
      CHECK_FALSE(world.client.is_open());
      CHECK(world.pair.client.session->used_bytes() == 0);
    }
  }
}

TEST_CASE("tls stream: cut off without a goodbye is no end in order") {
  World world;
  world.shake();
  std::string got;
  Error end = Error::none;
  Status wrote;
  world.scope.spawn(write_once(world.server, "half of it", never, wrote));
  world.scope.spawn(read_all(world.client, got, end, never));
  world.settle();
  world.server.close();
  world.settle();
  CHECK(got == "half of it");
  CHECK(end == Error::reset);
  CHECK(world.client.reason() == "the peer ended the connection without saying so (close_notify)");
  CHECK_FALSE(world.client.is_open());
  world.client.close();
}

TEST_CASE("tls stream: cut off in the middle of a handshake, at every byte") {
  std::size_t whole = 0;
  {
    World world;
    world.shake();
    whole = static_cast<std::size_t>(world.server.traffic().sent_bytes);
  }
  REQUIRE(whole > 500);
  for (std::size_t cut = 0; cut < whole; cut += cut < 200 ? 1 : 97) {
    World world;
    world.scope.spawn(World::shake_one(world.server, world.server_status));
    world.client_inner.piece = 1;
    world.scope.spawn(World::shake_one(world.client, world.client_status));
    for (int turn = 0; turn < 100'000 && world.client_inner.traffic().received_bytes < cut; ++turn)
      world.scheduler.turn(world.reactor.now());
    world.down.bytes.clear();
    world.down.ended = true;
    world.down.changed.ring();
    world.down.broken = true;
    world.settle();
    CHECK(world.client_status.error() == Error::reset);
    CHECK(world.client.reason() == "the peer ended the connection during the handshake");
    world.client.close();
  }
}

TEST_CASE("tls stream: a read that timed out lost nothing, a write that did is the end") {
  // In front of the world, whose tasks use them until it ends.
  std::string got;
  Error end = Error::none;
  Status wrote, waits_its_turn;
  World world(SIZE_MAX, 4000);
  world.shake();
  world.scope.spawn(
      read_all(world.client, got, end, after(world.reactor.now(), std::chrono::seconds(5))));
  world.settle();
  world.scheduler.turn(never);
  world.settle();
  CHECK(end == Error::timed_out);
  CHECK(world.client.is_open());
  world.scope.spawn(write_once(world.server, "late", never, wrote));
  world.scope.spawn(read_all(world.client, got, end, never));
  world.settle();
  CHECK(got == "late");
  // Nobody reads, and the pipe is full.
  world.scope.spawn(write_once(world.client, text_of(30'000),
                               after(world.reactor.now(), std::chrono::seconds(5)), wrote));
  world.scope.spawn(write_once(world.client, "behind", never, waits_its_turn));
  world.settle();
  world.scheduler.turn(never);
  world.settle();
  CHECK(wrote.error() == Error::timed_out);
  CHECK(waits_its_turn.error() == Error::closed);
  CHECK_FALSE(world.client.is_open());
}

TEST_CASE("tls stream: cancelling ends a handshake, a read and a write that wait") {
  {
    World world;
    world.scope.spawn(World::shake_one(world.client, world.client_status));
    world.settle();
    world.scope.cancel();
    world.settle();
    CHECK(world.client_status.error() == Error::cancelled);
    world.client.close();
    CHECK(world.pair.client.session->used_bytes() == 0);
  }
  World world(SIZE_MAX, 4000);
  world.shake();
  std::string got;
  Error end = Error::none;
  Status wrote;
  world.scope.spawn(read_all(world.client, got, end, never));
  world.scope.spawn(write_once(world.client, text_of(30'000), never, wrote));
  world.settle();
  world.scope.cancel();
  world.settle();
  CHECK(end == Error::cancelled);
  CHECK(wrote.error() == Error::cancelled);
}

TEST_CASE("tls stream: garbage is refused, and the peer is told") {
  World world;
  world.down.bytes = "HTTP/1.1 400 Bad Request\r\n\r\n";
  world.scope.spawn(World::shake_one(world.client, world.client_status));
  world.settle();
  CHECK(world.client_status.error() == Error::malformed);
  CHECK(world.client.reason() == "what the peer sends is not TLS (mbedTLS -0x7200)");
  world.client.close();

  World later;
  later.shake();
  std::string got;
  Error end = Error::none;
  Status wrote;
  later.scope.spawn(write_once(later.server, "to be changed on the way", never, wrote));
  later.settle();
  REQUIRE(wrote.ok());
  later.down.bytes.back() ^= 1;
  later.scope.spawn(read_all(later.client, got, end, never));
  later.settle();
  CHECK(end == Error::malformed);
  later.scope.spawn(read_all(later.server, got, end, never));
  later.settle();
  CHECK(got == "");
  CHECK(later.server.reason() == "the peer refuses: a record fails its check (alert 20)");
}

TEST_CASE("tls stream: a handshake has its deadline, also while it computes") {
  World world;
  Status status;
  world.scope.spawn(World::shake_one(world.client, status));
  world.settle();
  CHECK(status.error() == Error::would_block);
  world.scope.cancel();
  world.settle();

  World late;
  late.scope.spawn([](net::TlsStream& stream, Instant deadline, Status& into) -> Task<void> {
    into = co_await stream.handshake(deadline);
  }(late.client, late.reactor.now(), late.client_status));
  late.settle();
  CHECK(late.client_status.error() == Error::timed_out);
  CHECK(late.client.reason() == "the handshake took too long");
}

TEST_CASE("tls stream: however many shake hands, others run between their steps") {
  World world;
  std::uint64_t turns = 0;
  world.client_status = Error::would_block;
  world.scope.spawn(count_turns(world.client_status, turns));
  const std::uint64_t before = world.scheduler.turns();
  world.scope.spawn(World::shake_one(world.client, world.client_status));
  world.scope.spawn(World::shake_one(world.server, world.server_status));
  world.settle();
  CHECK(world.client_status.ok());
  // Both take about 40 steps together, and no two of them in one turn.
  CHECK(world.scheduler.turns() - before >= 30);
  CHECK(turns >= 30);
}

TEST_CASE("tls stream: an end in order is for one direction, and it all is used again afterwards") {
  World world;
  for (int round = 0; round < 3; ++round) {
    world.shake();
    CHECK(world.client.session().resumed() == (round > 0));
    std::string question, answer;
    Error end = Error::none;
    Status wrote;
    world.scope.spawn(write_all(world.client, "question", 100, wrote));
    world.scope.spawn(read_all(world.server, question, end, never));
    world.settle();
    CHECK(question == "question");
    CHECK(end == Error::closed);
    world.scope.spawn(write_all(world.server, "answer", 100, wrote));
    world.scope.spawn(read_all(world.client, answer, end, never));
    world.settle();
    CHECK(answer == "answer");
    CHECK(end == Error::closed);
    world.client.close();
    world.server.close();
    world.client_inner.connect_again();
    world.server_inner.connect_again();
  }
}
