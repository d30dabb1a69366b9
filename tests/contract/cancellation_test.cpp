// Goal: a cancelled operation completes exactly once, as `cancelled` or with what it had come to,
// and takes nothing with it. Method: cancel at each moment: before the first poll, while waiting,
// together with the completion, after it; the fixture counts every hand-over.
#include "tests/contract/fixture.hpp"

namespace runnel::contract {
namespace {

bool is_outcome(const Request& request, std::int32_t result) {
  return request.error == Error::cancelled ||
         (request.error == Error::none && request.result == result);
}

// A few more polls, in which nothing may be handed over again.
void settle(Fixture& f) {
  for (int round = 0; round < 3; ++round) f.pause_until(after(f.reactor().now(), 1ms));
}

}  // namespace

TEST_CASE("cancellation: what waits ends as cancelled") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  io::Address address = loopback(), udp_address = loopback();
  const Handle listener = f.listen(io::Transport::tcp, address);
  const Handle udp = f.listen(io::Transport::udp, udp_address);
  io::BufferPool& pool = f.pool(4, 1024);
  for (const bool after_a_poll : {false, true}) {
    std::string into(10, '\0'), other(10, '\0');
    Request requests[6];
    requests[0].recv(pair.server, writable(into));
    requests[1].accept(listener);
    requests[2].ready(pair.client);
    requests[3].recv_from(udp, writable(other));
    for (int index = 0; index < 4; ++index) f.submit(requests[index]);
    if (after_a_poll) f.glance();
    for (int index = 0; index < 4; ++index) f.reactor().cancel(requests[index]);
    // Only a request: it has not completed yet.
    for (int index = 0; index < 4; ++index) CHECK(!requests[index].done());
    for (int index = 0; index < 4; ++index) {
      f.wait_for(requests[index]);
      CHECK(requests[index].error == Error::cancelled);
    }
    requests[4].recv_stream(pair.server, pool);
    requests[5].recv_from_stream(udp, pool);
    for (int index = 4; index < 6; ++index) {
      f.submit(requests[index]);
      if (after_a_poll) f.glance();
      f.reactor().cancel(requests[index]);
      f.wait_for(requests[index]);
      CHECK(requests[index].error == Error::cancelled);
      CHECK(requests[index].queue.empty());
    }
    settle(f);
  }
  // The handles are as good as before.
  f.send_all(pair.client, "after");
  CHECK(f.receive(pair.server, 5) == "after");
  for (const Handle handle : {pair.client, pair.server, listener, udp}) f.close(handle);
}

TEST_CASE("cancellation: of what is not submitted nothing comes") {
  Fixture f;
  Request idle;
  f.reactor().cancel(idle);
  settle(f);
  CHECK(idle.state == io::Operation::State::idle);
  const SocketPair pair = f.connect_pair();
  Request send;
  f.run(send.send(pair.client, as_bytes("x")));
  f.reactor().cancel(send);
  settle(f);
  CHECK(send.completions == 1);
  CHECK(send.ok());
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("cancellation: asked twice, completes once") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::string into(10, '\0');
  Request recv;
  f.submit(recv.recv(pair.server, writable(into)));
  f.reactor().cancel(recv);
  f.reactor().cancel(recv);
  f.wait_for(recv);
  f.reactor().cancel(recv);
  settle(f);
  CHECK(recv.error == Error::cancelled);
  // The same operation, submitted again, is not hit by the cancels of before.
  f.submit(recv.recv(pair.server, writable(into)));
  settle(f);
  CHECK(!recv.done());
  Request send;
  f.run(send.send(pair.client, as_bytes("x")));
  f.wait_for(recv);
  CHECK(recv.result == 1);
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("cancellation: racing with the completion loses no byte") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::size_t received = 0;
  std::string all;
  for (int round = 0; round < 300; ++round) {
    std::string into(1, '\0');
    const std::string text(1, static_cast<char>('a' + round % 26));
    Request recv, send;
    f.submit(recv.recv(pair.server, writable(into)));
    if (round % 2 == 0) f.glance();
    f.submit(send.send(pair.client, as_bytes(text)));
    if (round % 3 == 0) f.glance();
    f.reactor().cancel(recv);
    f.wait_for(send);
    REQUIRE(send.ok());
    f.wait_for(recv);
    CHECK(is_outcome(recv, 1));
    // Whoever was cancelled has not taken the byte: the next one finds it.
    if (!recv.ok()) f.run(recv.recv(pair.server, writable(into)));
    REQUIRE(recv.ok());
    ++received;
    CHECK(into == text);
  }
  CHECK(received == 300);
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("cancellation: racing with an accept loses no connection") {
  Fixture f;
  io::Address address = loopback();
  const Handle listener = f.listen(io::Transport::tcp, address);
  for (int round = 0; round < 60; ++round) {
    const auto client = f.system().socket(io::Transport::tcp, io::Family::ipv4);
    REQUIRE(client.has_value());
    Request accept, connect;
    f.submit(accept.accept(listener));
    if (round % 2 == 0) f.glance();
    f.submit(connect.connect(*client, address));
    if (round % 3 == 0) f.glance();
    f.reactor().cancel(accept);
    f.wait_for(connect);
    REQUIRE(connect.ok());
    f.wait_for(accept);
    if (!accept.ok()) {
      CHECK(accept.error == Error::cancelled);
      f.run(accept.accept(listener));
    }
    REQUIRE(accept.ok());
    f.close(accept.new_handle());
    f.close(*client);
  }
  f.close(listener);
}

TEST_CASE("cancellation: of one of two that became ready for the same connection") {
  Fixture f;
  io::Address address = loopback();
  const Handle listener = f.listen(io::Transport::tcp, address);
  for (int round = 0; round < 40; ++round) {
    const auto client = f.system().socket(io::Transport::tcp, io::Family::ipv4);
    REQUIRE(client.has_value());
    Request first, second, connect;
    f.submit(first.accept(listener));
    f.submit(second.accept(listener));
    f.glance();
    f.submit(connect.connect(*client, address));
    // Any call into the kernel: it may complete both behind the driver's back.
    if (round % 2 == 0) CHECK(f.system().local_address(*client).has_value());
    Request& hit = round % 4 < 2 ? second : first;
    Request& other = round % 4 < 2 ? first : second;
    f.reactor().cancel(hit);
    f.wait_for(hit);
    f.wait_for(connect);
    REQUIRE(connect.ok());
    if (hit.ok()) {
      f.close(hit.new_handle());
      f.reactor().cancel(other);
      f.wait_for(other);
      CHECK(other.error == Error::cancelled);
    } else {
      CHECK(hit.error == Error::cancelled);
      f.wait_for(other);
      REQUIRE(other.ok());
      f.close(other.new_handle());
    }
    f.close(*client);
  }
  f.close(listener);
}

TEST_CASE("cancellation: of a connect and of a blocked send") {
  Fixture f;
  io::Address address = loopback();
  const Handle listener = f.listen(io::Transport::tcp, address);
  const auto client = f.system().socket(io::Transport::tcp, io::Family::ipv4);
  REQUIRE(client.has_value());
  Request connect;
  f.submit(connect.connect(*client, address));
  f.reactor().cancel(connect);
  f.wait_for(connect);
  CHECK((connect.error == Error::cancelled || connect.ok()));
  f.close(*client);
  f.close(listener);

  const SocketPair pair = f.connect_pair();
  const std::string text = pattern(256 * 1024);
  Request send;
  for (int piece = 0; piece < 1000; ++piece) {
    f.submit(send.send(pair.client, as_bytes(text)));
    for (int look = 0; look < 20 && !send.done(); ++look) f.glance();
    if (!send.done()) break;
    REQUIRE(send.ok());
  }
  REQUIRE(!send.done());
  f.reactor().cancel(send);
  f.wait_for(send);
  CHECK((send.error == Error::cancelled || (send.ok() && send.result > 0)));
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("cancellation: file operations complete once, either way") {
  Fixture f;
  const std::string path = f.path("file"), text = pattern(64 * 1024);
  f.write_file(path, text);
  const Handle file = f.open(path, OpenMode::create);
  const auto size = static_cast<std::int32_t>(text.size());
  for (int round = 0; round < 40; ++round) {
    std::string into(text.size(), '\0');
    io::FileInfo info;
    Request read, write, sync, stat;
    f.submit(read.read(file, writable(into), 0));
    f.submit(write.write(file, as_bytes(text), 0));
    f.submit(sync.sync(file));
    f.submit(stat.stat(file, info));
    if (round % 2 == 0) f.glance();
    for (Request* request : {&read, &write, &sync, &stat}) f.reactor().cancel(*request);
    for (Request* request : {&read, &write, &sync, &stat}) f.wait_for(*request);
    CHECK((read.error == Error::cancelled || (read.ok() && read.result > 0)));
    CHECK((write.error == Error::cancelled || (write.ok() && write.result > 0)));
    CHECK(is_outcome(sync, 0));
    CHECK(is_outcome(stat, 0));
    if (read.ok() && read.result == size) CHECK(into == text);
  }
  // A close is never cancelled: nobody would know whether the handle is still there.
  Request close;
  f.submit(close.close(file));
  f.reactor().cancel(close);
  f.wait_for(close);
  CHECK(close.ok());
}

TEST_CASE("cancellation: of many out of many hits exactly those") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  constexpr std::size_t count = 100;
  std::vector<Request> waiting(count);
  for (Request& request : waiting) f.submit(request.ready(pair.server));
  f.glance();
  for (std::size_t index = 0; index < count; index += 2) f.reactor().cancel(waiting[index]);
  for (std::size_t index = 0; index < count; index += 2) {
    f.wait_for(waiting[index]);
    CHECK(waiting[index].error == Error::cancelled);
  }
  settle(f);
  for (std::size_t index = 1; index < count; index += 2) CHECK(!waiting[index].done());
  Request send;
  f.run(send.send(pair.client, as_bytes("x")));
  for (std::size_t index = 1; index < count; index += 2) {
    f.wait_for(waiting[index]);
    CHECK(waiting[index].ok());
  }
  f.close(pair.client);
  f.close(pair.server);
}

}  // namespace runnel::contract
