// fdatasync without a thread and without stalling the loop: Linux's own asynchronous I/O, which
// knows a sync command since 4.18, with an eventfd that turns readable on completion. At most
// `in_flight_max` at once. Raw system calls; where they are refused `start` says so and the caller
// syncs in place.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "base/function_ref.hpp"
#include "io/operation.hpp"

namespace runnel::asio_driver {

class AioSync {
 public:
  static constexpr std::uint32_t in_flight_max = 64;

  explicit AioSync(bool wanted);  // probes once, with a real sync of a nameless file
  ~AioSync();                     // waits for what is in flight
  AioSync(const AioSync&) = delete;
  AioSync& operator=(const AioSync&) = delete;

  bool available() const { return context_ != 0; }
  int refusal() const { return refusal_; }  // errno; 0 when available
  bool idle() const { return in_flight_ == 0; }
  int descriptor() const { return descriptor_; }  // readable when syncs have completed

  enum class Started : std::uint8_t {
    yes,    // comes back from `collect`
    later,  // all slots are taken: try again after a `collect`
    no,     // not here, or not for this handle: sync in place
  };
  // Borrows the operation until `collect` hands it over.
  Started start(io::Operation& operation);

  // Everything that has completed, with `result` and `error` set. Does not wait.
  void collect(FunctionRef<void(io::Operation&)> each);

 private:
  bool submit(int command, int descriptor, io::Operation* operation);
  void probe();
  void give_up(int reason);

  unsigned long context_ = 0;
  int descriptor_ = -1;
  int refusal_ = 0;
  std::uint32_t in_flight_ = 0;
};

}  // namespace runnel::asio_driver
