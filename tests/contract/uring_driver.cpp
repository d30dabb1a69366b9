// io_uring in both tiers, on the real kernel.
#include "platform/linux/system.hpp"
#include "platform/uring/uring_reactor.hpp"
#include "tests/contract/fixture.hpp"

namespace runnel::contract {
namespace {

class UringUnderTest final : public DriverUnderTest {
 public:
  explicit UringUnderTest(std::unique_ptr<uring::UringReactor> reactor)
      : reactor_(std::move(reactor)) {}
  io::Reactor& reactor() override { return *reactor_; }
  io::System& system() override { return system_; }
  std::string scratch() override { return scratch_.path(); }

 private:
  ScratchFolder scratch_;
  linux_os::LinuxSystem system_;
  std::unique_ptr<uring::UringReactor> reactor_;
};

std::unique_ptr<DriverUnderTest> make(uring::Tier tier, std::string& why_not) {
  auto made = uring::UringReactor::create({.force_tier_b = tier == uring::Tier::b});
  if (!made) {
    why_not = made.error().text;
    return nullptr;
  }
  if ((*made)->tier() != tier) {
    why_not = concat("this kernel only has another tier: ", (*made)->description());
    return nullptr;
  }
  return std::make_unique<UringUnderTest>(std::move(*made));
}

bool is_uring() { return std::string_view(chosen_driver().name).starts_with("uring"); }

}  // namespace

std::unique_ptr<DriverUnderTest> make_uring_a(std::string& why_not);
std::unique_ptr<DriverUnderTest> make_uring_b(std::string& why_not);

std::unique_ptr<DriverUnderTest> make_uring_a(std::string& why_not) {
  return make(uring::Tier::a, why_not);
}
std::unique_ptr<DriverUnderTest> make_uring_b(std::string& why_not) {
  return make(uring::Tier::b, why_not);
}

TEST_CASE("uring: one that starts again and has nothing to receive lets the next one have it" *
          doctest::skip(!is_uring())) {
  Fixture f;
  io::BufferPool& pool = f.pool(1, 64);
  constexpr std::size_t count = 4;
  SocketPair pairs[count];
  Request streams[count];
  for (std::size_t index = 0; index < count; ++index) {
    pairs[index] = f.connect_pair();
    f.submit(streams[index].recv_stream(pairs[index].server, pool));
  }
  // The first takes the only buffer; then the others find none, one after the other.
  const std::string text = pattern(64);
  for (std::size_t index = 0; index < count; ++index) {
    Request send;
    f.run(send.send(pairs[index].client, as_bytes(text)));
    REQUIRE(send.result == 64);
    if (index == 0) f.until([&] { return streams[0].queue.count() == 1; }, "the only buffer");
    f.pause_until(after(f.reactor().now(), 1ms));
  }
  // All but the last lose what they waited for to somebody else.
  for (std::size_t index = 1; index + 1 < count; ++index) {
    std::string into(64, '\0');
    Request recv;
    f.run(recv.recv(pairs[index].server, writable(into)));
    REQUIRE(recv.result == 64);
  }
  CHECK(f.take_text(streams[0]) == text);
  Request& last = streams[count - 1];
  f.until([&] { return !last.queue.empty(); }, "the stream that waited longest for its turn");
  CHECK(f.take_text(last) == text);
  for (Request& stream : streams) {
    f.reactor().cancel(stream);
    f.wait_for(stream);
    f.take_text(stream);
  }
  for (const SocketPair& pair : pairs) {
    f.close(pair.client);
    f.close(pair.server);
  }
}

}  // namespace runnel::contract
