// Goal: a dialer gets through when any address of a host does, soon, and says why when none does.
// Method: a resolver of the test that gives several addresses; listeners, refusals and a partition
// in the simulated network.
#include "net/dialer.hpp"

#include "tests/sim/receiver.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

class ListedAddresses final : public net::Resolver {
 public:
  std::vector<std::string_view> addresses;
  async::Task<Status> resolve(std::string_view, std::uint16_t, net::Addresses& into,
                              Instant) override {
    into.count = 0;
    for (const std::string_view each : addresses) into.all[into.count++] = *io::parse_address(each);
    co_return into.count == 0 ? Error::not_found : Error::none;
  }
};

struct Dialing {
  Dialing() : world(1, SimOptions::calm()), process(world.machine()) {}
  ~Dialing() { process.stop(); }
  async::Task<void> run(net::Dialer& dialer, net::TcpStream& stream, Instant deadline) {
    const Status status = co_await dialer.dial("host", 1, stream, deadline);
    connected = status;
    done = true;
  }
  Status dial(Duration patience = 10s) {
    net::Dialer dialer(*process.scheduler, process.system, resolver);
    net::TcpStream stream(process.reactor);
    const Instant begun = process.scheduler->now();
    process.spawn(run(dialer, stream, after(begun, patience)));
    CHECK(process.run_until([&] { return done; }, 1h));
    took = process.scheduler->now() - begun;
    peer = dialer.peer();
    CHECK(stream.is_open() == connected.ok());
    return connected;
  }

  SimWorld world;
  PipelineProcess process;
  ListedAddresses resolver;
  Status connected;
  bool done = false;
  Duration took{};
  io::Address peer;
};

}  // namespace

TEST_CASE("dialer: the first address that answers is taken; those that refuse cost nothing") {
  Dialing dialing;
  Receiver receiver(dialing.process, "127.0.0.1:7000");
  receiver.start();
  dialing.resolver.addresses = {"127.0.0.1:7001", "127.0.0.1:7002", "127.0.0.1:7000"};
  CHECK(dialing.dial().ok());
  CHECK(dialing.peer.port == 7000);
  CHECK(dialing.took < net::Dialer::attempt_delay);
  receiver.stop();
}

TEST_CASE("dialer: an address that says nothing costs a quarter of a second") {
  Dialing dialing;
  Receiver receiver(dialing.process, "127.0.0.1:7000");
  receiver.start();
  dialing.world.network().partition_port(7001, true);
  dialing.resolver.addresses = {"127.0.0.1:7001", "127.0.0.1:7000"};
  CHECK(dialing.dial().ok());
  CHECK(dialing.peer.port == 7000);
  CHECK(dialing.took >= net::Dialer::attempt_delay);
  CHECK(dialing.took < 2 * net::Dialer::attempt_delay);
  receiver.stop();
}

TEST_CASE("dialer: no address, none that listens, none that answers in time") {
  Dialing dialing;
  SUBCASE("none") { CHECK(dialing.dial().error() == Error::not_found); }
  SUBCASE("refused") {
    dialing.resolver.addresses = {"127.0.0.1:7001", "127.0.0.1:7002"};
    CHECK(dialing.dial().error() == Error::refused);
  }
  SUBCASE("silent") {
    dialing.world.network().partition_port(7001, true);
    dialing.resolver.addresses = {"127.0.0.1:7001"};
    CHECK(dialing.dial(2s).error() == Error::timed_out);
    CHECK(dialing.took >= 2s);
    CHECK(dialing.took < 3s);
  }
}
