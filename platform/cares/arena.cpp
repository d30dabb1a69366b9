#include "platform/cares/arena.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/assert.hpp"

namespace runnel::cares {

// Headers lie at multiples of their size in a block that is aligned for them.
Arena::Header* Arena::header_at(std::byte* place) {
  void* untyped = place;
  return std::launder(static_cast<Header*>(untyped));
}

Arena::Arena(MutableBytes memory)
    : memory_(memory.first(memory.size() / sizeof(Header) * sizeof(Header))) {
  RUNNEL_ASSERT(memory_.size() > sizeof(Header));
  new (memory_.data()) Header{memory_.size(), false};
}

Arena::Header* Arena::next(Header* header) const {
  std::byte* at = reinterpret_cast<std::byte*>(header) + header->bytes;
  if (at == memory_.data() + memory_.size()) return nullptr;
  return header_at(at);
}

void Arena::join(Header* header) {
  for (Header* behind = next(header); behind != nullptr && !behind->in_use; behind = next(header))
    header->bytes += behind->bytes;
}

void* Arena::allocate(std::size_t bytes) {
  if (bytes > memory_.size()) return nullptr;
  const std::size_t needed =
      sizeof(Header) + align_up(std::max<std::size_t>(bytes, 1), sizeof(Header));
  Header* header = header_at(memory_.data());
  for (; header != nullptr; header = next(header)) {
    if (header->in_use) continue;
    join(header);
    if (header->bytes >= needed) break;
  }
  if (header == nullptr) return nullptr;
  const std::size_t rest = header->bytes - needed;
  if (rest > sizeof(Header)) {
    new (reinterpret_cast<std::byte*>(header) + needed) Header{rest, false};
    header->bytes = needed;
  }
  header->in_use = true;
  used_ += header->bytes;
  used_max_ = std::max(used_max_, used_);
  return header + 1;
}

void Arena::release(void* piece) {
  if (piece == nullptr) return;
  Header* header = header_of(piece);
  RUNNEL_ASSERT(header->in_use);
  header->in_use = false;
  used_ -= header->bytes;
}

void* Arena::resize(void* piece, std::size_t bytes) {
  if (piece == nullptr) return allocate(bytes);
  const std::size_t had = header_of(piece)->bytes - sizeof(Header);
  if (bytes <= had) return piece;
  void* moved = allocate(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, piece, had);
  release(piece);
  return moved;
}

}  // namespace runnel::cares
