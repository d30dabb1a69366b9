// The simulator under the contract suite. RUNNEL_SIM_SEED chooses the seed, RUNNEL_SIM_ROUGH=1 a
// world that is slow, shuffled and in small pieces: short reads, writes, sends and receives.
#include <cstdlib>
#include <string_view>

#include "platform/sim/reactor.hpp"
#include "platform/sim/system.hpp"
#include "platform/sim/world.hpp"
#include "tests/contract/driver_under_test.hpp"

namespace runnel::contract {

std::unique_ptr<DriverUnderTest> make_sim(std::string& why_not);

namespace {

constexpr const char* scratch_folder = "/scratch";

struct SimDriver final : DriverUnderTest {
  SimDriver(std::uint64_t seed, const sim::SimOptions& options)
      : world(seed, options), driver(world), calls(world) {
    const bool made = calls.make_folders(scratch_folder).ok();
    RUNNEL_ASSERT(made);
  }
  io::Reactor& reactor() override { return driver; }
  io::System& system() override { return calls; }
  std::string scratch() override { return scratch_folder; }

  sim::SimWorld world;
  sim::SimReactor driver;
  sim::SimSystem calls;
};

}  // namespace

std::unique_ptr<DriverUnderTest> make_sim(std::string&) {
  const char* seed = std::getenv("RUNNEL_SIM_SEED");
  const char* rough = std::getenv("RUNNEL_SIM_ROUGH");
  sim::SimOptions options = sim::SimOptions::calm();
  if (rough != nullptr && std::string_view(rough) == "1") {
    options = sim::SimOptions::rough();
    options.partial_writes = options.partial_reads;
  }
  return std::make_unique<SimDriver>(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1,
                                     options);
}

}  // namespace runnel::contract
