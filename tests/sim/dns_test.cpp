// Goal: the resolver shares questions, remembers answers as long as it may, gives up when it is
// told to, and costs nothing while nothing is open; whatever name servers do, who asks gets an
// answer in time. Method: the resolver over simulated name servers, in worlds from seeds.
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "async/sleep.hpp"
#include "async/task.hpp"
#include "net/dns_resolver.hpp"
#include "platform/sim/names.hpp"
#include "tests/sim/harness.hpp"

using namespace runnel;
using namespace runnel::sim;

namespace {

// One that asks, and what it was told.
struct Asker {
  net::Addresses addresses;
  std::optional<Status> status;
  Instant told = never;

  Error error() const { return status ? status->error() : Error::would_block; }
  std::string text() const {
    Text<512> out;
    for (std::size_t index = 0; index < addresses.count; ++index)
      out << (index > 0 ? " " : "") << addresses.all[index];
    return std::string(out.text());
  }
};

struct DnsWorld {
  explicit DnsWorld(std::uint64_t seed = 1, const SimOptions& options = SimOptions::calm(),
                    std::uint32_t names_max = 32)
      : world(seed, options), reactor(world), frames(256 * 1024), arena(frames) {
    Region measured = Region::measuring();
    net::DnsResolver::carve(measured, names_max);
    memory.resize(measured.used() / sizeof(memory[0]) + 1);
    Region real = Region::over({reinterpret_cast<std::byte*>(memory.data()), measured.used()});
    resolver.emplace(net::DnsResolver::carve(real, names_max), scope, names);
    zone.set("both.example", {"192.0.2.1", "192.0.2.2", "2001:db8::1"}, 60s);
    zone.set("four.example", {"192.0.2.4"}, 60s);
    zone.set("six.example", {"2001:db8::6"}, 60s);
  }
  ~DnsWorld() { end(); }
  void end() {
    asking.cancel();
    scope.cancel();
    run_until([&] { return asking.tasks() + scope.tasks() == 0; });
    CHECK(names.open() == 0);
  }

  Asker& ask(std::string host, Duration patience = 30s) {
    Asker& asker = askers.emplace_back();
    asking.spawn(resolve(std::move(host), asker, after(scheduler.now(), patience)));
    return asker;
  }
  Asker& answer(std::string host, Duration patience = 30s) {
    Asker& asker = ask(std::move(host), patience);
    run_until([&] { return asker.status.has_value(); });
    REQUIRE(asker.status.has_value());
    return asker;
  }
  template <class Holds>
  void run_until(Holds holds, Duration limit = 120s) {
    const Instant end = after(scheduler.now(), limit);
    while (!holds() && scheduler.now() < end) scheduler.turn(end);
  }
  void run_for(Duration duration) {
    run_until([] { return false; }, duration);
  }

  SimWorld world;
  SimReactor reactor;
  std::vector<std::byte> frames;
  async::FrameArena arena;
  async::Scheduler scheduler{reactor};
  SimZone zone;
  SimNames names{world, zone};
  async::Scope scope{scheduler, "names"};
  async::Scope asking{scheduler, "askers"};
  std::vector<std::max_align_t> memory;
  std::optional<net::DnsResolver> resolver;
  std::deque<Asker> askers;

 private:
  async::Task<void> resolve(std::string host, Asker& asker, Instant deadline) {
    asker.status = co_await resolver->resolve(host, 443, asker.addresses, deadline);
    asker.told = scheduler.now();
  }
};

}  // namespace

TEST_CASE("dns: both families take turns, IPv6 first; one alone is enough") {
  DnsWorld dns;
  CHECK(dns.answer("both.example").text() == "[2001:db8::1]:443 192.0.2.1:443 192.0.2.2:443");
  CHECK(dns.answer("four.example").text() == "192.0.2.4:443");
  CHECK(dns.answer("SIX.example.").text() == "[2001:db8::6]:443");
  CHECK(dns.answer("none.example").error() == Error::not_found);
}

TEST_CASE("dns: what needs no server asks none") {
  DnsWorld dns;
  dns.zone.reachable = false;
  CHECK(dns.answer("192.0.2.7").text() == "192.0.2.7:443");
  CHECK(dns.answer("2001:DB8::7").text() == "[2001:db8::7]:443");
  CHECK(dns.answer("[2001:db8::7]").text() == "[2001:db8::7]:443");
  CHECK(dns.answer("localhost").text() == "[::1]:443 127.0.0.1:443");
  CHECK(dns.answer("x.localhost.").text() == "[::1]:443 127.0.0.1:443");
  for (const char* wrong : {"", ".", "a..b", ".a", "300.1.1.1", "10.0.0", "a b", "a:80", "[::1",
                            "fe80::1%eth0", "b\xC3\xBC.example"})
    CHECK(dns.answer(wrong).error() == Error::malformed);
  CHECK(dns.names.asked() == 0);
  CHECK_FALSE(dns.resolver->watching());
}

TEST_CASE("dns: one question for all who ask the same, remembered as long as it is good") {
  DnsWorld dns;
  for (int count = 0; count < 10; ++count)
    dns.ask(count % 2 == 0 ? "both.example" : "BOTH.example");
  dns.run_for(1s);
  for (const Asker& asker : dns.askers) CHECK(asker.addresses.count == 3);
  CHECK(dns.names.asked() == 1);
  dns.run_for(58s);
  CHECK(dns.answer("both.example").addresses.count == 3);
  CHECK(dns.names.asked() == 1);
  dns.run_for(2s);
  dns.zone.set("both.example", {"192.0.2.9"}, 0s);  // good for no time at all: one second
  CHECK(dns.answer("both.example").text() == "192.0.2.9:443");
  CHECK(dns.names.asked() == 2);
  dns.run_for(900ms);
  dns.answer("both.example");
  CHECK(dns.names.asked() == 2);
  dns.zone.set("both.example", {"192.0.2.9"}, 1h * 24);  // good for a day: five minutes
  dns.run_for(200ms);
  dns.answer("both.example");
  CHECK(dns.names.asked() == 3);
  dns.run_for(299s);
  dns.answer("both.example");
  CHECK(dns.names.asked() == 3);
  dns.run_for(2s);
  dns.answer("both.example");
  CHECK(dns.names.asked() == 4);
}

TEST_CASE("dns: that there is no such name is remembered for five seconds, a failure for one") {
  DnsWorld dns;
  CHECK(dns.answer("new.example").error() == Error::not_found);
  dns.zone.set("new.example", {"192.0.2.3"}, 60s);
  dns.run_for(4s);
  CHECK(dns.answer("new.example").error() == Error::not_found);
  dns.run_for(1100ms);
  CHECK(dns.answer("new.example").text() == "192.0.2.3:443");
  dns.world.options().name_failures = 1'000'000;
  CHECK(dns.answer("four.example").error() == Error::unreachable);
  dns.world.end_faults();
  CHECK(dns.answer("four.example").error() == Error::unreachable);
  dns.run_for(1100ms);
  CHECK(dns.answer("four.example").text() == "192.0.2.4:443");
}

TEST_CASE("dns: a deadline ends the wait; what comes later is there for the next attempt") {
  DnsWorld dns;
  dns.world.options().name_latency = {8s, 8s};
  const Instant before = dns.scheduler.now();
  const Asker& asker = dns.answer("four.example", 5s);
  CHECK(asker.error() == Error::timed_out);
  CHECK(asker.told - before >= 5s);
  CHECK(asker.told - before < 5100ms);
  dns.run_for(4s);
  CHECK_FALSE(dns.resolver->watching());
  CHECK(dns.answer("four.example", 1ms).text() == "192.0.2.4:443");
  CHECK(dns.names.asked() == 1);
}

TEST_CASE("dns: nobody answers: timed out, and the next attempt asks anew") {
  DnsWorld dns;
  dns.zone.reachable = false;
  CHECK(dns.answer("four.example").error() == Error::timed_out);
  dns.zone.reachable = true;
  dns.run_for(2s);
  CHECK(dns.answer("four.example").text() == "192.0.2.4:443");
}

TEST_CASE("dns: a family that is never answered costs a second, once, and joins when it comes") {
  DnsWorld dns;
  dns.zone.swallowed = io::Family::ipv6;
  const Instant before = dns.scheduler.now();
  const Asker& asker = dns.answer("both.example");
  CHECK(asker.text() == "192.0.2.1:443 192.0.2.2:443");
  CHECK(asker.told - before >= net::other_family_patience);
  CHECK(asker.told - before < net::other_family_patience + 100ms);
  // The question is still open; that delays nobody.
  CHECK(dns.resolver->watching());
  const Instant again = dns.scheduler.now();
  CHECK(dns.answer("both.example").told - again < 1ms);
  dns.run_for(15s);
  CHECK_FALSE(dns.resolver->watching());
  CHECK(dns.answer("both.example").addresses.count == 2);
  CHECK(dns.names.asked() == 1);
}

TEST_CASE("dns: cancelling who asks leaves the others and the question") {
  DnsWorld dns;
  const Asker& gone = dns.ask("both.example");
  dns.scheduler.turn(dns.scheduler.now());
  dns.asking.cancel();
  dns.run_until([&] { return gone.status.has_value(); });
  CHECK(gone.error() == Error::cancelled);
  CHECK(dns.resolver->watching());
  dns.run_for(1s);
  CHECK_FALSE(dns.resolver->watching());
}

TEST_CASE("dns: cancelling its scope ends every wait, and names are cancelled from then on") {
  DnsWorld dns;
  dns.zone.reachable = false;
  const Asker& waiting = dns.ask("both.example");
  dns.run_for(1s);
  dns.scope.cancel();
  dns.run_for(1ms);
  CHECK(waiting.error() == Error::cancelled);
  CHECK(dns.names.open() == 0);
  CHECK_FALSE(dns.resolver->watching());
  CHECK(dns.answer("four.example").error() == Error::cancelled);
  CHECK(dns.answer("192.0.2.7").text() == "192.0.2.7:443");
}

TEST_CASE("dns: a full table makes room of what is not waited for, and only of that") {
  DnsWorld dns(1, SimOptions::calm(), 4);
  dns.answer("four.example");
  dns.answer("six.example");
  dns.zone.reachable = false;
  for (const char* name : {"a.example", "b.example", "c.example", "d.example"}) dns.ask(name, 20s);
  dns.run_for(10ms);
  CHECK(dns.names.open() == 4);
  CHECK(dns.answer("e.example").error() == Error::no_memory);
  // The answers made room, so they are asked for again; nobody waits for the rest by then.
  dns.run_for(1s);
  dns.ask("f.example", 1ms);
  dns.run_for(20s);
  for (const Asker& asker : dns.askers) CHECK(asker.status.has_value());
  for (const char* name : {"a.example", "b.example", "c.example", "d.example"}) dns.ask(name, 1ms);
  dns.run_for(10ms);
  CHECK(dns.names.open() == 4);
  dns.ask("g.example", 1ms);
  dns.run_for(10ms);
  CHECK(dns.names.open() == 4);
}

TEST_CASE("dns: without a question there is no timer and no turn") {
  DnsWorld dns;
  dns.answer("both.example");
  dns.run_for(1s);
  CHECK(dns.scheduler.timers().nearest() == never);
  CHECK(dns.reactor.in_flight() == 0);
  const auto turns = dns.scheduler.turns();
  dns.run_for(1h);
  CHECK(dns.scheduler.turns() - turns <= 2);
}

// Whatever the servers do: everybody is told in time, what is said is one of the known outcomes,
// nothing is left open, and with honest servers the last word is right.
TEST_CASE("dns: bad days from seeds") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    SimOptions options = SimOptions::rough();
    options.name_delays = options.name_silence = options.name_failures = 100'000;
    options.name_denials = options.name_lies = 100'000;
    DnsWorld dns(seed, options, 3);
    Random random(seed);
    const char* const hosts[] = {"both.example", "four.example", "six.example", "none.example",
                                 "x.example",    "y.example",    "z.example"};
    for (int round = 0; round < 40; ++round) {
      dns.ask(hosts[random.below(std::size(hosts))], random.between({1ms, 20s}));
      dns.run_for(random.between({0ms, 3s}));
      if (random.chance(50'000)) dns.zone.reachable = !dns.zone.reachable;
    }
    dns.world.end_faults();
    dns.zone.reachable = true;
    dns.run_for(20s);
    for (const Asker& asker : dns.askers) {
      REQUIRE(asker.status.has_value());
      CHECK((asker.error() == Error::none) == (asker.addresses.count > 0));
      const Error error = asker.error();
      CHECK((error == Error::none || error == Error::timed_out || error == Error::unreachable ||
             error == Error::not_found || error == Error::no_memory));
    }
    dns.run_for(300s);
    CHECK_FALSE(dns.resolver->watching());
    CHECK(dns.answer("both.example").text() == "[2001:db8::1]:443 192.0.2.1:443 192.0.2.2:443");
    dns.end();
  }
}
