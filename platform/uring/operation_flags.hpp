// What the driver notes in Operation::driver_flags while it has the operation.
#pragma once

#include <cstdint>

#include "io/operation.hpp"

namespace runnel::uring {

enum : std::uint32_t {
  in_kernel = 1,           // a request whose last completion has not come
  polling = 2,             // that request only asks for readiness
  cancel_wanted = 4,       // never start it again
  done = 8,                // its outcome is set
  queued = 16,             // linked in `finished_`
  to_park = 32,            // park it once it has been handed over
  parked = 64,             // linked in the parked list of its pool
  waiting_for_stat = 128,  // linked in `waiting_for_stat_`
};

inline bool has(const io::Operation& operation, std::uint32_t flag) {
  return (operation.driver_flags & flag) != 0;
}
inline void set(io::Operation& operation, std::uint32_t flag) { operation.driver_flags |= flag; }
inline void clear(io::Operation& operation, std::uint32_t flag) { operation.driver_flags &= ~flag; }

}  // namespace runnel::uring
