// The driver on epoll by way of Asio, on the real machine. The cases at the end look at what the
// suite cannot see: allocations, pipes, and syncs with and without Linux AIO.
#include <algorithm>
#include <random>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/asio/asio_reactor.hpp"
#include "platform/linux/system.hpp"
#include "tests/contract/fixture.hpp"
#include "tests/support/allocation_guard.hpp"

namespace runnel::contract {
namespace {

constexpr std::uint32_t handles_max = 8192;

class AsioUnderTest final : public DriverUnderTest {
 public:
  explicit AsioUnderTest(std::string& why_not) {
    Region measuring = Region::measuring();
    asio_driver::AsioReactor::carve(measuring, handles_max);
    Region region = Region::over(memory(measuring.used()));
    auto created =
        asio_driver::AsioReactor::create(asio_driver::AsioReactor::carve(region, handles_max));
    RUNNEL_ASSERT(region.used() == measuring.used());
    if (created)
      reactor_ = std::move(*created);
    else
      why_not = created.error().text;
  }
  bool works() const { return reactor_ != nullptr; }

  io::Reactor& reactor() override { return *reactor_; }
  io::System& system() override { return system_; }
  std::string scratch() override { return folder_.path(); }

 private:
  linux_os::LinuxSystem system_;
  ScratchFolder folder_;
  std::unique_ptr<asio_driver::AsioReactor> reactor_;
};

// Submits and polls without the fixture's own bookkeeping, which may allocate.
struct Rounds {
  io::Reactor& reactor;

  void run(std::initializer_list<Request*> requests) {
    for (Request* request : requests) reactor.submit(*request);
    for (Request* request : requests)
      while (request->state != io::Operation::State::completed) poll();
  }
  void poll() {
    io::CompletedList completed;
    reactor.poll(after(reactor.now(), 60s), completed);
    while (completed.take_front() != nullptr) {
    }
  }
};

bool is_asio() { return std::string_view(chosen_driver().name) == "asio"; }

}  // namespace

std::unique_ptr<DriverUnderTest> make_asio(std::string& why_not) {
  auto driver = std::make_unique<AsioUnderTest>(why_not);
  if (!driver->works()) return nullptr;
  return driver;
}

// Goal: nothing allocates in steady state. Method: count every malloc of the process over 10,000
// rounds of receiving (single and streamed) and sending, 1,000 connections made and closed, and
// syncs, after a warm-up of the same. Without a count (sanitizers) the rounds still run.
TEST_CASE("asio: no allocation in steady state" * doctest::skip(!is_asio())) {
  Fixture fixture;
  Rounds rounds{fixture.reactor()};
  io::BufferPool& pool = fixture.pool(4, 4096);
  io::Address address = loopback();
  const Handle listener = fixture.listen(io::Transport::tcp, address);
  const SocketPair pair = fixture.connect_pair();
  const SocketPair streamed = fixture.connect_pair();
  const std::string path = fixture.path("file");
  const Handle file = fixture.open(path, OpenMode::create);
  std::byte bytes[512] = {};
  const Bytes line(bytes, 200);
  Request stream, first, second, third;
  fixture.submit(stream.recv_stream(streamed.server, pool));
  std::uint64_t received = 0;

  const auto exchange = [&] {
    // The receive first: it has to wait, with a deadline in the poll.
    rounds.run({&first.recv(pair.server, bytes), &second.send(pair.client, line)});
    received += static_cast<std::uint64_t>(first.result);
    rounds.run({&first.send(streamed.client, line)});
    while (stream.queue.empty()) rounds.poll();
    while (io::Buffer* buffer = stream.queue.take_front()) {
      received += buffer->size;
      buffer->state = io::Buffer::State::leased;
      rounds.reactor.recycle(pool, *buffer);
    }
  };
  const auto connection = [&] {
    const Handle client = fixture.system().socket(io::Transport::tcp, address.family).value();
    rounds.run({&first.accept(listener), &second.connect(client, address)});
    const Handle server = first.new_handle();
    rounds.run({&first.recv(server, bytes), &second.send(client, line)});
    received += static_cast<std::uint64_t>(first.result);
    rounds.run({&first.close(client), &second.close(server)});
    rounds.run({&third.write(file, line, 0)});
    rounds.run({&third.sync(file)});
  };
  constexpr int exchanges = 10'000, exchanges_a_connection = 10, warm_up = 100;
  std::uint64_t counted_from = 0;
  for (int round = -warm_up; round < exchanges; ++round) {
    if (round == 0) {
      counted_from = test::allocation_count;
      test::arm(false, [] { return "asio"; });
    }
    exchange();
    if (round % exchanges_a_connection == 0) connection();
  }
  test::disarm();
  const std::uint64_t counted = test::allocation_count - counted_from;

  CHECK(counted == 0);
  const std::uint64_t connections = (exchanges + warm_up) / exchanges_a_connection;
  CHECK(received == (2 * (exchanges + warm_up) + connections) * line.size());
  CHECK(third.error == Error::none);
  fixture.reactor().cancel(stream);
  fixture.wait_for(stream);
  CHECK(stream.error == Error::cancelled);
  for (const Handle handle :
       {listener, pair.client, pair.server, streamed.client, streamed.server, file})
    fixture.close(handle);
}

// Goal: the first live descriptors allocate nothing either. Method: as many connections at once as
// the machine lets this process have, up to 500, each waiting in both directions.
TEST_CASE("asio: many descriptors at once are planned" * doctest::skip(!is_asio())) {
  Fixture fixture;
  Rounds rounds{fixture.reactor()};
  constexpr std::size_t count = 250;
  std::vector<SocketPair> pairs(count);
  std::vector<Request> requests(count);
  std::byte byte[1] = {};
  for (SocketPair& pair : pairs) pair = fixture.connect_pair();

  const std::uint64_t counted_from = test::allocation_count;
  for (std::size_t index = 0; index < count; ++index)
    rounds.reactor.submit(requests[index].recv(pairs[index].server, byte));
  Request send;
  rounds.run({&send.send(pairs[count - 1].client, byte)});
  while (requests[count - 1].state != io::Operation::State::completed) rounds.poll();
  const std::uint64_t counted = test::allocation_count - counted_from;

  CHECK(counted == 0);
  for (std::size_t index = 0; index + 1 < count; ++index) fixture.reactor().cancel(requests[index]);
  for (std::size_t index = 0; index + 1 < count; ++index) {
    fixture.wait_for(requests[index]);
    CHECK(requests[index].error == Error::cancelled);
  }
  for (const SocketPair& pair : pairs) {
    fixture.close(pair.client);
    fixture.close(pair.server);
  }
}

// Goal: pipes and terminals, which the console sink writes to, neither block the loop nor lose
// their order. Method: two writes of 600 KiB to a blocking pipe that holds 64 KiB, read by the same
// thread; then a full pipe, whose write is cancelled.
TEST_CASE("asio: a full pipe waits, in order" * doctest::skip(!is_asio())) {
  Fixture fixture;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Handle from = static_cast<Handle>(ends[0]), to = static_cast<Handle>(ends[1]);
  const std::string first_text = pattern(600 * 1024, 1), second_text = pattern(600 * 1024, 2);
  std::string piece(64 * 1024, '\0'), all;
  Request first, second, read;
  fixture.submit(first.write(to, as_bytes(first_text), 0));
  fixture.submit(second.write(to, as_bytes(second_text), 0));
  while (all.size() < first_text.size() + second_text.size()) {
    fixture.run(read.read(from, writable(piece), 0));
    REQUIRE(read.error == Error::none);
    REQUIRE(read.result > 0);
    all.append(piece, 0, static_cast<std::size_t>(read.result));
  }
  fixture.wait_for(first);
  fixture.wait_for(second);
  CHECK(first.result == static_cast<std::int32_t>(first_text.size()));
  CHECK(second.result == static_cast<std::int32_t>(second_text.size()));
  CHECK((all == first_text + second_text));

  // Nothing to read: the read waits; so does a write behind one that fills the pipe.
  fixture.submit(read.read(from, writable(piece), 0));
  fixture.glance();
  CHECK(!read.done());
  fixture.reactor().cancel(read);
  fixture.wait_for(read);
  CHECK(read.error == Error::cancelled);
  fixture.submit(first.write(to, as_bytes(first_text), 0));
  fixture.submit(second.write(to, as_bytes(second_text), 0));
  for (int count = 0; count < 10; ++count) fixture.glance();
  CHECK(!first.done());
  fixture.reactor().cancel(second);
  fixture.reactor().cancel(first);
  fixture.wait_for(first);
  fixture.wait_for(second);
  CHECK(second.error == Error::cancelled);
  CHECK(first.error == Error::none);  // what it had come to
  CHECK(first.result > 0);
  fixture.close(from);
  Request broken;
  fixture.run(broken.write(to, as_bytes(first_text), 0));
  CHECK(broken.error == Error::closed);
  fixture.close(to);
}

// Goal: syncs complete once each, also when there are more than Linux AIO has places for, and also
// without it. Method: 300 at once on one file and its folder, on either kind of reactor.
TEST_CASE("asio: many syncs at once" * doctest::skip(!is_asio())) {
  for (const bool without_aio : {false, true}) {
    CAPTURE(without_aio);
    Fixture fixture;
    Region measuring = Region::measuring();
    asio_driver::AsioReactor::carve(measuring, 1024);
    Region region = Region::over(fixture.memory(measuring.used()));
    const auto created = asio_driver::AsioReactor::create(
        asio_driver::AsioReactor::carve(region, 1024), {.without_aio = without_aio});
    REQUIRE(created.has_value());
    io::Reactor& reactor = **created;
    CHECK((reactor.description().find("by Linux AIO") == std::string_view::npos || !without_aio));
    const std::string path = fixture.path("file");
    fixture.write_file(path, "synced");
    const Handle file = fixture.open(path, OpenMode::write);
    const Handle folder = fixture.open(fixture.scratch(), OpenMode::folder);

    std::vector<Request> syncs(300);
    for (std::size_t index = 0; index < syncs.size(); ++index)
      reactor.submit(syncs[index].sync(index % 3 == 0 ? folder : file));
    Rounds rounds{reactor};
    std::ptrdiff_t ended = 0;
    while (ended < std::ssize(syncs)) {
      rounds.poll();
      ended = std::ranges::count(syncs, io::Operation::State::completed, &Request::state);
    }
    for (const Request& sync : syncs) CHECK(sync.error == Error::none);
    fixture.close(file);
    fixture.close(folder);
  }
}

// Goal: a handle past the plan fails by name where it would have to wait, and works where not.
// Method: a reactor for 64 handles, and a socket moved to number 200.
TEST_CASE("asio: a handle past the plan" * doctest::skip(!is_asio())) {
  Fixture fixture;
  const SocketPair pair = fixture.connect_pair();
  const int far = ::fcntl(static_cast<int>(pair.server), F_DUPFD_CLOEXEC, 200);
  REQUIRE(far >= 200);
  Region measuring = Region::measuring();
  asio_driver::AsioReactor::carve(measuring, 64);
  Region region = Region::over(fixture.memory(measuring.used()));
  const auto created =
      asio_driver::AsioReactor::create(asio_driver::AsioReactor::carve(region, 64));
  REQUIRE(created.has_value());
  Rounds rounds{**created};
  std::byte byte[1] = {};
  Request recv, send, close;
  rounds.run({&recv.recv(static_cast<Handle>(far), byte)});
  CHECK(recv.error == Error::too_many_handles);
  rounds.run({&send.send(static_cast<Handle>(far), byte)});
  CHECK(send.error == Error::none);
  rounds.run({&close.close(static_cast<Handle>(far))});
  CHECK(close.error == Error::none);
  fixture.close(pair.client);
  fixture.close(pair.server);
}

// Goal: streams over too few buffers lose, repeat and mix up nothing, whatever the order of events,
// and a cancelled stream goes on where it stopped. Method: 24 connections over 4 buffers; 20,000
// random sends, polls, recycles and cancels from a printed seed; then every byte is compared.
TEST_CASE("asio: random streams over few buffers" * doctest::skip(!is_asio())) {
  constexpr std::uint32_t seed = 20260;
  CAPTURE(seed);
  std::minstd_rand random(seed);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  Fixture fixture;
  io::BufferPool& pool = fixture.pool(4, 256);
  struct Connection {
    SocketPair pair;
    Request stream, send;
    std::string sent, received;
  };
  std::vector<Connection> all(24);
  for (Connection& each : all) {
    each.pair = fixture.connect_pair();
    fixture.submit(each.stream.recv_stream(each.pair.server, pool));
  }
  const auto take_one = [&](Connection& each) {
    io::Buffer* buffer = each.stream.queue.take_front();
    if (buffer == nullptr) return;
    each.received += as_text(buffer->bytes());
    buffer->state = io::Buffer::State::leased;
    fixture.reactor().recycle(pool, *buffer);
  };
  for (int step = 0; step < 20'000; ++step) {
    Connection& each = all[below(all.size())];
    switch (below(8)) {
      case 0:
      case 1: {
        const std::string text = pattern(1 + below(700), static_cast<unsigned>(step));
        fixture.run(each.send.send(each.pair.client, as_bytes(text)));
        REQUIRE(each.send.error == Error::none);
        each.sent.append(text, 0, static_cast<std::size_t>(each.send.result));
        break;
      }
      case 2:
        fixture.glance();
        break;
      case 3:
        if (below(10) != 0) break;
        fixture.reactor().cancel(each.stream);
        fixture.wait_for(each.stream);
        REQUIRE(each.stream.error == Error::cancelled);
        while (!each.stream.queue.empty()) take_one(each);
        fixture.submit(each.stream.recv_stream(each.pair.server, pool));
        break;
      default:
        take_one(each);
        break;
    }
  }
  // Everything that was sent arrives although all buffers may be held by one connection at a time.
  const auto complete = [&] {
    bool equal = true;
    for (Connection& each : all) {
      while (!each.stream.queue.empty()) take_one(each);
      equal = equal && each.received.size() >= each.sent.size();
    }
    return equal;
  };
  fixture.until(complete, "all bytes");
  for (Connection& each : all) {
    CHECK((each.received == each.sent));
    fixture.close(each.pair.client);
    fixture.wait_for(each.stream);
    CHECK(each.stream.error == Error::closed);
    fixture.close(each.pair.server);
  }
}

// Goal: a socket that has more is served for as long as buffers are free, without a turn for every
// few datagrams and without waiting for it to become ready once more. Method: 48 datagrams of a
// socket pair, which loses none, are there before the first look; a pool of 64 and then one of 4;
// counted poll by poll.
TEST_CASE("asio: waiting datagrams are taken many at a time" * doctest::skip(!is_asio())) {
  for (const std::uint32_t buffers : {64u, 4u}) {
    CAPTURE(buffers);
    Fixture fixture;
    Rounds rounds{fixture.reactor()};
    io::BufferPool& pool = fixture.pool(buffers, 1024);
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    constexpr std::size_t count = 48;
    Request stream;
    for (std::size_t index = 0; index < count; ++index) {
      const std::string text = pattern(20 + index, static_cast<unsigned>(index));
      REQUIRE(::send(ends[1], text.data(), text.size(), 0) == std::ssize(text));
    }
    fixture.submit(stream.recv_from_stream(static_cast<Handle>(ends[0]), pool));
    std::size_t got = 0, polls = 0;
    while (got < count) {
      rounds.poll();
      ++polls;
      const std::size_t before = got;
      while (io::Buffer* buffer = stream.queue.take_front()) {
        const auto seed = static_cast<unsigned>(got);
        CHECK(as_text(buffer->bytes()) == pattern(20 + got, seed));
        CHECK_FALSE(buffer->truncated);
        ++got;
        buffer->state = io::Buffer::State::leased;
        rounds.reactor.recycle(pool, *buffer);
      }
      // All buffers, or all that one turn takes, or what was left.
      const std::size_t most =
          std::min({std::size_t{buffers}, std::size_t{asio_driver::AsioReactor::buffers_a_turn},
                    count - before});
      CHECK(got - before == most);
    }
    CHECK(polls == (buffers == 4 ? 12 : 2));
    fixture.reactor().cancel(stream);
    fixture.wait_for(stream);
    CHECK(stream.error == Error::cancelled);
    for (const int end : ends) fixture.close(static_cast<Handle>(end));
  }
}

}  // namespace runnel::contract
