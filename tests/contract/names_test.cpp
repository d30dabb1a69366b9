// Goal: names are found by real c-ares over every driver of the real machine, whatever the servers
// do, without an allocation outside its arena and with nothing open when nothing is asked.
// Method: DnsResolver over CaresNames over the driver; a name server of the test's own on loopback,
// served between turns; resolv.conf and hosts in a scratch folder.
#include <deque>
#include <fstream>
#include <optional>
#include <random>

#include "async/task.hpp"
#include "net/dns_resolver.hpp"
#include "platform/cares/cares_names.hpp"
#include "tests/contract/fixture.hpp"
#include "tests/support/allocation_guard.hpp"
#include "tests/support/dns_server.hpp"

namespace runnel::contract {
namespace {

bool is_sim() { return std::string_view(chosen_driver().name) == "sim"; }

struct Asker {
  net::Addresses addresses;
  std::optional<Status> status;

  Error error() const { return status ? status->error() : Error::would_block; }
  std::string text() const {
    Text<512> out;
    for (std::size_t index = 0; index < addresses.count; ++index)
      out << (index > 0 ? " " : "") << addresses.all[index];
    return std::string(out.text());
  }
};

// What goes before what in `Names`, which has to be there first.
struct Files {
  explicit Files(const std::string& folder)
      : resolv_conf(folder + "/resolv.conf"), hosts(folder + "/hosts") {}
  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  std::string resolv_conf, hosts;
};

class Names {
 public:
  explicit Names(std::uint32_t questions_max = 32, const std::string& more = "")
      : files_(fixture_.scratch()), frames_(256 * 1024), arena_(frames_) {
    Files::write(files_.resolv_conf, "nameserver 127.0.0.1\n" + more);
    settings_.resolv_conf = files_.resolv_conf.c_str();
    settings_.hosts = files_.hosts.c_str();
    settings_.port = server.port();
    settings_.timeout_ms = 200;
    settings_.rounds = 2;
    settings_.questions_max = questions_max;
    Region measured = Region::measuring();
    carve(measured);
    Region real = Region::over(fixture_.memory(measured.used()));
    const auto [cares, resolver_memory] = carve(real);
    CHECK(real.used() == measured.used());
    auto created = cares::CaresNames::create(cares, settings_);
    REQUIRE(created.has_value());
    service = std::move(*created);
    resolver.emplace(resolver_memory, scope_, *service);
  }
  ~Names() {
    asking_.cancel();
    scope_.cancel();
    run_until([&] { return asking_.tasks() + scope_.tasks() == 0; });
  }

  Asker& ask(std::string host, Duration patience = 20s) {
    Asker& asker = askers_.emplace_back();
    asking_.spawn(resolve(std::move(host), asker, after(scheduler.now(), patience)));
    return asker;
  }
  Asker& answer(std::string host, Duration patience = 20s) {
    Asker& asker = ask(std::move(host), patience);
    run_until([&] { return asker.status.has_value(); });
    REQUIRE(asker.status.has_value());
    return asker;
  }
  template <class Holds>
  void run_until(Holds holds, Duration limit = 20s) {
    const Instant end = after(fixture_.reactor().now(), limit);
    while (!holds() && fixture_.reactor().now() < end) {
      server.serve(fixture_.reactor().now());
      const std::uint64_t before = test::allocation_count;
      scheduler.turn(after(fixture_.reactor().now(), 5ms));
      allocations += test::allocation_count - before;
    }
  }
  void run_for(Duration duration) {
    run_until([] { return false; }, duration);
  }
  bool quiet() {
    return !resolver->watching() && service->open_sockets() == 0 &&
           service->wake_at(scheduler.now()) == never && scheduler.timers().nearest() == never;
  }
  void write_hosts(const std::string& text) { Files::write(files_.hosts, text); }
  void write_resolv_conf(const std::string& text) { Files::write(files_.resolv_conf, text); }

  test::DnsServer server;
  std::unique_ptr<cares::CaresNames> service;
  std::optional<net::DnsResolver> resolver;
  std::uint64_t allocations = 0;  // during turns

 private:
  async::Task<void> resolve(std::string host, Asker& asker, Instant deadline) {
    asker.status = co_await resolver->resolve(host, 443, asker.addresses, deadline);
  }
  std::pair<cares::CaresNames::Memory, net::DnsResolver::Memory> carve(Region& region) const {
    const auto cares = cares::CaresNames::carve(region, settings_);
    return {cares, net::DnsResolver::carve(region)};
  }

  Fixture fixture_;
  Files files_;
  cares::CaresSettings settings_;
  std::vector<std::byte> frames_;
  async::FrameArena arena_;
  std::deque<Asker> askers_;

 public:
  async::Scheduler scheduler{fixture_.reactor()};

 private:
  async::Scope scope_{scheduler, "names"};
  async::Scope asking_{scheduler, "askers"};
};

const std::vector<std::string> both = {"192.0.2.1", "192.0.2.2", "2001:db8::1"};
constexpr const char* both_text = "[2001:db8::1]:443 192.0.2.1:443 192.0.2.2:443";

}  // namespace

TEST_CASE("names: what servers say, well and badly" * doctest::skip(is_sim())) {
  Names names;
  auto& zone = names.server.zone;
  zone["both.example"] = {.ips = both};
  zone["four.example"] = {.ips = {"192.0.2.4"}};
  zone["six.example"] = {.ips = {"2001:db8::6"}};
  zone["alias.example"] = {.ips = both, .aliases = {"a.example", "b.example", "c.example"}};
  zone["empty.example"] = {};
  zone["failing.example"] = {.code = 2};
  zone["cut.example"] = {.ips = both, .cut = true};
  zone["forged.example"] = {.ips = both, .after_forgeries = true};
  zone["late.example"] = {.ips = both, .later_ms = 300};
  zone["never.example"] = {.never = true};
  zone["homerouter.example"] = {.ips = {"192.0.2.5"}, .never_ipv6 = true};
  zone["long.example"] = {.ips = both, .truncated = true};
  zone["longnever.example"] = {.truncated = true, .never_tcp = true};
  std::vector<std::string> many;
  for (int index = 1; index <= 20; ++index) many.push_back("192.0.2." + std::to_string(index));
  zone["many.example"] = {.ips = many};

  CHECK(names.answer("both.example").text() == both_text);
  CHECK(names.answer("Both.Example.").text() == both_text);
  CHECK(names.answer("four.example").text() == "192.0.2.4:443");
  CHECK(names.answer("six.example").text() == "[2001:db8::6]:443");
  CHECK(names.answer("alias.example").text() == both_text);
  CHECK(names.answer("many.example").addresses.count == net::Addresses::count_max);
  CHECK(names.answer("nothing.example").error() == Error::not_found);
  CHECK(names.answer("empty.example").error() == Error::not_found);
  CHECK(names.answer("failing.example").error() == Error::unreachable);
  CHECK(names.answer("cut.example").error() == Error::unreachable);
  CHECK(names.answer("forged.example").text() == both_text);
  CHECK(names.answer("late.example").text() == both_text);
  CHECK(names.answer("never.example").error() == Error::timed_out);
  CHECK(names.answer("homerouter.example").text() == "192.0.2.5:443");
  const int before = names.server.asked_by_tcp;
  CHECK(names.answer("long.example").text() == both_text);
  CHECK(names.server.asked_by_tcp == before + 2);
  CHECK(names.answer("longnever.example").error() == Error::timed_out);
  names.run_until([&] { return names.quiet(); });
  CHECK(names.quiet());
  const std::size_t asked = names.server.asked.size();
  CHECK(names.answer("both.example").text() == both_text);
  CHECK(names.server.asked.size() == asked);
  CHECK(names.allocations == 0);
}

TEST_CASE("names: many at once, within the arena and without an allocation of the process" *
          doctest::skip(is_sim())) {
  Names names;
  // As long as names can be.
  const std::string label(60, 'x');
  const std::string tail = "." + label + "." + label + "." + label + ".example";
  for (int index = 0; index < 64; ++index)
    names.server.zone[std::to_string(index) + tail] = {.ips = both, .later_ms = index % 3 * 50};
  const std::size_t idle = names.service->arena().used_bytes();
  for (int round = 0; round < 3; ++round) {
    std::vector<Asker*> askers;
    for (int index = 0; index < 32; ++index)
      askers.push_back(&names.ask(std::to_string(index + round % 2 * 32) + tail));
    names.run_until([&] {
      return std::all_of(askers.begin(), askers.end(), [](Asker* each) { return each->status; });
    });
    for (const Asker* asker : askers) CHECK(asker->text() == both_text);
  }
  names.run_until([&] { return names.quiet(); });
  CHECK(names.quiet());
  MESSAGE("c-ares: " << idle << " bytes idle, at most " << names.service->arena().used_bytes_max());
  CHECK(names.service->arena().used_bytes() <= idle + 1024);
  CHECK(names.allocations == 0);
}

TEST_CASE("names: a reply that does not fit is refused and leaves nothing behind" *
          doctest::skip(is_sim())) {
  Names names;
  std::vector<std::string> too_many;
  for (int index = 0; index < 2000; ++index)
    too_many.push_back("10.0." + std::to_string(index / 250) + "." + std::to_string(index % 250));
  names.server.zone["huge.example"] = {.ips = too_many, .truncated = true};
  names.server.zone["both.example"] = {.ips = both};
  const std::size_t idle = names.service->arena().used_bytes();
  const Error error = names.answer("huge.example").error();
  CHECK((error == Error::no_memory || error == Error::unreachable || error == Error::timed_out));
  CHECK(names.answer("both.example").text() == both_text);
  names.run_until([&] { return names.quiet(); });
  CHECK(names.service->arena().used_bytes() <= idle + 1024);
  CHECK(names.allocations == 0);
}

TEST_CASE("names: the arena keeps contents apart, joins what is free, and fills up" *
          doctest::skip(std::string_view(chosen_driver().name) != "asio")) {
  alignas(std::max_align_t) std::byte memory[16 * 1024];
  cares::Arena arena(memory);
  struct Piece {
    unsigned char* at;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Piece> pieces;
  std::mt19937 random(7);
  const auto fill = [](const Piece& piece) { std::fill_n(piece.at, piece.size, piece.mark); };
  const auto whole = [](const Piece& piece, std::size_t size) {
    return std::all_of(piece.at, piece.at + size, [&](auto byte) { return byte == piece.mark; });
  };
  int refused = 0;
  for (int step = 0; step < 50'000; ++step) {
    const std::size_t size = random() % 700;
    const std::size_t index = pieces.empty() ? 0 : random() % pieces.size();
    const unsigned what = random() % 8;
    if (what < 4 || pieces.empty()) {
      Piece piece{static_cast<unsigned char*>(arena.allocate(size)), size,
                  static_cast<unsigned char>(step)};
      refused += piece.at == nullptr;
      if (piece.at == nullptr) continue;
      REQUIRE(reinterpret_cast<std::uintptr_t>(piece.at) % alignof(std::max_align_t) == 0);
      fill(piece);
      pieces.push_back(piece);
    } else if (what == 4) {
      Piece& piece = pieces[index];
      void* moved = arena.resize(piece.at, size);
      if (moved == nullptr) continue;
      piece.at = static_cast<unsigned char*>(moved);
      REQUIRE(whole(piece, std::min(piece.size, size)));
      piece.size = size;
      fill(piece);
    } else {
      REQUIRE(whole(pieces[index], pieces[index].size));
      arena.release(pieces[index].at);
      pieces[index] = pieces.back();
      pieces.pop_back();
    }
  }
  CHECK(refused > 100);
  for (const Piece& piece : pieces) arena.release(piece.at);
  CHECK(arena.used_bytes() == 0);
  CHECK(arena.allocate(SIZE_MAX - 8) == nullptr);
  CHECK(arena.allocate(sizeof(memory)) == nullptr);
  CHECK(arena.allocate(sizeof(memory) - 2 * alignof(std::max_align_t)) != nullptr);
}

TEST_CASE("names: more questions than planned" * doctest::skip(is_sim())) {
  Names names(2);
  names.server.zone["a.example"] = names.server.zone["b.example"] = {.never = true};
  names.server.zone["c.example"] = {.ips = both};
  names.ask("a.example");
  names.ask("b.example");
  names.run_for(20ms);
  CHECK(names.answer("c.example").error() == Error::no_memory);
  names.run_until([&] { return names.quiet(); });
  CHECK(names.answer("c.example").text() == both_text);
}

TEST_CASE("names: hosts comes first, and is read anew" * doctest::skip(is_sim())) {
  Names names;
  names.write_hosts("# local\n192.0.2.50 gateway gw.example # here\n2001:db8::50 gateway\n" +
                    std::string(9000, 'x') + "\n0.0.0.0 blocked.example\n192.0.2.51\tlast.example");
  names.server.zone["gw.example"] = names.server.zone["blocked.example"] = {.ips = both};
  CHECK(names.answer("gateway").text() == "[2001:db8::50]:443 192.0.2.50:443");
  CHECK(names.answer("GW.example.").text() == "192.0.2.50:443");
  CHECK(names.answer("blocked.example").error() == Error::not_found);
  CHECK(names.answer("last.example").text() == "192.0.2.51:443");
  CHECK(names.server.asked.empty());
  CHECK(names.quiet());
  names.write_hosts("");
  CHECK(names.answer("new.example").error() == Error::not_found);
  CHECK(names.server.asked.size() == 2);
}

TEST_CASE("names: search domains complete short names, others come last" *
          doctest::skip(is_sim())) {
  Names names(32, "search one.example two.example\n");
  names.server.zone["collector.two.example"] = {.ips = both};
  names.server.zone["x.y"] = {.ips = {"192.0.2.9"}};
  CHECK(names.answer("collector").text() == both_text);
  CHECK(names.server.asked ==
        std::vector<std::string>{"AAAA collector.one.example", "A collector.one.example",
                                 "AAAA collector.two.example", "A collector.two.example"});
  names.server.asked.clear();
  CHECK(names.answer("x.y").text() == "192.0.2.9:443");
  CHECK(names.server.asked.size() == 2);
  names.server.asked.clear();
  CHECK(names.answer("nowhere.").error() == Error::not_found);
  CHECK(names.server.asked == std::vector<std::string>{"AAAA nowhere", "A nowhere"});
  names.server.asked.clear();
  CHECK(names.answer("nowhere").error() == Error::not_found);
  CHECK(names.server.asked.size() == 6);
}

TEST_CASE("names: without a server it is unreachable; a new resolv.conf helps at once" *
          doctest::skip(is_sim())) {
  Names names(32, "options ndots:1\n");
  names.server.zone["both.example"] = {.ips = both};
  names.server.zone["four.example"] = {.ips = {"192.0.2.4"}};
  // Nobody listens at that address; the kernel says so.
  names.write_resolv_conf("nameserver 127.0.0.77\n");
  CHECK(names.answer("both.example").text() == both_text);  // not looked at for 30 s
  names.server.zone["fail.example"] = {.code = 2};
  CHECK(names.answer("fail.example").error() == Error::unreachable);  // then it is
  CHECK(names.answer("four.example").error() == Error::unreachable);
  names.write_resolv_conf("nameserver 127.0.0.1\n");
  names.run_for(1200ms);
  CHECK(names.answer("four.example").text() == "192.0.2.4:443");
  CHECK(names.allocations == 0);
}

TEST_CASE("names: an end in the middle leaves nothing open" * doctest::skip(is_sim())) {
  Names names;
  names.server.zone["never.example"] = {.never = true};
  names.server.zone["longnever.example"] = {.truncated = true, .never_tcp = true};
  names.ask("never.example");
  names.ask("longnever.example");
  names.run_until([&] { return names.server.asked_by_tcp == 2; });
  CHECK(names.service->open_sockets() == 2);
}

}  // namespace runnel::contract
