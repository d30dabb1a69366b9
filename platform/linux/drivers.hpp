// The choice of a driver at start: io_uring, or Asio where io_uring is refused.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"
#include "io/reactor.hpp"
#include "io/system.hpp"

namespace runnel::linux_os {

enum class DriverChoice : std::uint8_t { automatic, uring, uring_tier_b, asio };

struct Driver {
  std::unique_ptr<io::Reactor> reactor;
  std::size_t bytes = 0;  // its share of the memory plan
  std::string name;       // "io_uring", "asio"
  std::string remark;     // automatic: why it is not io_uring
};

// `handles_max` bounds the handles that may be open at once. A driver that was asked for by name
// and is refused is a problem; `automatic` never is, unless Asio fails too.
Built<Driver> open_driver(DriverChoice choice, std::size_t handles_max, io::System& system);

}  // namespace runnel::linux_os
