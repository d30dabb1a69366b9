#include "platform/asio/slot.hpp"

#include <new>

namespace runnel::asio_driver {

Slot* SlotTable::find(int descriptor) {
  if (descriptor < 0 || static_cast<std::uint32_t>(descriptor) >= count) return nullptr;
  Entry& entry = entries[descriptor];
  return entry.made ? std::launder(static_cast<Slot*>(static_cast<void*>(entry.memory))) : nullptr;
}

Slot* SlotTable::at(int descriptor) {
  if (Slot* made = find(descriptor)) return made;
  if (descriptor < 0 || static_cast<std::uint32_t>(descriptor) >= count) return nullptr;
  Entry& entry = entries[descriptor];
  Slot* slot = new (entry.memory) Slot();
  slot->reading.descriptor = descriptor;
  slot->writing.descriptor = descriptor;
  entry.made = true;
  return slot;
}

}  // namespace runnel::asio_driver
