// Goal: poll comes back at its deadline and not before, does not wait for one that has passed, and
// comes back earlier only with something. Method: deadlines of the driver's own clock. Nothing is
// said about how late it may be.
#include "tests/contract/fixture.hpp"

namespace runnel::contract {
namespace {

std::size_t poll_and_count(Fixture& f, Instant until) {
  io::CompletedList completed;
  f.reactor().poll(until, completed);
  std::size_t count = 0;
  while (completed.take_front() != nullptr) ++count;
  return count;
}

}  // namespace

TEST_CASE("deadlines: an idle poll ends at its deadline, not before") {
  Fixture f;
  for (const Duration wait : {Duration(1ms), Duration(10ms), Duration(70us), Duration(33ms)}) {
    const Instant deadline = after(f.reactor().now(), wait);
    CHECK(poll_and_count(f, deadline) == 0);
    CHECK(f.reactor().now() >= deadline);
  }
}

TEST_CASE("deadlines: the same while something waits that does not come") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::string into(10, '\0');
  Request recv;
  f.submit(recv.recv(pair.server, writable(into)));
  for (int round = 0; round < 3; ++round) {
    const Instant deadline = after(f.reactor().now(), 10ms);
    CHECK(poll_and_count(f, deadline) == 0);
    CHECK(f.reactor().now() >= deadline);
  }
  f.reactor().cancel(recv);
  f.wait_for(recv);
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("deadlines: an instant that has passed does not block") {
  Fixture f;
  // A poll that waited here would wait for ever: nothing is in flight.
  CHECK(poll_and_count(f, instant_from_ns(0)) == 0);
  CHECK(poll_and_count(f, Instant::min()) == 0);
  CHECK(poll_and_count(f, f.reactor().now()) == 0);
}

TEST_CASE("deadlines: polls that do not block still make progress") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::string into(10, '\0');
  Request recv, send;
  f.submit(recv.recv(pair.server, writable(into)));
  f.submit(send.send(pair.client, as_bytes("x")));
  const Instant bound = after(f.reactor().now(), 60s);
  while (!(recv.done() && send.done()) && f.reactor().now() < bound) {
    f.glance();
    // Leaves a simulated clock room to move, and a real one does not mind.
    f.pause_until(after(f.reactor().now(), 1us));
  }
  CHECK(recv.result == 1);
  CHECK(send.result == 1);
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("deadlines: a completion ends a poll without a deadline") {
  Fixture f;
  Request open;
  const std::string path = f.path("a");
  f.submit(open.open(path, OpenMode::create));
  f.pause_until(never);
  REQUIRE(open.ok());
  f.close(open.new_handle());
}

}  // namespace runnel::contract
