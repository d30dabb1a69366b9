// Goal: the parts of System that make sockets. Method: no fixed port; what is bound is asked for.
#include "tests/contract/fixture.hpp"

namespace runnel::contract {

TEST_CASE("sockets: port 0 becomes a port of its own") {
  Fixture f;
  for (const auto transport : {io::Transport::tcp, io::Transport::udp}) {
    io::Address first = loopback(), second = loopback();
    const Handle a = f.listen(transport, first);
    const Handle b = f.listen(transport, second);
    CHECK(first.port != 0);
    CHECK(second.port != 0);
    CHECK(first.port != second.port);
    CHECK(first.ip == loopback().ip);
    f.close(a);
    f.close(b);
  }
}

TEST_CASE("sockets: an address in use is said to be so, and free again after close") {
  Fixture f;
  for (const auto transport : {io::Transport::tcp, io::Transport::udp}) {
    io::Address address = loopback();
    const Handle first = f.listen(transport, address);
    const auto second = f.system().listen(transport, address, {});
    REQUIRE(!second.has_value());
    CHECK(second.error() == Error::in_use);
    f.close(first);
    const auto third = f.system().listen(transport, address, {});
    REQUIRE(third.has_value());
    f.close(*third);
  }
}

TEST_CASE("sockets: a port can be listened on again while connections of before linger") {
  Fixture f;
  io::Address address = loopback();
  const Handle listener = f.listen(io::Transport::tcp, address);
  const auto client = f.system().socket(io::Transport::tcp, io::Family::ipv4);
  REQUIRE(client.has_value());
  Request accept, connect;
  f.submit(accept.accept(listener));
  f.run(connect.connect(*client, address));
  f.wait_for(accept);
  REQUIRE(accept.ok());
  f.close(accept.new_handle());  // the server closes first: it is the one that lingers
  f.close(*client);
  f.close(listener);
  const auto again = f.system().listen(io::Transport::tcp, address, {});
  REQUIRE(again.has_value());
  f.close(*again);
}

TEST_CASE("sockets: an address of another machine is not available") {
  Fixture f;
  io::Address address = loopback();
  address.ip = {192, 0, 2, 1};  // for documentation only (RFC 5737)
  const auto listener = f.system().listen(io::Transport::tcp, address, {});
  REQUIRE(!listener.has_value());
  CHECK(listener.error() == Error::not_available);
}

TEST_CASE("sockets: [::] takes connections of IPv4 too") {
  Fixture f;
  io::Address any;
  any.family = io::Family::ipv6;
  const auto made = f.system().listen(io::Transport::tcp, any, {});
  if (!made) {
    // A machine without IPv6.
    CHECK(made.error() == Error::not_available);
    return;
  }
  const auto local = f.system().local_address(*made);
  REQUIRE(local.has_value());
  io::Address to = loopback(local->port), from;
  const auto client = f.system().socket(io::Transport::tcp, io::Family::ipv4);
  REQUIRE(client.has_value());
  Request accept, connect;
  f.submit(accept.accept(*made, &from));
  f.run(connect.connect(*client, to));
  CHECK(connect.ok());
  f.wait_for(accept);
  REQUIRE(accept.ok());
  Text<64> text;
  io::write_ip(text, from);
  CHECK(text.text() == "127.0.0.1");
  f.close(accept.new_handle());
  f.close(*client);
  f.close(*made);
}

TEST_CASE("sockets: a stream says what its peer has acknowledged, and when it ends or breaks") {
  Fixture f;
  const SocketPair pair = f.connect_pair();
  auto state = f.system().stream_state(pair.client);
  REQUIRE(state.has_value());
  CHECK(state->unacknowledged_bytes == 0);
  CHECK_FALSE(state->peer_finished);
  f.send_all(pair.client, pattern(1000));
  CHECK(f.receive(pair.server, 1000) == pattern(1000));
  // Loopback acknowledges at once, a simulated network in a moment.
  const auto state_of = [&] { return f.system().stream_state(pair.client); };
  // No completion tells of it.
  const auto look_until = [&](const auto& condition) {
    for (int looks = 0; looks < 10'000 && !condition(); ++looks)
      f.pause_until(after(f.reactor().now(), 1ms));
    return condition();
  };
  CHECK(look_until([&] { return state_of()->unacknowledged_bytes == 0; }));
  f.close(pair.server);
  CHECK(look_until([&] { return !state_of() || state_of()->peer_finished; }));
  REQUIRE(state_of().has_value());
  // Nobody is there any more: what is sent now comes back as a reset.
  Request send;
  f.run(send.send(pair.client, as_bytes("x")));
  REQUIRE(look_until([&] { return !state_of().has_value(); }));
  CHECK(state_of().error() == Error::reset);
  f.close(pair.client);
}

TEST_CASE("sockets: a receive buffer can be asked for, and drops start at none") {
  Fixture f;
  io::Address address = loopback();
  io::ListenOptions options;
  options.receive_buffer_bytes = 1024 * 1024;
  const Handle socket = f.listen(io::Transport::udp, address, options);
  const auto dropped = f.system().datagrams_dropped(socket);
  REQUIRE(dropped.has_value());
  CHECK(*dropped == 0);
  f.close(socket);
}

}  // namespace runnel::contract
