// Asio, and all of it that Runnel uses: which descriptors are ready, and waiting for that. At most
// one wait is pending per descriptor and direction; its handler only queues the direction on
// `ready`. System calls, their results and cancellation are the driver's (asio_reactor.cpp).
// Nothing here allocates after `make` and nothing throws after it.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "base/time.hpp"
#include "platform/asio/slot.hpp"

namespace runnel::asio_driver {

class Readiness {
 public:
  // Start-up: makes the epoll set and lets Asio allocate its state for every slot of the table.
  static Result<std::unique_ptr<Readiness>> make(SlotTable table);
  ~Readiness();

  using ReadyList = List<Direction, ReadyTag>;
  ReadyList ready;  // taken by the driver between turns

  // Asks once for readiness in that direction; no effect while it is already asked for. Level, not
  // edge: a descriptor that is ready now comes up in the next turn.
  Status want(Slot& slot, Direction& direction, int descriptor);

  // Before the number is closed. Whatever Asio still holds about it is gone when this returns.
  void forget(Slot& slot);

  // Collects what is ready; if that is nothing, waits for it until `until`. May come back early.
  void turn(Instant now, Instant until);

 private:
  struct Asio;
  explicit Readiness(SlotTable table);
  void set_timer(Instant now, Instant until);

  SlotTable table_;
  std::unique_ptr<Asio> asio_;
  // A timer of our own: Asio's counts no suspended time and wakes every five minutes.
  int timer_ = -1;
  Instant timer_set_to_ = never;
};

}  // namespace runnel::asio_driver
