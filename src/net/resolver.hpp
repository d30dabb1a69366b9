// Names to addresses. One of an agent, shared by its components; never blocks the loop.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "async/task.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "io/address.hpp"

namespace runnel::net {

// In the order in which they should be tried: the families take turns (RFC 8305 section 4).
struct Addresses {
  static constexpr std::size_t count_max = 8;
  std::array<io::Address, count_max> all;
  std::size_t count = 0;
};

class Resolver {
 public:
  // Of the frame of `resolve`, for the plan of who calls it.
  static constexpr std::size_t frame_bytes = 384;

  virtual ~Resolver() = default;
  // `host`: a name or a numeric address without a port; stays until the task has ended.
  // `not_found`: the name has no address. `timed_out`, `unreachable`: no server answered in time.
  // `malformed`: not a name. `no_memory`: too many questions are open.
  virtual async::Task<Status> resolve(std::string_view host, std::uint16_t port, Addresses& into,
                                      Instant deadline) = 0;
};

}  // namespace runnel::net
