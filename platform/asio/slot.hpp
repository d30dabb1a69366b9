// What the driver keeps for each descriptor number: the operations that wait on it, in order, per
// direction, and the places where Asio puts its descriptor and its pending waits. Slots lie in
// planned memory, are made when a number is first waited for, and are never destroyed: a closed
// descriptor leaves an empty slot behind for the next one with its number.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/list.hpp"
#include "io/operation.hpp"

namespace runnel::asio_driver {

struct ReadyTag;
struct ParkedTag;

struct Direction : Link<ReadyTag>, Link<ParkedTag> {
  static constexpr std::size_t wait_bytes = 96;

  List<io::Operation, io::OperationTag> waiting;
  io::StreamOperation* stream = nullptr;  // reading only; at most one
  int descriptor = -1;
  int error = 0;             // errno of a wait that failed: for whoever waits
  bool armed = false;        // Asio holds one wait, in `wait_memory`
  bool memory_used = false;  // by that wait, until its handler has been called
  alignas(std::max_align_t) std::byte wait_memory[wait_bytes];
};

struct Slot {
  static constexpr std::size_t watched_bytes = 32;

  Direction reading;
  Direction writing;
  bool watched = false;  // an Asio descriptor lives in `watched_memory`
  alignas(std::max_align_t) std::byte watched_memory[watched_bytes];
};

// The planned memory of one driver.
struct SlotTable {
  // Zero until first used: the flag in front of a slot says whether it was made.
  struct Entry {
    bool made;
    alignas(Slot) std::byte memory[sizeof(Slot)];
  };
  Entry* entries = nullptr;
  std::uint32_t count = 0;

  // Null when the number is past the plan.
  Slot* at(int descriptor);
  Slot* find(int descriptor);  // null also when it was never made
};

}  // namespace runnel::asio_driver
