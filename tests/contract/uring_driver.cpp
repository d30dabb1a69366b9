// io_uring in both tiers, on the real kernel.
#include "platform/linux/system.hpp"
#include "platform/uring/uring_reactor.hpp"
#include "tests/contract/driver_under_test.hpp"

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

}  // namespace

std::unique_ptr<DriverUnderTest> make_uring_a(std::string& why_not);
std::unique_ptr<DriverUnderTest> make_uring_b(std::string& why_not);

std::unique_ptr<DriverUnderTest> make_uring_a(std::string& why_not) {
  return make(uring::Tier::a, why_not);
}
std::unique_ptr<DriverUnderTest> make_uring_b(std::string& why_not) {
  return make(uring::Tier::b, why_not);
}

}  // namespace runnel::contract
