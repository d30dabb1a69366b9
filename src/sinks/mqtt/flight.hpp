// Which messages of a frame are on their way, and which are settled (acknowledged, or refused for
// good). Pure state for QoS 1: what is sent gets the next packet identifier, at most `window`
// wait for their PUBACK, and after a connection has broken those that still wait are sent again:
// under their identifiers as duplicates when the server has kept the session, else as new.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/region.hpp"
#include "pipeline/batch_id.hpp"

namespace runnel::sinks {

struct FlightMemory {
  struct Slot {
    std::uint32_t message = 0;
    bool open = false;  // not acknowledged
  };
  std::span<Slot> slots;             // one for each of the window
  std::span<std::uint64_t> settled;  // a bit for each message of a frame
  static FlightMemory carve(Region& region, std::uint16_t window, std::uint32_t messages_max);
};

class Flight {
 public:
  explicit Flight(const FlightMemory& memory) : memory_(memory) {}

  // The frame to be sent: what is known of it stays, if it is the one of the last time; true: it is
  // another one.
  bool begin(const pipeline::BatchId& id, std::uint32_t messages);
  // A connection was made, over which `limit` messages may wait at a time (at least 1).
  void connected(bool session_present, std::uint16_t limit);
  // What was put back is sent again.
  void begin_again();

  struct Outgoing {
    std::uint32_t message = 0;
    std::uint16_t packet_id = 0;
    bool duplicate = false;
  };
  // What to send now; nothing: as much as may be is on its way, or there is no more.
  std::optional<Outgoing> next();

  // The message that was sent under it and waits. `malformed`: there is none.
  Result<std::uint32_t> waiting(std::uint16_t packet_id) const;
  // It has its answer, or needs none: settled, or not now.
  void settle(std::uint16_t packet_id) { close(packet_id, true); }
  void put_back(std::uint16_t packet_id) { close(packet_id, false); }

  bool all_settled() const { return settled_count_ == messages_; }
  std::uint16_t on_their_way() const { return on_their_way_; }

 private:
  void close(std::uint16_t packet_id, bool settled);
  void mark(std::uint32_t message);
  bool is_settled(std::uint32_t message) const {
    return (memory_.settled[message / 64] >> (message % 64) & 1) != 0;
  }
  std::size_t offset_of(std::uint16_t packet_id) const;
  FlightMemory::Slot& slot(std::size_t offset) const {
    return memory_.slots[(first_slot_ + offset) % memory_.slots.size()];
  }
  std::uint16_t id_at(std::size_t offset) const;

  FlightMemory memory_;
  pipeline::BatchId id_;
  std::uint32_t messages_ = 0;
  std::uint32_t settled_count_ = 0;
  std::uint32_t next_message_ = 0;
  // The window: slots in the order in which they were sent, with identifiers without a hole.
  std::size_t first_slot_ = 0;
  std::size_t slot_count_ = 0;
  std::size_t resend_ = 0;  // slots from here on were not yet sent over this connection
  std::uint16_t first_id_ = 1;
  std::uint16_t limit_ = 1;
  std::uint16_t on_their_way_ = 0;  // sent over this connection and open
};

}  // namespace runnel::sinks
