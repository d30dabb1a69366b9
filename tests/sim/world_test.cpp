// Goal: one seed is one run, bit for bit; faults do what they say; a deadlock is seen.
// Method: a small busy program of files, streams and datagrams under rough options, run twice; then
// each fault by itself.
#include <deque>
#include <vector>

#include "base/region.hpp"
#include "tests/sim/harness.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

io::Address loopback() {
  io::Address address;
  address.family = io::Family::ipv4;
  address.ip = {127, 0, 0, 1};
  return address;
}

MutableBytes writable(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

Request& ask(Request& request, Verb verb, Handle handle, MutableBytes bytes = {}) {
  request.verb = verb;
  request.handle = handle;
  request.data = bytes.data();
  request.size = static_cast<std::uint32_t>(bytes.size());
  return request;
}

struct Connection {
  Handle client = Handle::none;
  Handle server = Handle::none;
  std::uint16_t port = 0;
};

Connection connect(Process& from, Process& to, io::Address at) {
  Connection made;
  const auto listener = to.system.listen(io::Transport::tcp, at, {});
  REQUIRE(listener.has_value());
  at.port = made.port = to.system.local_address(*listener)->port;
  const auto client = from.system.socket(io::Transport::tcp, at.family);
  REQUIRE(client.has_value());
  made.client = *client;
  Request accept, connect;
  to.submit(ask(accept, Verb::accept, *listener));
  connect.peer = &at;
  from.submit(ask(connect, Verb::connect, made.client));
  for (int turns = 0; turns < 1000 && !(accept.done() && connect.done()); ++turns) {
    from.turn(never);
    if (&from != &to) to.turn(never);
  }
  REQUIRE(accept.error == Error::none);
  REQUIRE(connect.error == Error::none);
  made.server = static_cast<Handle>(accept.result);
  to.reactor.discard(*listener);
  return made;
}

// Sends `total` bytes over loopback in pieces, writes what arrives into a file, syncs now and then.
std::uint64_t busy_run(std::uint64_t seed, const SimOptions& options, std::size_t total) {
  SimWorld world(seed, options);
  Process process(world.machine());
  const Connection pair = connect(process, process, loopback());
  const Handle file = process.open("/out", OpenMode::create);
  std::string out(3000, 'x'), in(2000, '\0');
  Request send, recv;
  std::size_t sent = 0, received = 0;
  while (received < total) {
    if (send.state != io::Operation::State::submitted && sent < total)
      process.submit(ask(send, Verb::send, pair.client, writable(out)));
    if (recv.state != io::Operation::State::submitted)
      process.submit(ask(recv, Verb::recv, pair.server, writable(in)));
    process.turn(never);
    REQUIRE_FALSE(world.stalled());
    if (send.done() && send.result > 0) {
      sent += static_cast<std::size_t>(send.result);
      send.result = 0;
    }
    if (!recv.done()) continue;
    const auto count = static_cast<std::size_t>(recv.result);
    REQUIRE(process.write(file, std::string_view(in).substr(0, count), received) == Error::none);
    received += count;
    if (received % 7 == 0) REQUIRE(process.sync(file) == Error::none);
  }
  world.machine().kill();
  CHECK(world.machine().files().info("/out")->size == received);
  return world.trace_hash();
}

}  // namespace

TEST_CASE("world: one seed is one run, another seed is another") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const auto first = busy_run(seed, SimOptions::rough(), 100'000);
    CHECK(busy_run(seed, SimOptions::rough(), 100'000) == first);
    CHECK(busy_run(seed + 100, SimOptions::rough(), 100'000) != first);
  }
}

TEST_CASE("world: the clock jumps to the deadline, the wall clock goes along and can step") {
  SimWorld world(1);
  Process process(world.machine());
  const Instant start = process.reactor.now();
  const WallTime wall = process.system.wall_clock();
  CHECK_FALSE(process.turn(after(start, 3600s)));
  CHECK(process.reactor.now() == after(start, 3600s));
  CHECK(process.system.wall_clock() - wall == 3600s);
  world.step_wall_clock(-7200s);
  CHECK(process.system.wall_clock() - wall == -3600s);
  CHECK(process.reactor.now() == after(start, 3600s));
}

TEST_CASE("world: waiting for ever with nothing to come is seen") {
  SimWorld world(1);
  Process process(world.machine());
  CHECK_FALSE(process.turn(never));
  CHECK(world.stalled());
}

TEST_CASE("world: a signal and a deed at their time") {
  SimWorld world(1);
  Process process(world.machine());
  world.at(after(world.now(), 5s), [&] { world.raise(io::Signal::stop); });
  Request ready;
  const Instant start = world.now();
  CHECK(process.run(ask(ready, Verb::ready, process.system.signal_handle())) == Error::none);
  CHECK(world.now() >= after(start, 5s));
  CHECK(process.system.take_signal() == io::Signal::stop);
  CHECK_FALSE(process.system.take_signal().has_value());
}

TEST_CASE("faults: a disk that is full takes what fits, then refuses") {
  SimOptions options;
  options.capacity_bytes = 1000;
  SimWorld world(1, options);
  Process process(world.machine());
  const Handle file = process.open("/a", OpenMode::create);
  const std::string text(900, 'a');
  Request write;
  Process::ask_write(write, file, text, 0);
  CHECK(process.run(write) == Error::none);
  Process::ask_write(write, file, text, 900);
  CHECK(process.run(write) == Error::none);
  CHECK(write.result == 100);
  CHECK(process.write(file, text, 1000) == Error::no_space);
  CHECK(process.write(file, text, 0) == Error::none);
  world.options().capacity_bytes = 5000;
  CHECK(process.write(file, text, 1000) == Error::none);
}

TEST_CASE("faults: handles run out and come back") {
  SimWorld world(1);
  Process process(world.machine());
  world.machine().facts().handles_max = 1;
  const Handle file = process.open("/a", OpenMode::create);
  Request open;
  open.verb = Verb::open;
  open.path = "/a";
  CHECK(process.run(open) == Error::too_many_handles);
  CHECK(process.close(file) == Error::none);
  CHECK(process.run(open) == Error::none);
}

TEST_CASE("faults: a partition between machines holds bytes until it heals") {
  SimWorld world(1);
  SimMachine& far = world.add_machine("far");
  Process here(world.machine()), there(far);
  const Connection pair = connect(here, there, far.address());
  world.network().partition(world.machine(), far, true);
  std::string out = "across", in(100, '\0');
  Request send, recv;
  CHECK(here.run(ask(send, Verb::send, pair.client, writable(out))) == Error::none);
  there.submit(ask(recv, Verb::recv, pair.server, writable(in)));
  const Instant heals = after(world.now(), 60s);
  while (world.now() < heals) there.turn(heals);
  CHECK_FALSE(recv.done());
  world.network().heal();
  there.wait(recv);
  CHECK(in.substr(0, static_cast<std::size_t>(recv.result)) == out);
}

TEST_CASE("faults: a partition that lasts ends the connection of who has sent") {
  SimWorld world(1);
  SimMachine& far = world.add_machine("far");
  Process here(world.machine()), there(far);
  const Connection pair = connect(here, there, far.address());
  world.network().partition(world.machine(), far, true);
  std::string out = "across", in(100, '\0');
  Request send, recv;
  CHECK(here.run(ask(send, Verb::send, pair.client, writable(out))) == Error::none);
  here.submit(ask(recv, Verb::recv, pair.client, writable(in)));
  while (!recv.done()) here.turn(never);
  CHECK(recv.error == Error::timed_out);
  CHECK(world.now() > instant_from_ns(0) + 900s);
}

TEST_CASE(
    "faults: a machine that loses power says nothing, and answers with a reset once it is back") {
  SimWorld world(1);
  SimMachine& far = world.add_machine("far");
  Process here(world.machine());
  Connection pair;
  {
    Process there(far);
    pair = connect(here, there, far.address());
    far.power_loss();
  }
  std::string out = "hello", in(100, '\0');
  Request send, recv;
  here.submit(ask(recv, Verb::recv, pair.client, writable(in)));
  CHECK_FALSE(here.turn(after(world.now(), 3600s)));
  CHECK_FALSE(recv.done());
  CHECK(here.run(ask(send, Verb::send, pair.client, writable(out))) == Error::none);
  here.wait(recv);
  CHECK(recv.error == Error::reset);
}

TEST_CASE("faults: datagrams are lost at the rate that was asked for, or dropped when unread") {
  SimOptions options;
  options.datagram_loss = 500'000;
  SimWorld world(1, options);
  Process process(world.machine());
  const auto receiver = process.system.listen(io::Transport::udp, loopback(), {});
  auto to = *process.system.local_address(*receiver);
  const auto sender = process.system.socket(io::Transport::udp, io::Family::ipv4);
  std::string out(1000, 'd'), in(1000, '\0');
  Request send, recv;
  send.peer = &to;
  for (int count = 0; count < 2000; ++count)
    CHECK(process.run(ask(send, Verb::send_to, *sender, writable(out))) == Error::none);
  world.run_for(1s);
  std::uint64_t received = 0;
  for (;; ++received) {
    process.submit(ask(recv, Verb::recv_from, *receiver, writable(in)));
    if (!process.turn(after(world.now(), 1s))) break;
  }
  process.reactor.cancel(recv);
  process.wait(recv);
  const auto dropped = process.system.datagrams_dropped(*receiver);
  CHECK(received == 200);
  CHECK(received + *dropped > 850);
  CHECK(received + *dropped < 1150);
}

TEST_CASE("faults: resets hit connections, what arrived before can be read") {
  SimWorld world(1);
  Process process(world.machine());
  const Connection pair = connect(process, process, loopback());
  std::string out = "before", in(100, '\0');
  Request send, recv;
  CHECK(process.run(ask(send, Verb::send, pair.client, writable(out))) == Error::none);
  world.run_for(1s);
  world.network().reset_connections(pair.port);
  world.run_for(1s);
  CHECK(process.run(ask(recv, Verb::recv, pair.server, writable(in))) == Error::none);
  CHECK(recv.result == 6);
  CHECK(process.run(ask(recv, Verb::recv, pair.server, writable(in))) == Error::reset);
  CHECK(process.run(ask(send, Verb::send, pair.client, writable(out))) == Error::reset);
  CHECK(process.run(ask(send, Verb::send, pair.client, writable(out))) == Error::closed);
}

TEST_CASE("buffers: what was given back shows its pattern, and streams wait their turn") {
  SimWorld world(1);
  Process process(world.machine());
  Region measuring = Region::measuring();
  io::BufferPool::carve(measuring, 2, 1024, "buffers");
  Region region = Region::over(*process.system.map(measuring.used()));
  io::BufferPool pool = io::BufferPool::carve(region, 2, 1024, "buffers");
  process.reactor.attach(pool);
  const Connection pair = connect(process, process, loopback());
  List<io::Buffer, io::BufferTag> filled;
  Request stream, send;
  stream.pool = &pool;
  stream.filled = &filled;
  process.submit(ask(stream, Verb::recv_stream, pair.server));
  std::string out(5000, 's');
  CHECK(process.run(ask(send, Verb::send, pair.client, writable(out))) == Error::none);
  std::size_t received = 0;
  while (received < out.size()) {
    process.turn(after(world.now(), 1s));
    REQUIRE(!filled.empty());
    io::Buffer& first = filled.pop_front();
    received += first.size;
    first.state = io::Buffer::State::leased;
    const std::byte* kept = first.data;
    process.reactor.recycle(pool, first);
    CHECK(*kept == recycled_pattern);
  }
  CHECK(received == out.size());
  CHECK(process.reactor.times_parked() > 0);
  process.reactor.cancel(stream);
  process.wait(stream);
  CHECK(stream.error == Error::cancelled);
  process.reactor.detach(pool);
}
