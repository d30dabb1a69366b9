#include "sinks/mqtt/flight.hpp"

#include <algorithm>

namespace runnel::sinks {
namespace {

constexpr std::uint32_t ids = 65'535;  // 1 to 65535

}  // namespace

FlightMemory FlightMemory::carve(Region& region, std::uint16_t window, std::uint32_t messages_max) {
  FlightMemory memory;
  memory.slots = region.array<Slot>(window, "messages on their way");
  memory.settled = region.array<std::uint64_t>((messages_max + 63) / 64, "settled messages");
  return memory;
}

std::uint16_t Flight::id_at(std::size_t offset) const {
  return static_cast<std::uint16_t>((first_id_ - 1 + offset) % ids + 1);
}

std::size_t Flight::offset_of(std::uint16_t packet_id) const {
  return (packet_id + ids - first_id_) % ids;
}

bool Flight::begin(const pipeline::BatchId& id, std::uint32_t messages) {
  RUNNEL_ASSERT(messages <= memory_.settled.size() * 64);
  if (id == id_ && messages == messages_) return false;
  // What was left of another frame is not known any more: it comes again, in a frame of its own.
  first_id_ = id_at(slot_count_);
  slot_count_ = resend_ = 0;
  on_their_way_ = 0;
  id_ = id;
  messages_ = messages;
  settled_count_ = next_message_ = 0;
  std::fill(memory_.settled.begin(), memory_.settled.end(), 0);
  return true;
}

void Flight::connected(bool session_present, std::uint16_t limit) {
  RUNNEL_ASSERT(limit > 0);
  limit_ = limit;
  on_their_way_ = 0;
  resend_ = 0;
  if (session_present) return;
  first_id_ = id_at(slot_count_);
  slot_count_ = 0;
  next_message_ = 0;
}

void Flight::begin_again() {
  if (on_their_way_ == 0 && resend_ == slot_count_) next_message_ = 0;
}

std::optional<Flight::Outgoing> Flight::next() {
  if (on_their_way_ >= limit_) return {};
  while (resend_ < slot_count_) {
    const std::size_t offset = resend_++;
    if (!slot(offset).open) continue;
    ++on_their_way_;
    return Outgoing{slot(offset).message, id_at(offset), true};
  }
  if (slot_count_ == memory_.slots.size()) return {};
  while (next_message_ < messages_ && is_settled(next_message_)) ++next_message_;
  if (next_message_ == messages_) return {};
  const std::size_t offset = slot_count_++;
  resend_ = slot_count_;
  slot(offset) = {next_message_++, true};
  ++on_their_way_;
  return Outgoing{slot(offset).message, id_at(offset), false};
}

Result<std::uint32_t> Flight::waiting(std::uint16_t packet_id) const {
  if (packet_id == 0) return fail(Error::malformed);
  const std::size_t offset = offset_of(packet_id);
  if (offset >= resend_ || !slot(offset).open) return fail(Error::malformed);
  return slot(offset).message;
}

void Flight::close(std::uint16_t packet_id, bool settled) {
  const std::size_t offset = offset_of(packet_id);
  RUNNEL_ASSERT(offset < resend_ && slot(offset).open);
  slot(offset).open = false;
  RUNNEL_ASSERT(on_their_way_ > 0);
  --on_their_way_;
  if (settled) mark(slot(offset).message);
  while (slot_count_ > 0 && resend_ > 0 && !slot(0).open) {
    first_slot_ = (first_slot_ + 1) % memory_.slots.size();
    first_id_ = id_at(1);
    --slot_count_;
    --resend_;
  }
}

void Flight::mark(std::uint32_t message) {
  RUNNEL_ASSERT(message < messages_ && !is_settled(message));
  memory_.settled[message / 64] |= std::uint64_t{1} << (message % 64);
  ++settled_count_;
}

}  // namespace runnel::sinks
