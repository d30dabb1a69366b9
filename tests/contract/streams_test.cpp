// Goal: accept, connect, send and recv on TCP: partial results, the peer's close, its reset, and
// handles that are used again. Method: both ends are ours, over loopback.
#include <set>

#include "tests/contract/fixture.hpp"

namespace runnel::contract {

TEST_CASE("streams: bytes go both ways and the peer is known") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  const auto client_address = f.system().local_address(pair.client);
  REQUIRE(client_address.has_value());
  CHECK(pair.client_address == *client_address);

  f.send_all(pair.client, "hello");
  CHECK(f.receive(pair.server, 5) == "hello");
  f.send_all(pair.server, "world!");
  CHECK(f.receive(pair.client, 6) == "world!");
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("streams: a recv waits for what is sent later, and takes it in parts") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::string into(4, '\0');
  Request recv;
  f.submit(recv.recv(pair.server, writable(into)));
  f.glance();
  CHECK(!recv.done());
  f.send_all(pair.client, "abcdefg");
  f.wait_for(recv);
  REQUIRE(recv.ok());
  CHECK(recv.result > 0);
  std::string got = into.substr(0, static_cast<std::size_t>(recv.result));
  CHECK(got.size() <= into.size());
  got += f.receive(pair.server, 7 - got.size());
  CHECK(got == "abcdefg");
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("streams: recv gives 0 once the peer has closed, after all that it sent") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::string into(100, '\0');
  Request recv;
  f.send_all(pair.client, "last words");
  f.close(pair.client);
  CHECK(f.receive(pair.server, 10) == "last words");
  for (int again = 0; again < 2; ++again) {
    f.run(recv.recv(pair.server, writable(into)));
    CHECK(recv.ok());
    CHECK(recv.result == 0);
  }
  f.close(pair.server);

  // And also when it was waiting already.
  const SocketPair other = f.connect_pair();
  f.submit(recv.recv(other.server, writable(into)));
  f.glance();
  f.close(other.client);
  f.wait_for(recv);
  CHECK(recv.ok());
  CHECK(recv.result == 0);
  f.close(other.server);
}

TEST_CASE("streams: a peer that closes with unread bytes resets the connection") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::string into(100, '\0');
  Request recv, send, ready;
  f.run(send.send(pair.client, as_bytes("never read")));
  f.run(ready.ready(pair.server));  // it has arrived
  f.submit(recv.recv(pair.client, writable(into)));
  f.glance();
  f.close(pair.server);
  f.wait_for(recv);
  CHECK(recv.error == Error::reset);
  // Whoever goes on sending is told as well, at the latest by the second try.
  for (int attempt = 0; attempt < 2; ++attempt) f.run(send.send(pair.client, as_bytes("more")));
  CHECK((send.error == Error::closed || send.error == Error::reset));
  f.close(pair.client);
}

TEST_CASE("streams: a large send may be partial, and everything arrives once and in order") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  const std::string text = pattern(8 * 1024 * 1024, 3);
  std::string got(text.size(), '\0');
  std::size_t sent = 0, received = 0;
  Request send, recv;
  f.submit(send.send(pair.client, as_bytes(text)));
  f.submit(recv.recv(pair.server, writable(got)));
  while (received < text.size()) {
    f.turn();
    if (send.done()) {
      REQUIRE(send.error == Error::none);
      REQUIRE(send.result > 0);
      sent += static_cast<std::size_t>(send.result);
      send.completions = 0;
      if (sent < text.size()) f.submit(send.send(pair.client, as_bytes(text).subspan(sent)));
    }
    if (recv.done()) {
      REQUIRE(recv.error == Error::none);
      REQUIRE(recv.result > 0);
      received += static_cast<std::size_t>(recv.result);
      recv.completions = 0;
      if (received < got.size()) f.submit(recv.recv(pair.server, writable(got).subspan(received)));
    }
  }
  f.until([&] { return sent == text.size() || send.done(); }, "the last send");
  CHECK(got == text);
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("streams: a sender waits while its peer does not read, and goes on when it does") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  const std::string text = pattern(256 * 1024, 4);
  std::size_t sent = 0;
  Request send;
  // Until one does not complete: then both kernels' buffers are full.
  for (int piece = 0; piece < 1000; ++piece) {
    f.submit(send.send(pair.client, as_bytes(text)));
    for (int look = 0; look < 20 && !send.done(); ++look) f.glance();
    if (!send.done()) break;
    REQUIRE(send.error == Error::none);
    sent += static_cast<std::size_t>(send.result);
    if (send.result < static_cast<std::int32_t>(text.size())) continue;
  }
  REQUIRE(!send.done());
  std::string into(1024 * 1024, '\0');
  std::size_t received = 0;
  while (!send.done()) {
    Request recv;
    f.run(recv.recv(pair.server, writable(into)));
    REQUIRE(recv.ok());
    received += static_cast<std::size_t>(recv.result);
  }
  REQUIRE(send.ok());
  sent += static_cast<std::size_t>(send.result);
  while (received < sent) {
    Request recv;
    f.run(recv.recv(pair.server, writable(into)));
    REQUIRE(recv.ok());
    REQUIRE(recv.result > 0);
    received += static_cast<std::size_t>(recv.result);
  }
  CHECK(received == sent);
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("streams: both directions of one connection wait at the same time") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  std::string a(10, '\0'), b(10, '\0');
  Request client_recv, server_recv, client_send, server_send;
  f.submit(client_recv.recv(pair.client, writable(a)));
  f.submit(server_recv.recv(pair.server, writable(b)));
  f.glance();
  f.submit(client_send.send(pair.client, as_bytes("up")));
  f.submit(server_send.send(pair.server, as_bytes("down")));
  for (Request* request : {&client_recv, &server_recv, &client_send, &server_send}) {
    f.wait_for(*request);
    CHECK(request->ok());
  }
  // Each may have come to a part only.
  const auto count = [](const Request& request) {
    return static_cast<std::size_t>(request.result);
  };
  f.send_all(pair.client, std::string_view("up").substr(count(client_send)));
  f.send_all(pair.server, std::string_view("down").substr(count(server_send)));
  a.resize(count(client_recv));
  b.resize(count(server_recv));
  CHECK(a + f.receive(pair.client, 4 - a.size()) == "down");
  CHECK(b + f.receive(pair.server, 2 - b.size()) == "up");
  f.close(pair.client);
  f.close(pair.server);
}

TEST_CASE("streams: connecting where nobody listens is refused") {
  Fixture f;
  io::Address address = loopback();
  const Handle listener = f.listen(io::Transport::tcp, address);
  f.close(listener);
  const auto client = f.system().socket(io::Transport::tcp, io::Family::ipv4);
  REQUIRE(client.has_value());
  Request connect;
  f.run(connect.connect(*client, address));
  CHECK(connect.error == Error::refused);
  f.close(*client);
}

TEST_CASE("streams: several accepts wait on one listener, one connection for each") {
  Fixture f;
  io::Address address = loopback();
  const Handle listener = f.listen(io::Transport::tcp, address);
  constexpr std::size_t count = 5;
  Request accepts[count], connects[count];
  Handle clients[count];
  for (Request& accept : accepts) f.submit(accept.accept(listener));
  f.glance();
  for (std::size_t index = 0; index < count; ++index) {
    const auto client = f.system().socket(io::Transport::tcp, io::Family::ipv4);
    REQUIRE(client.has_value());
    clients[index] = *client;
    f.submit(connects[index].connect(*client, address));
  }
  std::set<Handle> accepted;
  for (std::size_t index = 0; index < count; ++index) {
    f.wait_for(connects[index]);
    CHECK(connects[index].ok());
    f.wait_for(accepts[index]);
    REQUIRE(accepts[index].ok());
    accepted.insert(accepts[index].new_handle());
  }
  CHECK(accepted.size() == count);
  for (const Handle handle : accepted) f.close(handle);
  for (const Handle handle : clients) f.close(handle);
  f.close(listener);
}

TEST_CASE("streams: ready tells of bytes and of the end, and takes nothing") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  Request ready, send, recv;
  f.submit(ready.ready(pair.server));
  f.glance();
  CHECK(!ready.done());
  f.run(send.send(pair.client, as_bytes("x")));
  f.wait_for(ready);
  CHECK(ready.ok());
  f.run(ready.ready(pair.server));  // still
  CHECK(ready.ok());
  std::string into(10, '\0');
  f.run(recv.recv(pair.server, writable(into)));
  CHECK(recv.result == 1);
  f.submit(ready.ready(pair.server));
  f.glance();
  CHECK(!ready.done());
  f.close(pair.client);
  f.wait_for(ready);
  CHECK(ready.ok());
  f.close(pair.server);
}

TEST_CASE("streams: a handle that is used again hears nothing of its former life") {
  Fixture f;
  std::string into(100, '\0');
  for (int round = 0; round < 60; ++round) {
    const SocketPair pair = f.connect_pair();
    Request recv;
    f.submit(recv.recv(pair.server, writable(into)));
    const std::string text = pattern(20, static_cast<unsigned>(round));
    // Each life ends in another way: after a cancelled recv, after a whole one, after the peer.
    if (round % 3 == 0) {
      f.glance();
      f.reactor().cancel(recv);
      f.wait_for(recv);
      CHECK(recv.error == Error::cancelled);
    } else if (round % 3 == 1) {
      f.send_all(pair.client, text);
      f.wait_for(recv);
      REQUIRE(recv.ok());
      const std::string got = into.substr(0, static_cast<std::size_t>(recv.result));
      CHECK(got + f.receive(pair.server, text.size() - got.size()) == text);
    } else {
      f.close(pair.client);
      f.wait_for(recv);
      CHECK(recv.result == 0);
    }
    if (round % 3 != 2) f.close(pair.client);
    f.close(pair.server);
  }
}

}  // namespace runnel::contract
