#include "platform/linux/drivers.hpp"

#include <utility>

#include "agent/exit_codes.hpp"
#include "base/region.hpp"
#include "base/text.hpp"
#include "platform/asio/asio_reactor.hpp"
#include "platform/uring/uring_reactor.hpp"

namespace runnel::linux_os {
namespace {

using asio_driver::AsioReactor;

Built<Driver> open_uring(bool force_tier_b) {
  auto reactor = uring::UringReactor::create({.force_tier_b = force_tier_b});
  if (!reactor) return tl::unexpected(reactor.error());
  Driver driver;
  driver.bytes = (*reactor)->mapped_bytes();
  driver.name = "io_uring";
  driver.reactor = std::move(*reactor);
  return driver;
}

Built<Driver> open_asio(std::size_t handles_max, io::System& system) {
  const auto handles = static_cast<std::uint32_t>(handles_max);
  Region measured = Region::measuring();
  AsioReactor::carve(measured, handles);
  const auto memory = system.map(align_up(measured.used(), Region::base_alignment));
  if (!memory)
    return problem(concat("no memory for the asio driver: ", describe(memory.error())),
                   agent::exit_codes::unavailable);
  Region region = Region::over(*memory);
  auto reactor = AsioReactor::create(AsioReactor::carve(region, handles));
  if (!reactor) return tl::unexpected(reactor.error());
  Driver driver;
  driver.bytes = memory->size();
  driver.name = "asio";
  driver.reactor = std::move(*reactor);
  return driver;
}

}  // namespace

Built<Driver> open_driver(DriverChoice choice, std::size_t handles_max, io::System& system) {
  if (choice == DriverChoice::asio) return open_asio(handles_max, system);
  auto driver = open_uring(choice == DriverChoice::uring_tier_b);
  if (driver || choice != DriverChoice::automatic) {
    if (!driver) driver.error().exit_code = agent::exit_codes::unavailable;
    return driver;
  }
  auto fallback = open_asio(handles_max, system);
  if (fallback) fallback->remark = driver.error().text;
  return fallback;
}

}  // namespace runnel::linux_os
