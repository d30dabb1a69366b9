// Goal: datagrams keep their boundaries, their sender and whether they were cut, one at a time and
// as a stream; a socket that is connected hears when nobody listens. Method: one at a time is in
// flight wherever a count is checked, because a datagram may be lost; a lost one is sent again.
#include "tests/contract/fixture.hpp"

namespace runnel::contract {
namespace {

struct Ports {
  io::Address to = loopback(), from = loopback();
  Handle receiver, sender;
  explicit Ports(Fixture& f)
      : receiver(f.listen(io::Transport::udp, to)), sender(f.listen(io::Transport::udp, from)) {}
  void close(Fixture& f) const {
    f.close(receiver);
    f.close(sender);
  }
};

// Sends until `arrived`, a second apart by the reactor's clock.
void send_until(Fixture& f, Ports& ports, const std::string& text,
                const std::function<bool()>& arrived) {
  for (int attempt = 0; attempt < 30 && !arrived(); ++attempt) {
    Request send;
    f.run(send.send_to(ports.sender, as_bytes(text), ports.to));
    REQUIRE(send.ok());
    REQUIRE(send.result == static_cast<std::int32_t>(text.size()));
    const Instant patience = after(f.reactor().now(), 1s);
    while (!arrived() && f.reactor().now() < patience) f.pause_until(patience);
  }
  REQUIRE(arrived());
}

}  // namespace

TEST_CASE("datagrams: one comes whole, with its sender") {
  Fixture f;
  Ports ports(f);
  std::string into(100, '\0');
  io::Address peer;
  Request recv;
  f.submit(recv.recv_from(ports.receiver, writable(into), &peer));
  send_until(f, ports, "a datagram", [&] { return recv.done(); });
  CHECK(recv.ok());
  CHECK(recv.result == 10);
  CHECK(!recv.truncated);
  CHECK(into.substr(0, 10) == "a datagram");
  CHECK(peer == ports.from);
  ports.close(f);
}

TEST_CASE("datagrams: one that does not fit is cut and marked, an exact fit is not") {
  Fixture f;
  Ports ports(f);
  std::string into(8, '\0');
  Request recv;
  f.submit(recv.recv_from(ports.receiver, writable(into)));
  send_until(f, ports, "12345678", [&] { return recv.done(); });
  CHECK(recv.result == 8);
  CHECK(!recv.truncated);
  f.submit(recv.recv_from(ports.receiver, writable(into)));
  send_until(f, ports, "123456789", [&] { return recv.done(); });
  CHECK(recv.result == 8);
  CHECK(recv.truncated);
  CHECK(into == "12345678");
  ports.close(f);
}

TEST_CASE("datagrams: an empty one is one") {
  Fixture f;
  Ports ports(f);
  std::string into(8, '\0');
  Request recv;
  f.submit(recv.recv_from(ports.receiver, writable(into)));
  send_until(f, ports, "", [&] { return recv.done(); });
  CHECK(recv.ok());
  CHECK(recv.result == 0);
  ports.close(f);
}

TEST_CASE("datagrams: a stream gives each one its own buffer") {
  Fixture f;
  Ports ports(f);
  io::BufferPool& pool = f.pool(8, 1024);
  Request stream;
  f.submit(stream.recv_from_stream(ports.receiver, pool));
  for (unsigned round = 0; round < 40; ++round) {
    const std::string text = pattern(1 + round * 20, round);
    send_until(f, ports, text, [&] { return !stream.queue.empty(); });
    io::Buffer& buffer = stream.queue.front();
    CHECK(text_of(buffer.bytes()) == text);
    CHECK(buffer.peer == ports.from);
    CHECK(!buffer.truncated);
    f.take_text(stream);
  }
  CHECK(!stream.done());
  f.reactor().cancel(stream);
  f.wait_for(stream);
  CHECK(stream.error == Error::cancelled);
  f.take_text(stream);
  ports.close(f);
}

TEST_CASE("datagrams: a stream marks what its buffers cannot hold") {
  Fixture f;
  Ports ports(f);
  io::BufferPool& pool = f.pool(4, 512);
  Request stream;
  f.submit(stream.recv_from_stream(ports.receiver, pool));
  const std::string fits = pattern(512 - io::BufferPool::datagram_overhead);
  send_until(f, ports, fits, [&] { return !stream.queue.empty(); });
  CHECK(!stream.queue.front().truncated);
  CHECK(f.take_text(stream).substr(0, fits.size()) == fits);
  const std::string large = pattern(600);
  send_until(f, ports, large, [&] { return !stream.queue.empty(); });
  CHECK(stream.queue.front().truncated);
  CHECK(stream.queue.front().size >= fits.size());
  CHECK(stream.queue.front().size <= 512);
  CHECK(large.starts_with(text_of(stream.queue.front().bytes())));
  f.take_text(stream);
  f.reactor().cancel(stream);
  f.wait_for(stream);
  f.take_text(stream);
  ports.close(f);
}

TEST_CASE("datagrams: a stream without buffers goes on when they come back") {
  Fixture f;
  Ports ports(f);
  io::BufferPool& pool = f.pool(2, 512);
  Request stream;
  f.submit(stream.recv_from_stream(ports.receiver, pool));
  for (int round = 0; round < 10; ++round) {
    // More than there are buffers; they are only given back between the rounds.
    for (int index = 0; index < 6; ++index) {
      Request send;
      f.run(send.send_to(ports.sender, as_bytes("datagram"), ports.to));
      REQUIRE(send.ok());
    }
    send_until(f, ports, "datagram", [&] { return stream.queue.count() == 2; });
    CHECK(!stream.done());
    CHECK(f.take_text(stream) == "datagramdatagram");
  }
  f.reactor().cancel(stream);
  f.wait_for(stream);
  CHECK(stream.error == Error::cancelled);
  f.take_text(stream);
  ports.close(f);
}

TEST_CASE("datagrams: a connected socket sends to whom it is connected") {
  Fixture f;
  io::Address to = loopback();
  const Handle receiver = f.listen(io::Transport::udp, to);
  const auto sender = f.system().socket(io::Transport::udp, to.family);
  REQUIRE(sender.has_value());
  Request connect;
  f.run(connect.connect(*sender, to));
  REQUIRE(connect.ok());
  std::string into(100, '\0');
  io::Address peer;
  Request recv;
  f.submit(recv.recv_from(receiver, writable(into), &peer));
  for (int attempt = 0; attempt < 30 && !recv.done(); ++attempt) {
    Request send;
    f.run(send.send(*sender, as_bytes("a datagram")));
    REQUIRE(send.ok());
    REQUIRE(send.result == 10);
    const Instant patience = after(f.reactor().now(), 1s);
    while (!recv.done() && f.reactor().now() < patience) f.pause_until(patience);
  }
  REQUIRE(recv.ok());
  CHECK(recv.result == 10);
  CHECK(into.substr(0, 10) == "a datagram");
  const auto local = f.system().local_address(*sender);
  REQUIRE(local.has_value());
  CHECK(peer.port == local->port);
  f.close(receiver);
  f.close(*sender);
}

TEST_CASE("datagrams: who is connected hears that nobody listens, sending or receiving") {
  Fixture f;
  io::Address to = loopback();
  f.close(f.listen(io::Transport::udp, to));
  const auto sender = f.system().socket(io::Transport::udp, to.family);
  REQUIRE(sender.has_value());
  Request connect;
  f.run(connect.connect(*sender, to));
  REQUIRE(connect.ok());
  const auto send = [&] {
    Request sent;
    f.run(sent.send(*sender, as_bytes("a datagram")));
    return sent.error;
  };
  const auto pause = [&] {
    const Instant patience = after(f.reactor().now(), 100ms);
    while (f.reactor().now() < patience) f.pause_until(patience);
  };
  Error told = Error::none;
  for (int attempt = 0; attempt < 300 && told == Error::none; ++attempt) {
    told = send();
    pause();
  }
  CHECK(told == Error::refused);
  std::string into(100, '\0');
  Request recv;
  f.submit(recv.recv(*sender, writable(into)));
  // Either of them is told, whichever comes first.
  for (int attempt = 0; attempt < 300 && !recv.done(); ++attempt) {
    told = send();
    CHECK((told == Error::none || told == Error::refused));
    pause();
  }
  REQUIRE(recv.done());
  CHECK(recv.error == Error::refused);
  f.close(*sender);
}

}  // namespace runnel::contract
